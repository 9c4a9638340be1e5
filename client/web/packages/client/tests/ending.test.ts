/** How a person's client ends: everything erased, begun anew, closed under way, without room or without a part. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same } from "@sealroom/core/bytes.ts";
import { DAY_MS } from "@sealroom/core/constants.ts";
import { encodeRecovery, newRecovery } from "@sealroom/core/identity/recovery.ts";
import { contentIdOf } from "@sealroom/core/rooms/entry.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { cborMap, decode, encode } from "@sealroom/core/wire/cbor.ts";
import { Customer } from "../src/customer.ts";
import type { Context } from "../src/engine/context.ts";
import { alarm } from "../src/engine/lists.ts";
import { loadEngine } from "../src/engine/loading.ts";
import { all, takeOut } from "../src/engine/outbox.ts";
import type { LinkEvents, Ports, StorePlace } from "../src/engine/ports.ts";
import { StoreError } from "../src/engine/ports.ts";
import { lost } from "../src/engine/posting.ts";
import * as received from "../src/engine/received.ts";
import type { Outgoing } from "../src/engine/records.ts";
import { act } from "../src/engine/rooms/consenting.ts";
import { wasSent } from "../src/engine/rooms/progress.ts";
import { stepIn } from "../src/engine/rooms/rooms.ts";
import { write } from "../src/engine/rooms/writing.ts";
import { setReplaced } from "../src/engine/state_ends.ts";
import { learnNotice } from "../src/engine/team_learning.ts";
import type { Turn } from "../src/engine/turn.ts";
import { DoorError } from "../src/errors.ts";
import { kinOf } from "../src/kin/kin.ts";
import type { Shell } from "../src/shell.ts";
import { company, later, lifeOf, person, portsOf, refusal, shown, stored, withNotice } from "./life.ts";
import { MemoryPlace } from "./memory_store.ts";
import * as relay from "./relay_frames.ts";
import * as shop from "./shop.ts";
import { bytesFrom, NOW_MS } from "./shop.ts";
import { learnRoster } from "./shop_room.ts";

const KIND_TEXT = 3;
const ERASE = 5;
const WITHDRAW = 9;

/** What goes to the devices of the newest entry of a kind. */
function copiesOf(shell: Shell, kind: number): readonly Outgoing[] {
  const { rooms, outbox } = shell.context;
  const entries = [...rooms.values()].flatMap((room) => [...room.entries.values()]);
  const hash = entries.findLast(({ entry }) => entry.header.kind === kind)?.entry.hash;
  const copies = [...outbox.lanes()].flatMap(([, lane]) => all(lane));
  return copies.filter((one) => hash !== undefined && same(one.contentId, contentIdOf(hash)));
}

/** The relay has taken a copy. */
function taken(c: Context, turn: Turn, item: Outgoing): void {
  takeOut(c.outbox.lane(item.deviceId), item.contentId);
  c.outbox.add({ ...item, envelope: null, sendings: 1 });
  wasSent(c, turn, item);
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((done) => setTimeout(done, 5));
}

// --- under an alarm ---

test("under the alarm of a door no text is taken, and what leaves goes to the known keys alone (CNS-85)", async () => {
  const place = new MemoryPlace();
  const { ports, shell } = await person(place);
  await shell.close();
  const life = lifeOf(ports);
  const me = await withNotice(life, ports);
  const known = new Set([...me.shell.context.peers.keys()]);
  await life.send("wartet schon", null);
  Object.assign(me, { notice: () => Promise.reject(new DoorError("door.identity", "another account")) });
  await life.tryAgain();
  assert.deepEqual([life.state().alarm?.kind, life.state().canWrite], ["identity", false]);
  await life.freeze();
  const lanes = [...me.shell.context.outbox.lanes()].filter(([, lane]) => all(lane).length > 0);
  assert.ok(lanes.length > 0);
  for (const [device] of lanes) assert.ok(known.has(device));
});

// --- erased, and begun anew ---

const REPLACED = async (place: MemoryPlace): Promise<Ports> => {
  const { ports, shell } = await person(place);
  await shell.do((c, turn) => setReplaced(c, turn, true));
  await shell.close();
  return ports;
};

const FULL = async (place: MemoryPlace): Promise<Ports> => {
  const { ports, shell } = await person(place);
  await shell.close();
  return ports;
};

test("a person who was replaced, or whose device is full, can erase everything all the same (ACC-67, STO-37)", async () => {
  for (const [ready, isFull] of [
    [REPLACED, false],
    [FULL, true],
  ] as const) {
    const place = new MemoryPlace();
    const life = lifeOf(await ready(place));
    await life.tryAgain();
    const { account, code } = life.state();
    assert.deepEqual([account, code], isFull ? ["none", "none"] : ["replaced", "used"]);
    place.isFull = () => isFull;
    assert.equal(await refusal(life.forget()), null);
    assert.equal(life.state().phase, "erased");
    assert.equal(place.kept, null);
  }
});

test("to withdraw, and to erase everything, is said in earlier rooms as well (ROOM-18)", async () => {
  for (const does of ["withdraw", "forget"] as const) {
    const place = new MemoryPlace();
    const at = { nowMs: NOW_MS };
    const clock = { nowMs: () => at.nowMs, wake: () => () => {} };
    const { shell, roomId } = await person(place, { clock });
    await shell.do((c, turn) => stepIn(c, turn, roomId, (d) => act(d, 1)));
    await shell.close();
    at.nowMs += 100 * DAY_MS;
    const ports = portsOf(place, { clock });
    const life = lifeOf(ports);
    const me = await withNotice(life, ports);
    assert.deepEqual([life.state().phase, life.state().canReopen], ["closed", false]);
    await me.accept(shown());
    assert.deepEqual([me.rooms().length, life.state().phase], [2, "waiting"]);
    const forget = me.forget.bind(me);
    let ended: readonly string[] = [];
    const states = () => me.rooms().map((one) => one.consent().name);
    me.forget = async () => {
      ended = states();
      await forget();
    };
    await life[does]();
    assert.deepEqual(does === "forget" ? ended : states(), ["Ended", "Ended"]);
  }
});

test("a withdrawal that is here alone is told as not sent, until the relay has it (STO-54)", async () => {
  const place = new MemoryPlace();
  const { shell } = await person(place);
  await shell.close();
  const ports = portsOf(place);
  const life = lifeOf(ports);
  const me = await withNotice(life, ports);
  await life.withdraw();
  assert.deepEqual([life.state().phase, life.state().erasure], ["erased", "unsent"]);
  const first = copiesOf(me.shell, ERASE)[0];
  assert.ok(first);
  await me.shell.do((c, turn) => taken(c, turn, first));
  assert.equal(life.state().erasure, "asked");
});

test("who begins anew after a withdrawal and then refuses is back where the room was: it is kept (CNS-17)", async () => {
  const place = new MemoryPlace();
  const { shell } = await person(place);
  await shell.close();
  const ports = portsOf(place);
  const life = lifeOf(ports);
  await withNotice(life, ports);
  await life.withdraw();
  await life.startAnew();
  assert.equal(life.state().phase, "notice");
  await life.refuse();
  assert.equal(life.state().phase, "erased");
  assert.ok(place.kept !== null);
});

for (const isAnew of [false, true]) {
  test(`who refuses a newer notice${isAnew ? " after beginning anew" : ""} withdraws nothing (CNS-83)`, async () => {
    const place = new MemoryPlace();
    const { shell } = await person(place);
    const newer = shop.noticeOf(2);
    const older = [[shop.notice.hash, NOW_MS + DAY_MS]] as const;
    await shell.do((c, turn) => {
      learnNotice(c, turn, newer, [{ locale: "de", text: shop.TEXT }]);
      learnRoster(c, turn, shop.rosterOf({ seq: 2, noticeHash: newer.hash, older }));
    });
    await shell.close();
    const ports = portsOf(place);
    const life = lifeOf(ports);
    const me = await withNotice(life, ports);
    if (isAnew) await life.startAnew();
    await life.refuse();
    assert.deepEqual([me.rooms()[0]?.consent().name, life.state().phase], ["Stale", "waiting"]);
    assert.equal(copiesOf(me.shell, WITHDRAW).length, 0);
    await life.send("es geht weiter", null);
  });
}

test("the mode that was accepted stands beside a newer notice, whose deadline a text finds passed (CNS-83)", async () => {
  const place = new MemoryPlace();
  const { shell } = await person(place);
  const { mode } = shop.notice;
  const newer = shop.noticeOf(2);
  await shell.do((c, turn) => {
    learnNotice(c, turn, newer, [{ locale: "de", text: shop.TEXT }]);
    learnRoster(c, turn, shop.rosterOf({ seq: 2, noticeHash: newer.hash, older: [[shop.notice.hash, NOW_MS + 1]] }));
  });
  await shell.close();
  let nowMs = NOW_MS;
  const ports = portsOf(place, { clock: { nowMs: () => nowMs, wake: () => () => {} } });
  const life = lifeOf(ports);
  await withNotice(life, ports);
  const seen = () => [life.state().canWrite, life.state().acceptedMode, life.state().staleUntilMs];
  assert.deepEqual(seen(), [true, ["notice", "consent", "explicit"][mode - 1], NOW_MS + 1]);
  nowMs = NOW_MS + 2;
  assert.equal(await refusal(life.send("zu spät", null)), "local.consent");
  assert.equal(life.state().canWrite, false);
});

test("that a newer notice is due is shown at its time, once, and by nobody who has left (CNS-83)", async () => {
  const place = new MemoryPlace();
  const { shell } = await person(place);
  const newer = shop.noticeOf(2);
  const untilMs = NOW_MS + DAY_MS;
  await shell.do((c, turn) => {
    learnNotice(c, turn, newer, [{ locale: "de", text: shop.TEXT }]);
    learnRoster(c, turn, shop.rosterOf({ seq: 2, noticeHash: newer.hash, older: [[shop.notice.hash, untilMs]] }));
  });
  await shell.close();
  let nowMs = NOW_MS;
  const due = new Map<() => void, number>();
  const wake = (atMs: number, then: () => void) => {
    due.set(then, atMs);
    return () => due.delete(then);
  };
  const life = lifeOf(portsOf(place, { clock: { nowMs: () => nowMs, wake } }));
  const waiting = () => [...due].filter(([, atMs]) => atMs === untilMs + 1);
  const told: boolean[] = [];
  life.subscribe(() => told.push(life.state().canWrite));
  await life.tryAgain();
  assert.equal(life.state().canWrite, true);
  assert.equal(waiting().length, 1);
  nowMs = untilMs + 1;
  const [first] = waiting();
  first?.[0]();
  due.delete(first?.[0] as () => void);
  await until(() => told.at(-1) === false);
  assert.equal(waiting().length, 0);
  nowMs = NOW_MS;
  life.wake();
  await life.showNotice("de");
  assert.equal(life.state().canWrite, true);
  assert.equal(waiting().length, 1);
  await life.end();
  assert.equal(waiting().length, 0);
});

test("the company was told to erase when each copy of the order has left, not the first one (STO-37)", async (t) => {
  for (const isAll of [true, false]) {
    const place = new MemoryPlace();
    const { ports, shell } = await person(place);
    await shell.close();
    const life = lifeOf(ports);
    const me = await withNotice(life, ports);
    const end = new AbortController();
    t.mock.method(AbortSignal, "timeout", () => end.signal);
    const forgotten = life.forget();
    const mine = me.shell;
    await until(() => copiesOf(mine, ERASE).length > 0);
    const copies = [...copiesOf(mine, WITHDRAW), ...copiesOf(mine, ERASE)];
    assert.ok(copies.length > 2);
    for (const one of isAll ? copies : copies.slice(0, -1)) await mine.do((c, turn) => taken(c, turn, one));
    await new Promise((done) => setTimeout(done, isAll ? 0 : 250));
    if (!isAll) end.abort();
    await forgotten;
    assert.deepEqual([life.state().phase, life.state().erasure], ["erased", isAll ? "told" : "alone"]);
    t.mock.restoreAll();
  }
});

test("the company was not told where the relay refused each copy of the withdrawal (STO-37, ROOM-64)", async (t) => {
  const place = new MemoryPlace();
  const { ports, shell } = await person(place);
  await shell.close();
  const life = lifeOf(ports);
  const me = await withNotice(life, ports);
  const end = new AbortController();
  t.mock.method(AbortSignal, "timeout", () => end.signal);
  const forgotten = life.forget();
  await until(() => copiesOf(me.shell, ERASE).length > 0);
  for (const one of copiesOf(me.shell, ERASE)) await me.shell.do((c, turn) => taken(c, turn, one));
  for (const one of copiesOf(me.shell, WITHDRAW)) {
    await me.shell.do((c, turn) => {
      takeOut(c.outbox.lane(one.deviceId), one.contentId);
      lost(c, turn, one, "relay.bad_request");
    });
  }
  await new Promise((done) => setTimeout(done, 250));
  end.abort();
  await forgotten;
  assert.equal(life.state().erasure, "alone");
});

test("who was replaced begins anew without what is here, and may then accept or recover (ACC-67)", async () => {
  const place = new MemoryPlace();
  const ports = await REPLACED(place);
  const life = lifeOf(ports);
  await life.tryAgain();
  await life.startAnew();
  assert.equal(place.kept, null);
  assert.equal(life.state().account, "none");
  const again = await Customer.open({ company, ports });
  assert.ok(!again.hasAccepted);
  assert.equal(await refusal(again.accept(shown())), null);
  assert.ok(!again.shell.context.isReplaced);
});

test("a device whose list is over takes no text and says until when it did, or begins anew without what is here (ID-65)", async () => {
  const place = new MemoryPlace();
  const { ports, shell } = await person(place);
  await shell.close();
  const life = lifeOf(ports);
  const c = (await withNotice(life, ports)).shell.context;
  c.kin = kinOf(c, []);
  const seen = () => [life.state().canWrite, life.state().listUntilMs];
  const ends = async (expiresMs: number) => {
    c.own = { ...c.own, accountSeed: null, list: { ...c.own.list, expiresMs } };
    await life.showNotice("de");
  };
  assert.deepEqual(seen(), [true, undefined]);
  await life.send("vorher", null);
  await ends(NOW_MS + DAY_MS);
  assert.deepEqual(seen(), [true, NOW_MS + DAY_MS]);
  await ends(NOW_MS - 1);
  assert.deepEqual(seen(), [false, NOW_MS - 1]);
  await assert.rejects(life.send("nie", null), { code: "account.list_over" });
  const of = (text: string) => life.state().items.find((one) => one.kind === "message" && one.text === text)?.id ?? "";
  await life.markSensitive(of("vorher"));
  await life.erase(of("vorher"));
  assert.equal(of("vorher"), "");
  await life.startAnew();
  assert.equal(place.kept, null);
  assert.equal(life.state().account, "none");
});

test("a store that cannot be opened is erased where that is said, and where a person begins anew (STO-37)", async () => {
  for (const act of ["forget", "startAnew"] as const) {
    const calls: string[] = [];
    let isThere = true;
    const place: StorePlace = {
      open: async () => {
        if (isThere) throw new StoreError("store.corrupt", "a box that is not ours");
        return null;
      },
      create: () => Promise.reject(new StoreError("store.exists", "there is one")),
      forget: async () => {
        calls.push("forget");
        isThere = false;
      },
    };
    const life = lifeOf(portsOf(place));
    await life.tryAgain();
    assert.equal(life.state().obstacle, "storage-lost");
    assert.deepEqual(calls, []);
    await life[act]();
    assert.deepEqual(calls, ["forget"]);
    assert.equal(life.state().phase, act === "forget" ? "erased" : "blocked");
    assert.equal(life.state().obstacle, act === "forget" ? null : "door-missing");
  }
});

// --- closed under way ---

/** A relay that answers a lookup when it is told to, and how often it was connected to. */
function heldBack() {
  const state = { opened: 0, answer: () => {} };
  let isAsked = (): void => {};
  const asked = new Promise<void>((done) => {
    isAsked = done;
  });
  const connect = (_: string, events: LinkEvents) => {
    state.opened += 1;
    queueMicrotask(() => events.received(relay.hello()));
    const send = (message: Bytes): void => {
      const [request] = decode(message, 1_048_576) as readonly ReadonlyMap<number, Value>[];
      const [, id] = [...(request?.values() ?? [])] as [Value, Value];
      state.answer = () => events.received(encode([relay.frame([relay.ERROR, id, 11, 0])]));
      isAsked();
    };
    return { send, close: () => {} };
  };
  return { state, asked, connect };
}

test("a recovery under way when its tab is left makes no store and goes online nowhere (STO-38)", async () => {
  const place = new MemoryPlace();
  const { state, asked, connect } = heldBack();
  const me = await Customer.open({ company, ports: portsOf(place, { connect }) });
  const code = encodeRecovery(newRecovery(bytesFrom(31), true));
  const recovered = refusal((await me.recovery()).recover(shown(), code, {}));
  await asked;
  await me.close();
  state.answer();
  assert.equal(await recovered, "client.closed");
  assert.deepEqual([place.created, state.opened, me.hasAccepted], [0, 1, false]);
});

test("a store that is being made when its tab is left is closed before the lead is let go (STO-38)", async () => {
  const place = new MemoryPlace();
  let make = (): void => {};
  const waits = new Promise<void>((done) => {
    make = done;
  });
  const slow: StorePlace = {
    open: () => place.open(),
    create: async () => {
      await waits;
      return await place.create();
    },
    forget: () => place.forget(),
  };
  const me = await Customer.open({ company, ports: portsOf(slow) });
  const accepted = refusal(me.accept(shown()));
  await new Promise((done) => setImmediate(done));
  const closed = me.close();
  make();
  await closed;
  assert.equal(await accepted, null);
  assert.equal(place.created, 1);
  assert.ok(me.shell.isOver);
});

// --- no room, and no part ---

function says(shell: Shell, roomId: Bytes, text: string): Promise<unknown> {
  return shell.do((c, turn) => stepIn(c, turn, roomId, (d) => write(d, KIND_TEXT, cborMap([[1, text]]))));
}

test("without room and without the part that opens a store nothing goes on that the disk has not (STO-09, STO-41)", async () => {
  for (const [part, code] of [
    [stored, null],
    [() => Promise.reject(new StoreError("store.unavailable", "no part")), "store.unavailable"],
  ] as const) {
    const place = new MemoryPlace();
    const { shell, roomId } = await person(place, { stored: part });
    const told: string[] = [];
    shell.listen((event) => {
      if (event.type === "connection") told.push(event.code);
    });
    place.isFull = () => true;
    assert.equal(await refusal(says(shell, roomId, "A")), "store.full");
    place.isFull = () => false;
    assert.equal(await refusal(says(shell, roomId, "B")), code);
    assert.equal(shell.isOver, code !== null);
    assert.deepEqual(told, [code ?? "store.full"]);
    const store = await place.open();
    const kept = store && (await loadEngine(store, bytesFrom(7), received, later))?.context.rooms.get(hex(roomId));
    const numbers = [...(kept?.entries.values() ?? [])].map((one) => one.entry.header.n);
    assert.deepEqual(numbers, code === null ? [0, 1] : [0]);
  }
});

test("of another notice than a person was shown nothing is accepted (CNS-18)", async () => {
  const place = new MemoryPlace();
  const life = lifeOf(portsOf(place));
  await withNotice(life, portsOf(place));
  const { notice } = life.state();
  assert.ok(notice !== null);
  for (const other of [{ number: notice.number + 1 }, { issuedMs: notice.issuedMs + 1 }, { locale: "fr" }]) {
    assert.equal(await refusal(life.accept([1], { ...notice, ...other })), "client.notice_changed");
  }
  assert.deepEqual([place.created, life.state().phase], [0, "notice"]);
  await life.accept([1], structuredClone(notice));
  assert.equal(place.created, 1);
});

test("who has compared the keys settles the alarm that was shown, and no other one (ID-07)", async () => {
  const place = new MemoryPlace();
  const { ports, shell } = await person(place);
  await shell.close();
  const life = lifeOf(ports);
  const me = await Customer.open({ company, ports });
  Object.assign(me, { notice: () => Promise.reject(new DoorError("door.identity", "another account")) });
  Object.assign(life, { customer: me });
  await life.tryAgain();
  await me.shell.do((c, turn) => alarm(c, turn, "remote.list_fork"));
  assert.equal(life.state().alarm?.kind, "identity");
  await life.settleAlarm("trust", "identity");
  assert.deepEqual([life.state().alarm?.kind, life.state().canWrite], ["two-histories", false]);
  await life.settleAlarm("trust", "two-histories");
  assert.equal(life.state().alarm, null);
});
