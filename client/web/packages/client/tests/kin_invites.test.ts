/** The link that lets another device in, and the mailbox that it waits at (ACC-32 to ACC-34, ACC-53, RLY-142). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { Bytes } from "@sealroom/core/bytes.ts";
import { cardToUri, parseCard } from "@sealroom/core/card.ts";
import { IN, placeOf } from "@sealroom/core/company/invite.ts";
import { encodeRequest } from "@sealroom/core/company/invite_messages.ts";
import { DAY_MS } from "@sealroom/core/constants.ts";
import { DENIED, UNAVAILABLE } from "@sealroom/core/relay/requests.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { decode, encode } from "@sealroom/core/wire/cbor.ts";
import type { LinkEvents } from "../src/engine/ports.ts";
import { newDevice } from "../src/engine/upkeep.ts";
import { ClientError } from "../src/errors.ts";
import type { BoxPorts } from "../src/kin/box.ts";
import { openBox } from "../src/kin/box.ts";
import { addDevice, checkMayAdd } from "../src/kin/devices.ts";
import { link, sealedFor } from "../src/kin/inviting.ts";
import { parseLink } from "../src/kin/joining.ts";
import { presentOf } from "../src/kin/state.ts";
import type { Shell } from "../src/shell.ts";
import { Directory, madeAt } from "./kin_directory.ts";
import * as relay from "./relay_frames.ts";
import { bytesFrom, NOW_MS, RELAY } from "./shop.ts";

const SEND = 5;
const AUTHENTICATE = 2;
const MESSAGE = 129;
const AGAIN_MS = 1_000;
const RESULTS: Readonly<Record<number, readonly Value[]>> = {
  [AUTHENTICATE]: [relay.AUTH_RESULT, []],
  [SEND]: [relay.SEND_RESULTS, [[0, 0]]],
};

/** A relay that does what it is asked, and work that never ends; some messages are answered otherwise, or not at all. */
function played(sent: (number | "cut")[] = []) {
  const asked: number[] = [];
  const works: AbortSignal[] = [];
  const state: { events: LinkEvents | null } = { events: null };
  const answer = (message: Bytes): void => {
    for (const one of decode(message, 1_048_576) as readonly ReadonlyMap<number, Value>[]) {
      const [operation, id] = [...one.values()] as [number, number];
      asked.push(operation);
      const said = operation === SEND ? sent.shift() : undefined;
      if (said === "cut") {
        queueMicrotask(() => state.events?.closed("relay.unavailable"));
        continue;
      }
      const result = said === undefined ? RESULTS[operation] : [relay.SEND_RESULTS, [[said, 0]]];
      const [code, ...fields] = result ?? [relay.DONE];
      const frames = encode([relay.frame([code as Value, id, ...fields])]);
      queueMicrotask(() => state.events?.received(frames));
    }
  };
  // Short pauses are over at once; nothing waits long enough to be over.
  const wake = (atMs: number, due: () => void) => {
    if (atMs <= NOW_MS + AGAIN_MS) queueMicrotask(due);
    return () => {};
  };
  const ports: BoxPorts = {
    connect: (_, events) => {
      state.events = events;
      return { send: answer, close: () => {} };
    },
    work: (_context, _bits, signal) => {
      works.push(signal);
      return new Promise(() => {});
    },
    clock: { nowMs: () => NOW_MS, wake },
    random: bytesFrom(6),
  };
  const gives = (message: Bytes): void => (state.events as LinkEvents).received(message);
  return { ports, asked, works, gives, breaks: () => (state.events as LinkEvents).closed("relay.unavailable") };
}

test("a relay that greets again and again is given one proof of work a connection, none if of no use (RLY-142)", () => {
  const address = { mailbox: new Uint8Array(16), token: new Uint8Array(32) };
  for (const [greeting, count] of [
    [{ bits: 16 }, 1],
    [{ bits: 17 }, 0],
    [{ bits: 16, version: 2 }, 0],
  ] as const) {
    const { ports, works, gives, breaks } = played();
    openBox(ports, RELAY, address);
    for (let n = 0; n < 3; n++) gives(relay.hello(greeting));
    assert.equal(works.length, count);
    breaks();
    assert.ok(works.every((one) => one.aborted));
  }
});

test("a message that was not answered has come where its mailbox is gone then; else nobody was there (ACC-32)", async () => {
  const address = { mailbox: new Uint8Array(16), token: new Uint8Array(32) };
  for (const [said, outcome] of [
    [["cut", DENIED], "sent"],
    [["cut", UNAVAILABLE, DENIED], "sent"],
    [[DENIED], "link.expired"],
    [[UNAVAILABLE, DENIED], "link.expired"],
  ] as const) {
    const { ports, asked, gives } = played([...said]);
    const box = openBox(ports, RELAY, address);
    const sending = box.send(address, new Uint8Array(9)).then(
      () => "sent",
      (error: unknown) => (error instanceof ClientError ? error.code : error),
    );
    for (const _ of said) {
      gives(relay.hello());
      for (let n = 0; n < 20; n++) await setImmediate();
    }
    assert.equal(await sending, outcome);
    assert.equal(asked.filter((one) => one === SEND).length, said.length);
  }
});

/** A link that is opened at a played relay, which has not greeted yet. */
function opening(sent: (number | "cut")[] = []) {
  const directory = new Directory(madeAt(NOW_MS));
  directory.connect(NOW_MS);
  const { engine } = directory;
  const relayed = played(sent);
  const held: { gate: Promise<void> } = { gate: Promise.resolve() };
  const doing: Shell["do"] = async (work) => {
    await held.gate;
    const given: { result?: unknown } = {};
    directory.do(NOW_MS, (c, turn) => Object.assign(given, { result: work(c, turn) }));
    return given.result as never;
  };
  const shell = { context: engine.context, do: doing, listen: () => () => {} } as unknown as Shell;
  return { directory, ...relayed, held, opened: link(shell, relayed.ports) };
}

/** A link that is shown, and a way to let devices come; steps wait for `go`. */
async function shown(sent: (number | "cut")[] = []) {
  const { directory, held, ports, asked, gives, opened } = opening(sent);
  await setImmediate();
  gives(relay.hello());
  const made = await opened;
  const { code, account } = parseLink(made.text);
  const place = placeOf(code.secret, account.accountId);
  const comes = async (seed: number, aheadMs = 0): Promise<void> => {
    const { record } = newDevice(bytesFrom(seed), account.accountId, place.deviceId, NOW_MS + aheadMs);
    const message = encodeRequest(record.bytes, new Uint8Array(16).fill(seed), new Uint8Array(32));
    const body = sealedFor(ports.random, account.accountId, code, IN, message);
    gives(relay.push(MESSAGE, place.mailbox, seed, new Uint8Array(16), body, NOW_MS));
    for (let n = 0; n < 20; n++) await setImmediate();
  };
  for (let n = 0; n < 20; n++) await setImmediate();
  const waits = (): (() => void) => {
    const wait = Promise.withResolvers<void>();
    held.gate = wait.promise;
    return wait.resolve;
  };
  return {
    made,
    comes,
    waits,
    asked,
    sends: () => asked.filter((one) => one === SEND).length,
    others: () => presentOf(directory.k).filter((one) => !one.leaving),
    kin: directory.k,
  };
}

async function withOneThatCame(sent: (number | "cut")[] = []) {
  const found = await shown(sent);
  await found.comes(21);
  assert.match(await found.made.digits, /^[0-9]{6}$/);
  return found;
}

function outcomeOf(step: Promise<unknown>): Promise<unknown> {
  return step.then(
    () => "done",
    (error: unknown) => (error instanceof ClientError ? error.code : error),
  );
}

test("a link is shown when its device finds a mailbox (ACC-32)", async () => {
  const { gives, opened } = opening();
  const state = { isShown: false };
  void opened.then(() => Object.assign(state, { isShown: true }));
  for (let n = 0; n < 20; n++) await setImmediate();
  assert.equal(state.isShown, false);
  gives(relay.hello());
  (await opened).close();
});

test("a link that ends while the person confirms lets nobody in, and says so to both (ACC-34, ACC-53)", async () => {
  for (const ends of ["second", "closed"] as const) {
    const { made, comes, waits, sends, others } = await withOneThatCame();
    const go = waits();
    const confirmed = outcomeOf(made.confirm());
    const before = sends();
    if (ends === "second") await comes(22);
    else made.close();
    go();
    for (let n = 0; n < 20; n++) await setImmediate();
    assert.deepEqual(others(), []);
    assert.equal(await confirmed, ends === "second" ? "link.second" : "link.expired");
    await assert.rejects(made.over, ClientError);
    assert.equal(sends() - before, ends === "second" ? 2 : 0);
  }
});

test("a device that was confirmed in time is let in, whoever comes then (ACC-34)", async () => {
  const { made, comes, others } = await withOneThatCame();
  void made.confirm().catch(() => {});
  await made.over;
  await comes(22);
  assert.equal(others().length, 1);
});

test("a link has ended before the two devices are told, and they are told though it is closed then (ACC-34)", async () => {
  const { made, comes, sends, others } = await withOneThatCame([0, UNAVAILABLE, UNAVAILABLE]);
  const [coming, over] = [comes(22), outcomeOf(made.over)];
  assert.equal(await over, "link.second");
  made.close();
  assert.equal(await outcomeOf(made.confirm()), "link.second");
  await coming;
  assert.deepEqual(others(), []);
  assert.equal(sends(), 5);
});

test("a new device of another date is refused as a matter of clocks, and told (ACC-35, ACC-53)", async () => {
  for (const aheadMs of [-2 * DAY_MS, 2 * DAY_MS]) {
    const { made, comes, sends, others } = await shown();
    await comes(21, aheadMs);
    for (const one of [made.digits, made.over, made.confirm()]) assert.equal(await outcomeOf(one), "link.clock");
    assert.equal(sends(), 1);
    assert.deepEqual(others(), []);
  }
});

test("a device that left before it could be told is struck off again, and that is said (ACC-54)", async () => {
  const { made, others, kin } = await withOneThatCame([0, DENIED]);
  const confirmed = outcomeOf(made.confirm());
  await made.over;
  assert.equal(others().length, 1);
  assert.equal(await confirmed, "link.left");
  assert.deepEqual(others(), []);
  assert.equal(kin.c.own.list.recordHashes.length, 1);
});

test("a fifth device is refused before a code is shown (ACC-50)", () => {
  const directory = new Directory(madeAt(NOW_MS));
  directory.connect(NOW_MS);
  const { k } = directory;
  for (const seed of [31, 32, 33]) {
    checkMayAdd(k);
    const { record } = newDevice(bytesFrom(seed), k.c.own.record.accountId, new Uint8Array(16).fill(seed), NOW_MS);
    directory.do(NOW_MS, (_, turn) => addDevice(k, turn, record));
  }
  assert.throws(
    () => checkMayAdd(k),
    (error) => error instanceof ClientError && error.code === "device.too_many",
  );
});

test("a code that leads to another relay than the company's is refused (ACC-51)", async () => {
  const { made } = await shown();
  const [account, code, company] = made.text.split(" ") as [string, string, string];
  parseLink(made.text);
  const moved = cardToUri({ ...parseCard(account), relayUrl: "wss://other.example" });
  assert.throws(
    () => parseLink(`${moved} ${code} ${company}`),
    (error) => error instanceof ClientError && error.code === "link.code",
  );
});
