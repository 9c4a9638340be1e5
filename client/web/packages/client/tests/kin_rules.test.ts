/** An account with a directory entry: its lists, its other devices, and what ends it here (chapters 05 and 15). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same } from "@sealroom/core/bytes.ts";
import { CLOCK_TOLERANCE_MS, DAY_MS, HOUR_MS, LIST_TTL_MS, RECOVERED_FROM } from "@sealroom/core/constants.ts";
import { content, LIST } from "@sealroom/core/content.ts";
import { signAddress } from "@sealroom/core/identity/address.ts";
import type { DeviceList } from "@sealroom/core/identity/list.ts";
import { names } from "@sealroom/core/identity/list.ts";
import type { DeviceRecord } from "@sealroom/core/identity/record.ts";
import type { Answer, LookupResult } from "@sealroom/core/relay/answers.ts";
import { RATE_LIMITED, UNAVAILABLE } from "@sealroom/core/relay/requests.ts";
import type { Session } from "@sealroom/core/session.ts";
import { take } from "../src/engine/contents.ts";
import { takeBack } from "../src/engine/given_back.ts";
import type { Kin } from "../src/engine/kin.ts";
import { sendLists } from "../src/engine/lists.ts";
import { redated, takeList } from "../src/engine/own_lists.ts";
import { tryStart, want } from "../src/engine/renewal.ts";
import { pump } from "../src/engine/sending.ts";
import { newPeer, peerOf, setPeer } from "../src/engine/state.ts";
import type { Turn } from "../src/engine/turn.ts";
import { newDevice } from "../src/engine/upkeep.ts";
import { addDevice, noteEntry, removeDevice, settle, viewsOf } from "../src/kin/devices.ts";
import { refill } from "../src/kin/entry.ts";
import { kinOf, look } from "../src/kin/kin.ts";
import type { Sibling } from "../src/kin/rows.ts";
import { encodeListed, listedKey, readRows } from "../src/kin/rows.ts";
import { setNext } from "../src/kin/state.ts";
import { Directory, madeAt, PREKEYS_UPLOAD, signed } from "./kin_directory.ts";
import { agent, bytesFrom, desk, NOW_MS } from "./shop.ts";
import { Scene } from "./shop_room.ts";
import { arrives, flightsOf } from "./shop_session.ts";

type Second = ReturnType<typeof newDevice>;

function spare() {
  return content(7, new Uint8Array(16), NOW_MS, { name: "nothing" } as never);
}

test("made by a clock ahead, list and record are renewed once, with the same keys, the older one named (ID-39)", () => {
  const directory = new Directory(madeAt(NOW_MS + 3 * DAY_MS));
  const { own: before, k } = directory;
  directory.connect(NOW_MS);
  assert.equal(directory.own.list.seq, 2);
  const { record } = directory.own;
  assert.equal(record.createdMs, NOW_MS);
  assert.deepEqual(record.signPublic, before.record.signPublic);
  assert.ok(names(directory.own.list, record) && names(directory.own.list, before.record));
  directory.connect(NOW_MS + 16 * DAY_MS);
  assert.equal(directory.own.list.seq, 3);
  assert.deepEqual(directory.own.record, record);
  assert.ok(names(directory.own.list, record) && names(directory.own.list, before.record));
  assert.deepEqual(directory.reopened().older, before.record);
  assert.equal(k.row.publishedSeq, 3);
});

/** Let a second device into an account; it is reached where its address says. */
function withSecond(directory: Directory, atMs: number) {
  const { accountId } = directory.own.record;
  const second = newDevice(bytesFrom(9), accountId, bytesFrom(8)(16), atMs);
  directory.do(atMs, (_, turn) => {
    addDevice(directory.k, turn, second.record);
    refill(directory.k, turn);
  });
  return second;
}

function addressOf(second: Second, record: DeviceRecord, issuedMs: number): Bytes {
  const fields = { mailbox: new Uint8Array(16).fill(issuedMs - NOW_MS), token: new Uint8Array(32), issuedMs };
  return signAddress(second.signSeed, record, fields);
}

/** The directory shows these addresses of the second device's records. */
function shows(directory: Directory, shown: readonly (readonly [DeviceRecord, Bytes | null])[], atMs: number): void {
  const { own, k } = directory;
  const answer = { records: shown.map(([one]) => one.bytes), addresses: shown.map(([, one]) => one) };
  directory.do(atMs, (_, turn) => noteEntry(k, turn, own.list, answer as unknown as LookupResult));
}

function mailboxesOf({ engine }: Directory, second: Second): readonly (number | undefined)[] {
  const { deviceId } = second.record;
  const shown = engine.context.directory.addresses.get(hex(deviceId));
  return [shown?.mailbox[0], peerOf(engine.context, deviceId)?.wayBack?.mailbox[0]];
}

test("an older address that the relay shows of a device of ours replaces no newer one (ID-20)", () => {
  const directory = new Directory(madeAt(NOW_MS));
  directory.connect(NOW_MS);
  const second = withSecond(directory, NOW_MS);
  const { record } = second;
  for (const [issued, kept] of [
    [7, 7],
    [5, 7],
    [9, 9],
  ] as const) {
    shows(directory, [[record, addressOf(second, record, NOW_MS + issued)]], NOW_MS + 10);
    assert.deepEqual(mailboxesOf(directory, second), [kept, kept]);
    const { address } = directory.reopened().others.get(hex(record.hash)) ?? {};
    assert.deepEqual(address, addressOf(second, record, NOW_MS + kept));
  }
  const fields = { mailbox: new Uint8Array(16).fill(200), token: new Uint8Array(32), issuedMs: NOW_MS + 9 };
  shows(directory, [[record, signAddress(second.signSeed, record, fields)]], NOW_MS + 10);
  assert.deepEqual(mailboxesOf(directory, second), [200, 200]);
});

test("a device of ours that has dated its record anew is reached under that one, whatever comes first (ID-39)", () => {
  const directory = new Directory(madeAt(NOW_MS));
  directory.connect(NOW_MS);
  const second = withSecond(directory, NOW_MS + DAY_MS);
  const [older, anew] = [second.record, redated(second.record, NOW_MS)];
  shows(directory, [[older, addressOf(second, older, NOW_MS + 5)]], NOW_MS + 10);
  const list = signed(directory.engine.context, [directory.own.record, older, anew], NOW_MS);
  directory.do(NOW_MS, (c, turn) => {
    takeList(c, turn, list);
    settle(directory.k, turn, list, true);
  });
  for (const at of [6, 7]) {
    const entry = [
      [anew, addressOf(second, anew, NOW_MS + at)],
      [older, null],
    ] as const;
    shows(directory, at === 6 ? entry : [...entry].reverse(), NOW_MS + 10);
    assert.deepEqual(mailboxesOf(directory, second), [at, at]);
    assert.deepEqual(peerOf(directory.engine.context, older.deviceId)?.record, anew);
  }
  const { others } = directory.k;
  const known = others.get(hex(older.hash)) as Sibling;
  assert.equal(known.address, null);
  // As after a start, the rows come in another order.
  others.delete(hex(older.hash));
  others.set(hex(older.hash), known);
  shows(directory, [[older, addressOf(second, older, NOW_MS + 5)]], NOW_MS + 10);
  assert.deepEqual(mailboxesOf(directory, second), [7, 7]);
  assert.deepEqual(peerOf(directory.engine.context, older.deviceId)?.record, anew);
});

/** What a device of the company gives us: a list of our own account. */
function given(directory: Directory, list: DeviceList, atMs: number): void {
  const payload = { name: "list", list: list.signed } as const;
  directory.do(atMs, (c, turn) => {
    setPeer(c, turn, newPeer(desk.record));
    take(c, turn, desk.id, {} as Session, content(LIST, new Uint8Array(16), atMs, payload));
  });
}

test("a list of a recovery that leaves this device out ends it, by whomever it is given (ACC-67)", () => {
  const last = RECOVERED_FROM + 9;
  for (const [seq, held, isNamed, isReplaced] of [
    [last, 1, false, true],
    [last, last - 1, false, true],
    [last, last, false, true],
    [last - 1, last, false, false],
    [last, 1, true, false],
    [RECOVERED_FROM, 1, false, false],
  ] as const) {
    const directory = new Directory(madeAt(NOW_MS));
    const { record } = directory.own;
    const { context: c } = directory.engine;
    if (held > 1) directory.do(NOW_MS, (_, turn) => takeList(c, turn, signed(c, [record], NOW_MS, held)));
    directory.connect(NOW_MS);
    const { published } = directory;
    const other = newDevice(bytesFrom(9), record.accountId, bytesFrom(8)(16), NOW_MS);
    given(directory, signed(c, isNamed ? [record, other.record] : [other.record], NOW_MS, seq), NOW_MS);
    assert.equal(c.isReplaced, isReplaced);
    assert.equal(c.code === "used", isReplaced);
    assert.equal(directory.events.filter((one) => one.type === "replaced").length, isReplaced ? 1 : 0);
    directory.connect(NOW_MS + 16 * DAY_MS);
    assert.equal(directory.published > published, !isReplaced);
  }
});

test("of an account with a code the entry ends a device by a list that was not signed here (ACC-67, ACC-75, ACC-74)", () => {
  for (const [names, hasCode, isReplaced] of [
    ["thief", true, true],
    ["thief", false, true],
    ["both", true, true],
    ["hidden", true, false],
    ["both", false, false],
    ["own", true, false],
  ] as const) {
    const directory = new Directory(madeAt(NOW_MS));
    const { engine, k } = directory;
    const { context: c } = engine;
    if (hasCode) c.code = "kept";
    directory.connect(NOW_MS);
    const { record } = directory.own;
    // Whoever has the code has the account key, and record and list are public.
    const thief = newDevice(bytesFrom(9), record.accountId, bytesFrom(8)(16), NOW_MS);
    const both = [record, thief.record];
    const listed = { thief: [thief.record], both, hidden: both, own: [record] }[names];
    const list = signed(c, listed, NOW_MS + 1_000);
    directory.lists.push(list);
    // A record that the relay withholds may be our own, of after a store was set back: it is asked again.
    const shown = names === "hidden" ? [record] : listed;
    directory.records = shown.map((one) => one.bytes);
    directory.addresses = shown.map(() => null);
    directory.events.length = 0;
    k.comparedMs = null;
    directory.connect(NOW_MS + 2_000);
    assert.equal(c.isReplaced, isReplaced);
    const told = directory.events.filter((one) => one.type === "replaced");
    assert.deepEqual(told, isReplaced ? [{ type: "replaced", byCode: hasCode }] : []);
    const isKnown = c.kin?.signerOf(thief.record.deviceId) !== null;
    assert.equal(isKnown, names === "both" && !hasCode);
    assert.equal(same(directory.own.list.hash, list.hash), !isReplaced && names !== "hidden");
  }
});

test("a list of the entry before the newest ends a device with the code, as does one that is given late; without it is told (ACC-75, ACC-80)", () => {
  for (const [hasCode, isGiven, isReplaced] of [
    [true, false, true],
    [false, false, false],
    [true, true, true],
    [false, true, false],
  ] as const) {
    const directory = new Directory(madeAt(NOW_MS));
    const { context: c } = directory.engine;
    if (hasCode) c.code = "kept";
    directory.connect(NOW_MS);
    const { record } = directory.own;
    const thief = newDevice(bytesFrom(9), record.accountId, bytesFrom(8)(16), NOW_MS).record;
    const beside = signed(c, [record, thief], NOW_MS + 1_000);
    const newest = { ...c, own: { ...c.own, list: beside } } as typeof c;
    if (!isGiven) directory.lists.push(beside, signed(newest, [record], NOW_MS + 2_000));
    directory.k.comparedMs = null;
    directory.connect(NOW_MS + 3_000);
    if (isGiven) {
      directory.do(NOW_MS + 4_000, (_, turn) => takeList(c, turn, signed(newest, [record], NOW_MS + 2_000)));
      given(directory, beside, NOW_MS + 5_000);
    }
    assert.equal(c.isReplaced, isReplaced);
    assert.equal(directory.own.list.seq, isReplaced && !isGiven ? 1 : 3);
    const times = { hash: thief.hash, addedMs: NOW_MS + 1_000, removedMs: NOW_MS + 2_000 };
    const isTold = !hasCode && !isGiven;
    assert.deepEqual([...directory.k.listed.values()], isTold ? [times] : []);
    if (isGiven) directory.do(NOW_MS + 6_000, (_, turn) => takeBack(c, turn, beside.signed, true));
    if (hasCode) continue;
    const row = { kind: "account" as const, key: listedKey(times), value: encodeListed(times) };
    assert.deepEqual(readRows(record.accountId, [row]).listed, [times]);
    assert.deepEqual([...directory.k.listed.values()], [times]);
    const [, told] = viewsOf(directory.k);
    const digits = hex(thief.hash)
      .slice(0, 20)
      .replace(/.{4}(?=.)/g, "$&-");
    assert.deepEqual([told?.id, told?.createdMs, told?.removedMs], [digits, times.addedMs, times.removedMs]);
    const anew = signed(newest, [redated(record, NOW_MS + 1_500)], NOW_MS + 1_500, 2);
    directory.do(NOW_MS + 7_000, (_, turn) => takeBack(c, turn, anew.signed, true));
    assert.equal(directory.k.listed.size, 1);
  }
});

test("a list that is shown, and was not signed here, ends a device with the code, unless it names the same records (ACC-78)", () => {
  for (const [hasCode, isAnew, isNext, isReplaced] of [
    [true, true, false, true],
    [true, false, false, false],
    [false, true, false, false],
    [true, true, true, false],
  ] as const) {
    const directory = new Directory(madeAt(NOW_MS));
    const { context: c } = directory.engine;
    if (hasCode) c.code = "kept";
    directory.connect(NOW_MS);
    const { record } = directory.own;
    const list = signed(c, [isAnew ? redated(record, NOW_MS + 1_000) : record], NOW_MS + 1_000);
    if (isNext) directory.do(NOW_MS, (_, turn) => setNext(directory.k, turn, list));
    directory.do(NOW_MS + 2_000, (_, turn) => takeBack(c, turn, list.signed, true));
    assert.equal(c.isReplaced, isReplaced);
  }
});

test("with an entry, too, a list that names our record as it was made anew is nobody's recovery (ID-39, ACC-67)", () => {
  const directory = new Directory(madeAt(NOW_MS));
  directory.connect(NOW_MS);
  const { context: c } = directory.engine;
  const minuteMs = NOW_MS - 60_000;
  const list = signed(c, [redated(directory.own.record, minuteMs)], minuteMs, RECOVERED_FROM + 9);
  given(directory, list, NOW_MS);
  assert.ok(!c.isReplaced);
});

test("where the directory has another list of our number a copy of the store goes on, and this one stops (ID-48)", () => {
  const directory = new Directory(madeAt(NOW_MS));
  directory.connect(NOW_MS);
  const { engine, k, own } = directory;
  const atMs = NOW_MS + 16 * DAY_MS;
  const copys = signed(engine.context, [own.record], atMs + 60_000);
  directory.connect(atMs);
  assert.deepEqual([own.list.seq, directory.own.list.seq, copys.seq], [1, 2, 2]);
  directory.lists[1] = copys;
  const { published } = directory;
  k.comparedMs = null;
  directory.connect(atMs + DAY_MS);
  assert.ok(engine.context.isReplaced);
  assert.deepEqual(
    directory.events.filter((one) => one.type === "replaced"),
    [{ type: "replaced", byCode: false }],
  );
  assert.ok(!engine.context.links.all.has("mailbox"));
  const opens = engine.start(atMs + 2 * DAY_MS).effects();
  const channels = opens.flatMap((one) => (one.name === "open" ? [one.channel] : []));
  assert.deepEqual(channels, [], "the mailbox is the other copy's");
  directory.connect(atMs + 20 * DAY_MS);
  assert.equal(directory.published, published);
});

test("without the account key another list of our number stops nobody: it may have been signed elsewhere (ID-51)", () => {
  const directory = new Directory(madeAt(NOW_MS));
  directory.connect(NOW_MS);
  const { k } = directory;
  const { context: c } = directory.engine;
  const atMs = NOW_MS + 16 * DAY_MS;
  const other = signed(c, [directory.own.record], atMs + 60_000);
  directory.connect(atMs);
  c.own = { ...c.own, accountSeed: null };
  const ours = directory.lists[1] as DeviceList;
  directory.lists[1] = other;
  k.comparedMs = null;
  directory.connect(atMs + DAY_MS);
  assert.ok(!c.isReplaced);
  assert.deepEqual(directory.events.at(-1), { type: "rejected", code: "remote.list_fork" });
  assert.deepEqual(directory.own.list.hash, ours.hash);
  const { published } = directory;
  assert.equal(k.comparedMs, null, "it is compared again");
  directory.lists[1] = ours;
  directory.connect(atMs + DAY_MS + 60_000);
  assert.deepEqual([directory.published, k.row.publishedSeq], [published, 2]);
  assert.notEqual(k.comparedMs, null);
});

test("a device that was replaced seals nothing more, and asks for no session (ACC-67)", () => {
  const scene = new Scene();
  scene.state([agent]);
  const text = scene.says("eins");
  const { c, engine } = scene;
  c.kin = kinOf(c, []);
  c.links.online = true;
  const replaced = (isReplaced: boolean): void => {
    c.isReplaced = isReplaced;
  };
  /** Everything that leaves, or asks for something, when a device of the company has been heard. */
  const goes = (): readonly unknown[] => {
    const before = c.outbox.lane(agent.id).ready.length;
    engine.do(NOW_MS, (_, turn) => {
      pump(c, turn);
      sendLists(c, turn);
      want(c, turn, desk.id);
    });
    c.directory.postponed = false;
    engine.do(NOW_MS, (_, turn) => tryStart(c, turn, desk.id));
    const isTried = c.directory.postponed;
    return [scene.waitsFor(text).includes(hex(agent.id)), c.outbox.lane(agent.id).ready.length > before, isTried];
  };
  replaced(true);
  assert.ok(arrives(engine, flightsOf(engine, agent, NOW_MS)(spare()), NOW_MS).result);
  assert.deepEqual(goes(), [true, false, false]);
  replaced(false);
  assert.deepEqual(goes(), [false, true, true]);
});

test("a new device is looked for each two seconds, also one whose clock is hours off (ACC-52)", () => {
  const directory = new Directory(madeAt(NOW_MS));
  directory.connect(NOW_MS);
  const { accountId } = directory.own.record;
  const { record } = newDevice(bytesFrom(9), accountId, bytesFrom(8)(16), NOW_MS - 5 * HOUR_MS);
  directory.do(NOW_MS, (_, turn) => {
    addDevice(directory.k, turn, record);
    refill(directory.k, turn);
  });
  const nextLook = (afterMs: number): number => {
    directory.do(NOW_MS + afterMs, (_, turn) => look(directory.k, turn));
    return (directory.engine.context.timers.atMs("new device") as number) - NOW_MS - afterMs;
  };
  assert.deepEqual([0, 19 * 60_000, 20 * 60_000].map(nextLook), [2_000, 2_000, 600_000]);
});

test("each newer list that a device is given is looked up at once, its number alone in ten minutes (ACC-39)", () => {
  const directory = new Directory(madeAt(NOW_MS));
  directory.connect(NOW_MS);
  withSecond(directory, NOW_MS);
  const { engine, own } = directory;
  const next = [1, 2].map((n) => signed(engine.context, [own.record], NOW_MS, own.list.seq + n)) as [
    DeviceList,
    DeviceList,
  ];
  const looksAfter = (step: (kin: Kin, turn: Turn) => void): number => {
    const { lookedUp } = directory;
    directory.do(NOW_MS + 60_000, (c, turn) => step(c.kin as Kin, turn));
    return directory.lookedUp - lookedUp;
  };
  const given = (list: DeviceList) => looksAfter((kin, turn) => kin.given(turn, list, false));
  assert.deepEqual([given(next[0]), given(next[1]), given(next[0]), given(next[1]), given(own.list)], [1, 1, 0, 0, 0]);
  assert.equal(
    looksAfter((kin, turn) => kin.told(turn, own.list.seq + 9)),
    0,
  );
});

test("a list that the directory did not have yet is looked for again when it is given again (ACC-39)", () => {
  const directory = new Directory(madeAt(NOW_MS));
  directory.connect(NOW_MS);
  withSecond(directory, NOW_MS);
  const { engine, own } = directory;
  const next = signed(engine.context, [own.record], NOW_MS, own.list.seq + 1);
  const looksAt = (nowMs: number): number => {
    const { lookedUp } = directory;
    directory.do(nowMs, (c, turn) => c.kin?.given(turn, next, false));
    return directory.lookedUp - lookedUp;
  };
  assert.deepEqual([looksAt(NOW_MS), looksAt(NOW_MS + 1_000), looksAt(NOW_MS + 600_000)], [1, 0, 1]);
});

test("a device that is being struck off is given nothing from then on, whatever the relay does (ACC-52)", () => {
  const directory = new Directory(madeAt(NOW_MS));
  directory.connect(NOW_MS);
  const second = withSecond(directory, NOW_MS);
  const { record } = second;
  const ids = () => directory.engine.context.kin?.ids().map(hex) ?? [];
  const { k } = directory;
  shows(directory, [[record, addressOf(second, record, NOW_MS + 1)]], NOW_MS + 10);
  assert.deepEqual(ids(), [hex(record.deviceId)]);
  directory.loses = "request";
  directory.do(NOW_MS + 20, (_, turn) => removeDevice(k, turn, hex(record.deviceId)));
  assert.deepEqual(ids(), []);
});

test("a list that the directory has not confirmed is sent as it is, by a clock that went back a little too (ID-47)", () => {
  for (const [backMs, isLost] of [
    [5_000, "answer"],
    [5_000, "request"],
    [CLOCK_TOLERANCE_MS, "request"],
    [3 * DAY_MS, "answer"],
  ] as const) {
    const directory = new Directory(madeAt(NOW_MS));
    directory.connect(NOW_MS);
    const atMs = NOW_MS + 20 * DAY_MS;
    directory.loses = isLost;
    directory.connect(atMs);
    const { next } = directory.k;
    assert.equal(directory.own.list.seq, 1);
    directory.loses = null;
    directory.connect(atMs - backMs);
    assert.ok(directory.lists.some((one) => one.seq === 2 && same(one.hash, next?.hash as Bytes)));
    assert.equal(directory.own.list.seq, 3);
    assert.equal(directory.own.record.createdMs, atMs - backMs);
    assert.equal(directory.reopened().next, null);
  }
});

test("by a clock that went back further, or past its end, the next one leaves together with it (ID-47)", () => {
  for (const goesMs of [-3 * DAY_MS, LIST_TTL_MS + 1]) {
    const directory = new Directory(madeAt(NOW_MS));
    directory.connect(NOW_MS);
    const atMs = NOW_MS + 20 * DAY_MS;
    directory.loses = "request";
    directory.connect(atMs);
    const { next } = directory.k;
    directory.loses = null;
    const { lookedUp } = directory;
    directory.connect(atMs + goesMs);
    assert.equal(directory.lookedUp, lookedUp + 1);
    assert.deepEqual([directory.own.list.seq, directory.own.list.issuedMs], [3, atMs + goesMs]);
    assert.deepEqual(directory.lists[1]?.hash, next?.hash);
    assert.equal(directory.reopened().next, null);
  }
});

test("a list of a recovery in the directory ends this device also when it is over, or dated ahead (ACC-67)", () => {
  for (const [listMs, openedMs] of [
    [NOW_MS + DAY_MS, NOW_MS + 3 * DAY_MS],
    [NOW_MS + DAY_MS, NOW_MS + 2 * DAY_MS + LIST_TTL_MS],
    [NOW_MS + 3 * DAY_MS, NOW_MS + DAY_MS],
  ] as const) {
    const directory = new Directory(madeAt(NOW_MS));
    directory.connect(NOW_MS);
    const { context: c } = directory.engine;
    const other = newDevice(bytesFrom(9), directory.own.record.accountId, bytesFrom(8)(16), listMs);
    directory.lists.push(signed(c, [other.record], listMs, RECOVERED_FROM + 9));
    [directory.records, directory.addresses] = [[other.record.bytes], [null]];
    directory.k.comparedMs = null; // The store is opened again.
    directory.connect(openedMs);
    assert.deepEqual(directory.events, [{ type: "replaced", byCode: true }]);
    assert.deepEqual([c.isReplaced, c.code], [true, "used"]);
  }
});

test("one-time keys of a refused upload go again, after a restart too; no others do (ID-50)", () => {
  const directory = new Directory(madeAt(NOW_MS));
  const { k } = directory;
  const { prekeys } = directory.engine.context;
  const held = {
    name: "prekeys_stock",
    opks: 0,
    pqks: 0,
    opkId: 0,
    oneTimePqkId: 0,
    spkId: null,
    pqkId: null,
  } as const;
  const refusal: Answer = { name: "error", code: UNAVAILABLE, retryAfterMs: 0 };
  /** What an upload has in a new opening of the store, by a relay that answers so. */
  const uploaded = (atMs: number, answer: Answer | null, highest = 0): readonly number[] => {
    const sent = new Set<string>();
    directory.stock = (operation, fields) => {
      if (operation !== PREKEYS_UPLOAD) return { ...held, opkId: highest, oneTimePqkId: highest };
      for (const one of [...(fields[4] as Bytes[]), ...(fields[5] as Bytes[])]) sent.add(hex(one));
      return answer;
    };
    k.refusedId = directory.reopened().refusedId;
    directory.connect(atMs);
    const found = [...prekeys.values()].map((one) => one.prekey).filter((one) => sent.has(hex(one.signed)));
    assert.equal(found.length, sent.size, "our own");
    return found.map((one) => one.id).sort((a, b) => a - b);
  };
  const first = uploaded(NOW_MS, refusal);
  assert.equal(first.length, 48);
  assert.deepEqual(uploaded(NOW_MS + 1_000, refusal), first);
  assert.equal(k.stock.used, 48);
  const highest = first[9] as number;
  const above = uploaded(NOW_MS + 2_000, refusal, highest);
  assert.deepEqual(above.slice(0, 38), first.slice(10));
  assert.equal(k.stock.used, 58);
  assert.equal(uploaded(NOW_MS + 3_000, null, highest).length, 48);
  assert.equal(directory.reopened().refusedId, 0, "its answer was lost");
  const other = uploaded(NOW_MS + 4_000, refusal);
  assert.ok(!other.some((id) => above.includes(id)));
  const next = uploaded(NOW_MS + 4_000 + DAY_MS, refusal);
  assert.ok(!next.some((id) => other.includes(id)), "of another day");
  assert.deepEqual(uploaded(NOW_MS + 5_000 + DAY_MS, { ...held, opks: 24, pqks: 24 }), next);
  assert.ok(!uploaded(NOW_MS + 6_000 + DAY_MS, refusal).some((id) => next.includes(id)), "they were taken");
});

test("a look at the own entry that has to wait leaves the connection, and the prekeys are counted (ID-57)", () => {
  const directory = new Directory(madeAt(NOW_MS));
  directory.connect(NOW_MS);
  const counted: number[] = [];
  directory.stock = (operation) => {
    counted.push(operation);
    return null;
  };
  directory.refusesLook = { name: "error", code: RATE_LIMITED, retryAfterMs: 120_000 };
  directory.k.comparedMs = null;
  directory.connect(NOW_MS + 1000);
  assert.equal(directory.engine.context.links.all.get("mailbox")?.state, "ready");
  assert.equal(directory.engine.context.timers.atMs("own entry"), NOW_MS + 121_000);
  assert.equal(counted.length, 1);
});

test("an entry does not wait with its prekeys, and they are not asked for before their time (ID-57)", () => {
  const directory = new Directory(madeAt(NOW_MS));
  directory.connect(NOW_MS);
  let counted = 0;
  directory.stock = () => {
    counted += 1;
    return { name: "error", code: RATE_LIMITED, retryAfterMs: 600_000 };
  };
  directory.connect(NOW_MS + 1000);
  const before = directory.asked.length;
  directory.k.comparedMs = null;
  directory.connect(NOW_MS + 2000);
  assert.ok(directory.asked.length > before);
  assert.equal(counted, 1);
  assert.equal(directory.engine.context.timers.atMs("own entry"), NOW_MS + 601_000);
});

test("a PUBLISH that has to wait goes again after a minute at least, an hour at most, on its connection (ID-57)", () => {
  for (const [retryAfterMs, waitMs] of [
    [10, 60_000],
    [120_000, 120_000],
    [2 ** 40, 3_600_000],
  ] as const) {
    const directory = new Directory(madeAt(NOW_MS));
    directory.refuses = { name: "error", code: RATE_LIMITED, retryAfterMs };
    directory.connect(NOW_MS);
    const before = directory.asked.length;
    assert.deepEqual(directory.events, []);
    assert.equal(directory.engine.context.links.all.get("mailbox")?.state, "ready");
    assert.equal(directory.engine.context.timers.atMs("own entry"), NOW_MS + waitMs);
    directory.refuses = null;
    directory.connect(NOW_MS + waitMs - 1);
    assert.deepEqual([directory.asked.length, directory.published], [before, 0]);
    directory.connect(NOW_MS + waitMs);
    assert.equal(directory.published, 1);
  }
});

test("a device that was struck off and lists itself over night ends one with the code, as a stranger does (ACC-75)", () => {
  for (const isGone of [false, true]) {
    const directory = new Directory(madeAt(NOW_MS));
    const { context } = directory.engine;
    context.code = "kept";
    directory.connect(NOW_MS);
    const mine = directory.own.record;
    const second = newDevice(bytesFrom(9), mine.accountId, bytesFrom(8)(16), NOW_MS);
    directory.do(NOW_MS + 10, (_, turn) => {
      addDevice(directory.k, turn, second.record);
      refill(directory.k, turn);
    });
    directory.do(NOW_MS + 20, (_, turn) => removeDevice(directory.k, turn, hex(second.record.deviceId)));
    directory.connect(NOW_MS + 30);
    const thief = isGone ? second : newDevice(bytesFrom(19), mine.accountId, bytesFrom(18)(16), NOW_MS);
    const listed = signed(context, [mine, thief.record], NOW_MS + 1000);
    const after = { ...context, own: { ...context.own, list: listed } } as typeof context;
    directory.lists.push(listed, signed(after, [mine], NOW_MS + 2000));
    directory.k.comparedMs = null;
    directory.connect(NOW_MS + 3000);
    assert.ok(context.isReplaced);
  }
});

test("without the account key nothing is written from the end of the list on, until there is a newer one (ID-65)", () => {
  const scene = new Scene();
  scene.state([agent]);
  const { c } = scene;
  const kin = kinOf(c, []);
  c.kin = kin;
  const { expiresMs } = c.own.list;
  scene.nowMs = expiresMs + 1;
  scene.says("mit dem Schlüssel");
  assert.equal(kin.ending(expiresMs + 1), null);
  c.own = { ...c.own, accountSeed: null };
  const listUntilMs = expiresMs;
  assert.equal(kin.ending(expiresMs - 12 * DAY_MS - 1), null);
  for (const ms of [expiresMs - 12 * DAY_MS, expiresMs]) assert.deepEqual(kin.ending(ms), { listUntilMs });
  assert.deepEqual(kin.ending(expiresMs + 1), { listUntilMs, canWrite: false, canSendFiles: false });
  const entries = scene.room.entries.size;
  assert.throws(() => scene.says("nie"), { code: "account.list_over" });
  assert.equal(scene.room.entries.size, entries);
  scene.nowMs = expiresMs;
  scene.says("bis zuletzt");
  scene.nowMs = expiresMs + 1;
  c.own = { ...c.own, list: { ...c.own.list, expiresMs: expiresMs + DAY_MS } };
  scene.says("geht weiter");
  assert.equal(scene.room.entries.size, entries + 2);
});
