/** The account of a device, its prekeys, and what becomes of flights and receipts (chapters 05, 06, 08). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { hex } from "@sealroom/core/bytes.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "@sealroom/core/constants.ts";
import { content, LIST } from "@sealroom/core/content.ts";
import { signList, verifyList } from "@sealroom/core/identity/list.ts";
import type { Ed25519Seed } from "@sealroom/core/secret.ts";
import type { Session } from "@sealroom/core/session.ts";
import { take } from "../src/engine/contents.ts";
import { sweep } from "../src/engine/hourly.ts";
import { renewList } from "../src/engine/own_lists.ts";
import { confirm } from "../src/engine/receipts.ts";
import { wasLost } from "../src/engine/rooms/progress.ts";
import { takeReceipt } from "../src/engine/sending_again.ts";
import { rotate } from "../src/engine/upkeep.ts";
import * as shop from "./shop.ts";
import { agent, desk, NOW_MS } from "./shop.ts";
import { engineOf, map, refusals, SAID, Scene, told } from "./shop_room.ts";
import { arrives, flightsOf, kinds, sessionIds } from "./shop_session.ts";

const SPARE = 7;

function spare(first: number) {
  return content(SPARE, new Uint8Array(16).fill(first), NOW_MS, { name: "nothing" } as never);
}

test("signed and last-resort prekey are made together, weekly, and go 30 days after their end (ID-18, ID-38)", () => {
  const engine = engineOf();
  const at = (ms: number): readonly string[] => {
    engine.do(ms, (c, turn) => {
      rotate(c, turn);
      sweep(c, turn);
    });
    return kinds(engine);
  };
  const pair = ["PQK_LAST_RESORT", "SPK"];
  assert.deepEqual(at(NOW_MS), pair);
  assert.deepEqual(
    [...engine.context.prekeys.values()].map((one) => one.prekey.notAfterMs),
    [NOW_MS + 14 * DAY_MS, NOW_MS + 14 * DAY_MS],
  );
  assert.deepEqual(at(NOW_MS + 7 * DAY_MS - 1), pair);
  assert.equal(at(NOW_MS + 7 * DAY_MS).length, 4);
  assert.equal(engine.context.prekeys.size, 4);
  const first = [...engine.context.prekeys.keys()].slice(0, 2);
  at(NOW_MS + 44 * DAY_MS);
  assert.ok(first.every((key) => engine.context.prekeys.has(key)));
  at(NOW_MS + 44 * DAY_MS + 1);
  assert.ok(!first.some((key) => engine.context.prekeys.has(key)));
});

test("the id of a prekey is random, not 0, and none that is kept (ID-30)", () => {
  const engine = engineOf();
  const { rng, ...rest } = engine.context;
  const [known] = [...engine.context.prekeys.values()];
  const drawn = [0, known?.prekey.id ?? 0, 77];
  const scripted = (sizeB: number): Uint8Array => {
    if (sizeB !== 4 || drawn.length === 0) return rng(sizeB);
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, drawn.shift() as number);
    return bytes;
  };
  const turn = engine.do(NOW_MS, (_, step) => rotate({ ...rest, rng: scripted } as never, step, true)).turn;
  assert.equal([...engine.context.prekeys.values()].filter((one) => one.prekey.id === 77).length, 2);
  assert.ok(!turn.isEmpty);
});

test("a list of ours has twice the minute as number, or the last and twice the minutes since (ID-40)", () => {
  const engine = engineOf();
  const seqAt = (ms: number): number => engine.do(ms, renewList) && engine.context.own.list.seq;
  const minute = Math.floor(NOW_MS / MINUTE_MS);
  assert.equal(seqAt(NOW_MS), 2 * minute);
  assert.equal(seqAt(NOW_MS + 1), 2 * minute + 2);
  assert.equal(seqAt(NOW_MS + 10 * MINUTE_MS), 2 * minute + 22);
  assert.equal(seqAt(NOW_MS + HOUR_MS), 2 * minute + 122);
});

test("under a clock of the year 2097 or later nothing is signed (ID-46)", () => {
  for (const [minute, isSigned] of [
    [2 ** 26 - 1, true],
    [2 ** 26, false],
    [2 ** 31, false],
  ] as const) {
    const engine = engineOf();
    const { seq } = engine.context.own.list;
    engine.do(minute * MINUTE_MS, renewList);
    assert.equal(engine.context.own.list.seq > seq, isSigned);
  }
});

test("a list of ours that is given back is gone on from, if it is higher and names us (ID-40)", () => {
  for (const [seq, isNamed] of [
    [9, true],
    [9, false],
    [1, true],
  ] as const) {
    const engine = engineOf();
    const { own } = engine.context;
    const hashes = [isNamed ? own.record.hash : desk.record.hash];
    const ends = { issuedMs: NOW_MS, expiresMs: NOW_MS + DAY_MS, recoveryPublic: null };
    const prevHash = seq === 1 ? null : own.list.hash;
    const { accountId } = own.record;
    const given = signList(own.accountSeed as Ed25519Seed, { accountId, seq, prevHash, ...ends, recordHashes: hashes });
    const list = content(LIST, new Uint8Array(16), NOW_MS, { name: "list", list: given });
    engine.do(NOW_MS, (c, turn) => take(c, turn, desk.id, {} as Session, list));
    const isTaken = hex(engine.context.own.list.hash) === hex(verifyList(accountId, given).hash);
    assert.equal(isTaken, seq === 9 && isNamed);
    engine.do(NOW_MS, renewList);
    assert.equal(engine.context.own.list.seq > 9, isNamed, "one that names another device ends this one (ACC-67)");
  }
});

test("a flight leaves its session, uses its one-time keys up and is remembered (HS-08)", () => {
  const engine = engineOf();
  const seal = flightsOf(engine, desk, NOW_MS, true);
  const before = kinds(engine).length;
  const { turn, result } = arrives(engine, seal(spare(1)), NOW_MS);
  assert.deepEqual([result, refusals(turn)], [true, []]);
  assert.equal(sessionIds(engine).length, 1);
  assert.equal(kinds(engine).length, before - 2);
  const changed = turn.changes().map(({ kind, value }) => [kind, value === null]);
  for (const [kind, isGone] of [
    ["session", false],
    ["replay", false],
    ["prekey", true],
    ["pair", false],
  ]) {
    assert.ok(
      changed.some(([one, gone]) => one === kind && gone === isGone),
      `${kind}`,
    );
  }
});

test("a flight that was taken starts no other session, as long as its signed prekey is kept (HS-09)", () => {
  const engine = engineOf();
  const flight = flightsOf(engine, desk, NOW_MS)(spare(1));
  arrives(engine, flight, NOW_MS);
  const [id] = sessionIds(engine);
  const again = arrives(engine, flight, NOW_MS);
  assert.deepEqual([again.result, refusals(again.turn), sessionIds(engine)], [true, [], [id]]);
  engine.context.sessions.clear();
  const lost = arrives(engine, flight, NOW_MS);
  assert.deepEqual([lost.result, refusals(lost.turn), sessionIds(engine)], [false, ["remote.unknown_session"], []]);
  engine.do(NOW_MS + 44 * DAY_MS, sweep);
  assert.equal(engine.context.flights.size, 1);
  engine.do(NOW_MS + 44 * DAY_MS + 1, sweep);
  assert.equal(engine.context.flights.size, 0);
});

test("a second flight on the same prekeys is another session, up to eight in a day (SES-35)", () => {
  const engine = engineOf();
  for (let i = 0; i < 8; i++) {
    assert.deepEqual(refusals(arrives(engine, flightsOf(engine, desk, NOW_MS)(spare(i)), NOW_MS).turn), []);
  }
  const { turn } = arrives(engine, flightsOf(engine, desk, NOW_MS)(spare(9)), NOW_MS);
  assert.deepEqual(refusals(turn), ["remote.budget"]);
  assert.deepEqual(refusals(arrives(engine, flightsOf(engine, agent, NOW_MS)(spare(10)), NOW_MS).turn), []);
});

test("of 16 devices of the company that have begun sessions in a day a further one begins none (SES-35)", () => {
  for (const [others, codes] of [
    [15, []],
    [16, ["remote.budget"]],
  ] as const) {
    const engine = engineOf();
    arrives(engine, flightsOf(engine, desk, NOW_MS)(spare(1)), NOW_MS);
    const { peers } = engine.context;
    const known = peers.get(hex(desk.id));
    assert.ok(known !== undefined && known.pair.budget.flights === 1);
    peers.clear();
    for (let i = 0; i < others; i++) peers.set(hex(new Uint8Array(16).fill(i)), known);
    assert.deepEqual(refusals(arrives(engine, flightsOf(engine, agent, NOW_MS)(spare(2)), NOW_MS).turn), codes);
  }
});

test("an address counts at the relay of the card alone, and no older one after it (CON-06)", () => {
  const engine = engineOf();
  arrives(engine, flightsOf(engine, desk, NOW_MS)(spare(1)), NOW_MS);
  const gives = (
    sentMs: number,
    fill: number,
    relayUrl = shop.RELAY,
  ): readonly [number | undefined, readonly string[]] => {
    const address = { mailbox: new Uint8Array(16).fill(fill), token: new Uint8Array(32), relayUrl };
    const given = { ...spare(1), sentMs, address };
    const { turn } = engine.do(NOW_MS + 9, (c, turn) => take(c, turn, desk.id, {} as Session, given));
    return [engine.context.peers.get(hex(desk.id))?.wayBack?.mailbox[0], refusals(turn)];
  };
  assert.deepEqual(gives(NOW_MS + 1, 1), [1, []]);
  assert.deepEqual(gives(NOW_MS + 5, 2), [2, []]);
  assert.deepEqual(gives(NOW_MS + 4, 3), [2, []]);
  assert.deepEqual(gives(NOW_MS + 9, 4, "wss://other.example"), [2, ["remote.content"]]);
});

test("a known device with other keys is refused (ID-27)", () => {
  const engine = engineOf();
  const impostor = shop.newDevice(1, desk.id);
  const list = shop.listOf([impostor, agent], 2, shop.list);
  const { turn } = arrives(engine, flightsOf(engine, impostor, NOW_MS, false, list)(spare(1)), NOW_MS);
  assert.deepEqual(refusals(turn), ["remote.identity"]);
  assert.deepEqual([sessionIds(engine), engine.context.company.list?.seq], [[], 1]);
  assert.deepEqual(engine.context.peers.get(hex(desk.id))?.record.signPublic, desk.record.signPublic);
});

test("a device that the list does not name any more has no session, and is refused (ID-28)", () => {
  const engine = engineOf();
  const seal = flightsOf(engine, agent, NOW_MS);
  arrives(engine, seal(spare(1)), NOW_MS);
  assert.equal(sessionIds(engine).length, 1);
  const without = shop.listOf([desk, shop.second, shop.other], 2, shop.list);
  const given = content(LIST, new Uint8Array(16), NOW_MS, { name: "list", list: without.signed });
  engine.do(NOW_MS, (c, turn) => take(c, turn, desk.id, {} as Session, given));
  assert.deepEqual(sessionIds(engine), []);
  const late = arrives(engine, seal(spare(2)), NOW_MS);
  assert.deepEqual([late.result, sessionIds(engine)], [false, []]);
  assert.notDeepEqual(refusals(late.turn), []);
});

test("a text that has left for no device waits for those in force (ID-28)", () => {
  const scene = new Scene();
  scene.state([agent]);
  const text = scene.says("eins");
  const without = shop.listOf([desk, shop.second, shop.other], 2, shop.list);
  const given = content(LIST, new Uint8Array(16), NOW_MS, { name: "list", list: without.signed });
  scene.takes(desk.id, given);
  scene.passes(HOUR_MS);
  assert.deepEqual(scene.waitsFor(text), [desk, shop.second].map(({ id }) => hex(id)).sort());
  assert.equal(scene.kept(text.hash)?.delivery, "waiting");
});

test("a text that is sealed, and that no relay has, has not left; one that a relay has is reported (ID-28)", () => {
  for (const isWithRelay of [false, true]) {
    const scene = new Scene();
    scene.state([agent]);
    arrives(scene.engine, flightsOf(scene.engine, agent, NOW_MS)(spare(1)), NOW_MS);
    const text = scene.says("eins");
    const lane = scene.c.outbox.lane(agent.id);
    const sealed = lane.ready.filter(({ contentId }) => hex(contentId) === hex(text.hash.slice(0, 16)));
    assert.equal(sealed.length, 1);
    if (isWithRelay) {
      lane.ready = [];
      for (const one of sealed) scene.c.outbox.add({ ...one, envelope: null });
    }
    const without = shop.listOf([desk, shop.second, shop.other], 2, shop.list);
    scene.takes(desk.id, content(LIST, new Uint8Array(16), NOW_MS, { name: "list", list: without.signed }));
    scene.passes(HOUR_MS);
    assert.equal(scene.kept(text.hash)?.delivery, isWithRelay ? "failed" : "waiting");
    const waits = [desk, shop.second].map(({ id }) => hex(id)).sort();
    assert.deepEqual(scene.waitsFor(text), isWithRelay ? [] : waits);
  }
});

test("receipts leave together 0.3 to 1 second after the first text (LKG-12)", () => {
  for (let i = 0; i < 6; i++) {
    const engine = engineOf();
    const { rng } = engine.context;
    for (let n = 0; n < i; n++) rng(4);
    engine.do(NOW_MS, (c, turn) => confirm(c, turn, desk.id, new Uint8Array(16).fill(1)));
    const atMs = engine.context.timers.atMs("receipts") ?? 0;
    assert.ok(atMs >= NOW_MS + 300 && atMs <= NOW_MS + 1_000, `${atMs - NOW_MS}`);
    engine.do(NOW_MS + 200, (c, turn) => {
      confirm(c, turn, desk.id, new Uint8Array(16).fill(2));
      confirm(c, turn, agent.id, new Uint8Array(16).fill(1));
    });
    assert.equal(engine.context.timers.atMs("receipts"), atMs);
    assert.equal(engine.context.receipts.get(hex(desk.id))?.length, 2);
  }
});

test("a repeat is confirmed twice more at most (SES-42)", () => {
  const engine = engineOf();
  const counts = [1, 2, 3, 4, 5].map(() => {
    engine.do(NOW_MS, (c, turn) => confirm(c, turn, desk.id, new Uint8Array(16).fill(1)));
    const due = engine.context.receipts.get(hex(desk.id))?.length ?? 0;
    engine.context.receipts.clear();
    return due;
  });
  assert.deepEqual(counts, [1, 1, 1, 0, 0]);
});

test("a receipt confirms in any state, also what was given up (SES-42)", () => {
  const scene = new Scene();
  scene.state([desk]);
  const text = scene.says("eins");
  const contentId = text.hash.slice(0, 16);
  scene.engine.do(NOW_MS, (c, turn) => {
    const item = c.outbox.lane(desk.id).waiting.find((one) => hex(one.contentId) === hex(contentId));
    wasLost(c, turn, item as never, "local.unconfirmed");
  });
  assert.equal(scene.kept(text.hash)?.delivery, "failed");
  scene.engine.do(NOW_MS, (c, turn) => takeReceipt(c, turn, c.peers.get(hex(desk.id)) as never, [contentId]));
  assert.equal(scene.kept(text.hash)?.delivery, "delivered");
});

test("an entry is stored once for all devices, until each has confirmed or lost it (TRN-29)", () => {
  const scene = new Scene();
  scene.state([desk, agent]);
  const text = scene.says("eins");
  const contentId = text.hash.slice(0, 16);
  const isStored = (): boolean => scene.c.outbox.posted.has(hex(contentId));
  const confirms = (id: Uint8Array): void => {
    scene.engine.do(NOW_MS, (c, turn) => takeReceipt(c, turn, c.peers.get(hex(id)) as never, [contentId]));
  };
  const sealed = [desk, agent].map(({ id }) => {
    const lane = scene.c.outbox.lane(id);
    const found = lane.waiting.filter((one) => hex(one.contentId) === hex(contentId));
    lane.waiting = lane.waiting.filter((one) => !found.includes(one));
    for (const one of found) scene.c.outbox.add({ ...one, sendings: 1, sealedMs: NOW_MS });
    return found.length;
  });
  assert.deepEqual([sealed, isStored()], [[1, 1], true]);
  confirms(desk.id);
  assert.ok(isStored());
  confirms(agent.id);
  assert.ok(!isStored());
});

test("an entry is taken once, whatever brings it again (SES-11)", () => {
  const scene = new Scene();
  scene.state([desk, agent]);
  const entry = scene.entryOf(agent, SAID, map("eins"));
  const shown = [scene.arrives(entry), scene.arrives(entry), scene.forwards(desk.id, [entry])].map(({ turn }) => {
    return told(turn).filter((one) => one.type === "entry").length;
  });
  assert.deepEqual(shown, [1, 0, 0]);
});
