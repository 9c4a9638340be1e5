/** What dialogs of several tabs have under way at once (STO-45). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Customer, ShownNotice } from "../src/customer.ts";
import { ClientError } from "../src/errors.ts";
import { furtherOf } from "../src/kin/further.ts";
import { lifeOf, portsOf, refusal } from "./life.ts";
import { MemoryPlace } from "./memory_store.ts";

const settled = () => new Promise((done) => setImmediate(done));

/** The acts of a room, whose links open when `open` says so, and what was done to each. */
function acts() {
  const log: string[] = [];
  const waiting: (() => void)[] = [];
  const link = () => {
    const name = `link ${waiting.length + 1}`;
    const made = { text: name, digits: Promise.resolve(name), over: new Promise(() => {}) };
    const close = () => void log.push(`${name} closed`);
    const confirm = async () => void log.push(`${name} confirmed`);
    return new Promise((done) => waiting.push(() => done({ ...made, close, confirm })));
  };
  const recover = (_: unknown, code: string, { signal }: { readonly signal: AbortSignal }) =>
    new Promise((_, failed) =>
      signal.addEventListener("abort", () => failed(new ClientError("client.closed", `${code} waits no longer`))),
    );
  const me = { devices: async () => ({ link }), recovery: async () => ({ recover }) };
  const act = furtherOf({ customer: async () => me as unknown as Customer, notice: () => ({}) as ShownNotice });
  return { act, log, open: (n: number) => waiting[n - 1]?.() };
}

test("a link that comes after its dialog was closed is closed, and takes no other's place (STO-45)", async () => {
  const { act, log, open } = acts();
  const first = refusal(act("link", "a"));
  await settled();
  await act("end", "a");
  const second = act("link", "b");
  await settled();
  open(2);
  assert.equal(await second, "link 2");
  open(1);
  assert.equal(await first, "link.expired");
  await act("link-confirm", "b");
  assert.deepEqual(log, ["link 1 closed", "link 2 confirmed"]);
});

test("the link of one dialog is ended by that one, or by its next, and by no other (STO-45)", async () => {
  const { act, log, open } = acts();
  const begin = async (handle: string, n: number) => {
    const link = act("link", handle);
    await settled();
    open(n);
    return await link;
  };
  await begin("a", 1);
  await begin("b", 2);
  assert.deepEqual([await act("link-digits", "a"), await act("link-digits", "b"), log], ["link 1", "link 2", []]);
  await act("end", "b");
  assert.equal(await refusal(act("link-confirm", "b")), "link.expired");
  await begin("a", 3);
  await act("link-confirm", "a");
  assert.deepEqual(log, ["link 2 closed", "link 1 closed", "link 3 confirmed"]);
});

test("a recovery is ended by its own dialog alone (STO-45)", async () => {
  const { act } = acts();
  let isWaiting = true;
  const given = { handle: "a", code: "X", purposes: [], shown: { locale: "de" } };
  const waits = refusal(act("recover", given)).finally(() => {
    isWaiting = false;
  });
  await settled();
  await act("end", "b");
  await settled();
  assert.ok(isWaiting);
  await act("end", "a");
  assert.equal(await waits, "client.closed");
});

test("acts that come before their code is here have what is under way in common (STO-45)", async () => {
  const made: unknown[] = [];
  const later = async () => {
    const part = await import("../src/later.ts");
    const furtherSpied: typeof part.furtherOf = (host) => {
      made.push(host);
      return part.furtherOf(host);
    };
    return { ...part, furtherOf: furtherSpied };
  };
  const life = lifeOf(portsOf(new MemoryPlace(), { later }));
  await Promise.all([life.further("end", "a"), life.further("end", "b")]);
  assert.equal(made.length, 1);
});
