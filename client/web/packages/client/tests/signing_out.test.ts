/** The page says that the person has left: nobody known has any room of hers (CNS-56, CNS-75). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, unhex } from "@sealroom/core/bytes.ts";
import { DAY_MS } from "@sealroom/core/constants.ts";
import type { Customer } from "../src/customer.ts";
import { act } from "../src/engine/rooms/consenting.ts";
import { payloadOf, transcript } from "../src/engine/rooms/judging.ts";
import { challenge } from "../src/engine/rooms/logging_in.ts";
import { stepIn } from "../src/engine/rooms/rooms.ts";
import { write } from "../src/engine/rooms/writing.ts";
import { furtherOf } from "../src/kin/further.ts";
import { kinOf } from "../src/kin/kin.ts";
import { lifeOf, person, portsOf, refusal, shown, withNotice } from "./life.ts";
import { MemoryPlace } from "./memory_store.ts";
import { NOW_MS } from "./shop.ts";

const KIND_ERASE = 5;
const KIND_IDENTIFY = 17;
const ACT_CLOSE = 1;
const NEVER = () => {
  throw new Error("no notice is asked for");
};

/** A person with a closed room and a newer one, of which the closed one had something last. */
async function withTwoRooms(isKnown: boolean): Promise<{ me: Customer; older: Bytes; newer: Bytes }> {
  const place = new MemoryPlace();
  const at = { nowMs: NOW_MS };
  const clock = { nowMs: () => at.nowMs, wake: () => () => {} };
  const { shell, roomId } = await person(place, { clock });
  await shell.do((c, turn) =>
    stepIn(c, turn, roomId, (d) => {
      if (isKnown) write(d, KIND_IDENTIFY, new Uint8Array(40));
      act(d, ACT_CLOSE);
    }),
  );
  await shell.close();
  at.nowMs += 100 * DAY_MS;
  const ports = portsOf(place, { clock });
  const me = await withNotice(lifeOf(ports), ports);
  await me.accept(shown());
  const newer = me.rooms().find((one) => one.id !== hex(roomId));
  assert.ok(newer);
  at.nowMs += DAY_MS;
  await me.shell.do((c, turn) => stepIn(c, turn, roomId, (d) => d.set({ lastMs: turn.nowMs })));
  assert.equal(me.rooms()[0]?.id, hex(roomId));
  return { me, older: roomId, newer: unhex(newer.id) };
}

function logIn(me: Customer, roomId: Bytes): Promise<unknown> {
  return me.shell.do((c, turn) => stepIn(c, turn, roomId, (d) => write(d, KIND_IDENTIFY, new Uint8Array(40))));
}

function isLoggedIn(me: Customer, roomId: Bytes): boolean {
  const room = me.shell.context.rooms.get(hex(roomId));
  assert.ok(room);
  const last = transcript(room).findLast(({ entry }) => entry.header.kind === KIND_IDENTIFY);
  return last !== undefined && payloadOf(last) !== null;
}

/** What the customer's device has written about who is known, in order. */
function kindsOf(me: Customer, roomId: Bytes): readonly number[] {
  const room = me.shell.context.rooms.get(hex(roomId));
  assert.ok(room);
  return transcript(room)
    .map(({ entry }) => entry.header.kind)
    .filter((kind) => kind === KIND_ERASE || kind === KIND_IDENTIFY);
}

function shownLogins(me: Customer, roomId: Bytes): number {
  const room = me.shell.context.rooms.get(hex(roomId));
  assert.ok(room);
  return transcript(room).filter((one) => one.entry.header.kind === KIND_IDENTIFY && payloadOf(one) !== null).length;
}

test("who signs out is known in no room, whichever had something last (CNS-56)", async () => {
  const { me, newer } = await withTwoRooms(false);
  await logIn(me, newer);
  await furtherOf({ customer: async () => me, notice: NEVER })("sign-out", null);
  assert.equal(isLoggedIn(me, newer), false);
});

test("who signs out erases all logins that are here, and says it where that passes; once (CNS-56, CNS-75)", async () => {
  const { me, older, newer } = await withTwoRooms(true);
  await logIn(me, newer);
  await logIn(me, newer);
  await furtherOf({ customer: async () => me, notice: NEVER })("sign-out", null);
  assert.deepEqual(
    [kindsOf(me, older), kindsOf(me, newer)],
    [
      [KIND_IDENTIFY, KIND_ERASE],
      [KIND_IDENTIFY, KIND_IDENTIFY, KIND_IDENTIFY, KIND_ERASE],
    ],
  );
  assert.deepEqual([shownLogins(me, older), shownLogins(me, newer)], [0, 0]);
  await logIn(me, newer);
  assert.equal(isLoggedIn(me, newer), true);
});

test("a page whose later code does not come says that its person has left, and asks anew (CNS-56, STO-43)", async (t) => {
  const { me, newer } = await withTwoRooms(false);
  await logIn(me, newer);
  await me.shell.do((c, turn) => stepIn(c, turn, newer, (d) => void challenge(d)));
  const { context } = me.shell;
  const { received } = context;
  context.received = null;
  t.mock.method(me.shell, "received", async () => {
    throw Object.assign(new Error("a part of this page is not here"), { code: "local.part" });
  });
  const act = furtherOf({ customer: async () => me, notice: NEVER });
  assert.equal(await refusal(act("sign-out", null)), "local.part");
  assert.deepEqual(kindsOf(me, newer), [KIND_IDENTIFY, KIND_IDENTIFY]);
  assert.equal(isLoggedIn(me, newer), false);
  assert.deepEqual(context.rooms.get(hex(newer))?.challenges, []);
  t.mock.restoreAll();
  context.received = received;
  await act("sign-out", null);
  assert.equal(shownLogins(me, newer), 0);
});

test("where no more erasures fit it says it alone (CNS-75)", async () => {
  const { me, newer } = await withTwoRooms(false);
  await logIn(me, newer);
  const orders = Array.from({ length: 64 }, () => ({ by: new Uint8Array(32), hashes: [], sinceMs: NOW_MS }));
  await me.shell.do((c, turn) => stepIn(c, turn, newer, (d) => d.set({ orders })));
  await furtherOf({ customer: async () => me, notice: NEVER })("sign-out", null);
  assert.equal(isLoggedIn(me, newer), false);
});

test("in a room that does not let it pass the login is erased, and nothing is to be said (CNS-75)", async () => {
  const { me, older, newer } = await withTwoRooms(true);
  await logIn(me, newer);
  const act = furtherOf({ customer: async () => me, notice: NEVER });
  await act("sign-out", null);
  assert.deepEqual([isLoggedIn(me, older), isLoggedIn(me, newer)], [false, false]);
  const sent = me.shell.context.rooms.get(hex(older))?.entries.size;
  await act("sign-out", null);
  assert.equal(me.shell.context.rooms.get(hex(older))?.entries.size, sent);
});

test("under a list that has ended the logins are erased, and nothing is said (CNS-75, ID-65)", async () => {
  const { me, newer } = await withTwoRooms(false);
  await logIn(me, newer);
  const c = me.shell.context;
  c.kin = kinOf(c, []);
  c.own = { ...c.own, accountSeed: null, list: { ...c.own.list, expiresMs: NOW_MS } };
  await furtherOf({ customer: async () => me, notice: NEVER })("sign-out", null);
  assert.deepEqual(kindsOf(me, newer), [KIND_IDENTIFY, KIND_ERASE]);
  assert.equal(shownLogins(me, newer), 0);
});
