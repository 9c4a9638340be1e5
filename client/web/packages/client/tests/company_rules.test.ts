/** What a device knows of a company, how long, and when it asks (chapters 05, 10 and 15). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Bytes } from "@sealroom/core/bytes.ts";
import { compare, hex } from "@sealroom/core/bytes.ts";
import { DAY_MS, HOUR_MS } from "@sealroom/core/constants.ts";
import type { Content, Heads } from "@sealroom/core/content.ts";
import { content } from "@sealroom/core/content.ts";
import type { Address } from "@sealroom/core/identity/address.ts";
import { signAddress } from "@sealroom/core/identity/address.ts";
import { encodeRecord } from "@sealroom/core/identity/record.ts";
import { DENIED } from "@sealroom/core/relay/requests.ts";
import { take } from "../src/engine/contents.ts";
import { flush } from "../src/engine/delivery.ts";
import { fetchPrekeys, heardAgain, lookUp, refresh, weekly } from "../src/engine/directory.ts";
import type { Engine } from "../src/engine/engine.ts";
import type { Kin } from "../src/engine/kin.ts";
import { pin } from "../src/engine/lists.ts";
import { renewList } from "../src/engine/own_lists.ts";
import type { Peer } from "../src/engine/records.ts";
import { tick, tryStart, want } from "../src/engine/renewal.ts";
import { pump } from "../src/engine/sending.ts";
import { newPeer, peerOf, setPeer } from "../src/engine/state.ts";
import { ranksBy, teamOrNone } from "../src/engine/team.ts";
import { maintain } from "../src/engine/team_pruning.ts";
import { kept } from "./kin_room.ts";
import type { Asked } from "./relay_frames.ts";
import * as relay from "./relay_frames.ts";
import * as shop from "./shop.ts";
import { agent, desk, NOW_MS, other, second } from "./shop.ts";
import { engineOf, learnRoster, NO_SESSION, refusals, Scene, told } from "./shop_room.ts";

const LOOKUP = 9;
const FETCH = 12;
const SPARE = 7;
const DOUBLED = [15, 30, 60, 120, 240, 480, 960, 1_920, 3_840, 7_680, 15_360];
const OF_PREKEYS = Array.from({ length: 15 }, (_, failed) => 2 ** failed);

function spare(heads: Heads | null = null): Content {
  return { ...content(SPARE, new Uint8Array(16), NOW_MS, { name: "nothing" } as never), heads };
}

function takes(engine: Engine, one: Content, nowMs = NOW_MS) {
  return engine.do(nowMs, (c, turn) => take(c, turn, desk.id, NO_SESSION, one)).turn;
}

/** An engine with a connection on which it looks things up. */
function looking(nowMs = NOW_MS): Engine {
  const engine = engineOf();
  engine.start(nowMs);
  relay.connects(engine, "send", nowMs);
  engine.context.directory.search = null;
  return engine;
}

function asks(engine: Engine, nowMs: number, work: Parameters<Engine["do"]>[1]): Asked | null {
  const asked = relay.askedIn(engine.do(nowMs, work).turn).filter((one) => one.operation === LOOKUP);
  return asked[0] ?? null;
}

function found(engine: Engine, asked: Asked, nowMs: number, lists: readonly Bytes[]) {
  return relay.answers(engine, asked, nowMs, relay.LOOKUP_RESULT, lists, [], [], false, []);
}

/** A look that shows the desk's address, and none of the agent. */
function shows(engine: Engine, asked: Asked, nowMs: number): void {
  const fields = { mailbox: new Uint8Array(16), token: new Uint8Array(32), issuedMs: NOW_MS };
  const addresses = [signAddress(desk.signSeed, desk.record, fields), null];
  const records = [desk.record, agent.record].map(encodeRecord);
  relay.answers(engine, asked, nowMs, relay.LOOKUP_RESULT, [], records, addresses, false, []);
}

test("what could not be looked up is asked for after 15 seconds, then twice as late, up to 10 minutes (ID-44)", () => {
  const engine = looking();
  let asked = asks(engine, NOW_MS, lookUp);
  let nowMs = NOW_MS;
  for (const waitS of [15, 30, 60, 120, 240, 480, 600, 600]) {
    assert.ok(asked !== null);
    relay.answers(engine, asked, nowMs, relay.ERROR, relay.UNAVAILABLE, 0);
    assert.equal(engine.context.timers.atMs("look up"), nowMs + waitS * 1_000);
    nowMs += waitS * 1_000;
    asked = relay.askedIn(engine.do(nowMs, (c, turn) => c.timers.run(turn)).turn)[0] ?? null;
  }
});

test("a list that is over, or that nothing leads to, is asked for up to six hours apart (ID-44)", () => {
  for (const lists of [[], [shop.listOf([desk], 9, shop.list).signed]]) {
    let nowMs = NOW_MS + (lists.length > 0 ? 0 : 32 * DAY_MS);
    const engine = looking(nowMs);
    let asked = asks(engine, nowMs, lookUp);
    const waits: number[] = [];
    for (let i = 0; i < 13; i++) {
      assert.ok(asked !== null);
      found(engine, asked, nowMs, lists);
      const atMs = engine.context.timers.atMs("look up") as number;
      waits.push((atMs - nowMs) / 1_000);
      nowMs = atMs;
      asked = relay.askedIn(engine.do(nowMs, (c, turn) => c.timers.run(turn)).turn)[0] ?? null;
    }
    assert.deepEqual(waits, [...DOUBLED, 21_600, 21_600]);
  }
});

test("neither the look of the week nor that before a text comes within a pause (ID-44)", () => {
  for (const step of [weekly, refresh]) {
    const engine = looking();
    const asked = asks(engine, NOW_MS + 8 * DAY_MS, step) as Asked;
    relay.answers(engine, asked, NOW_MS + 8 * DAY_MS, relay.ERROR, relay.UNAVAILABLE, 0);
    assert.equal(asks(engine, NOW_MS + 8 * DAY_MS + 14_000, step), null);
    assert.ok(asks(engine, NOW_MS + 8 * DAY_MS + 15_000, step) !== null);
  }
});

test("prekeys are asked for after a second, of who is away six hours apart, and soon when it is heard again (ID-44)", () => {
  const engine = looking();
  const held = `look up${hex(desk.id)}`;
  let nowMs = NOW_MS;
  const waits = (): number => {
    const { turn } = engine.do(nowMs, (c, inner) => {
      c.directory.addresses.set(hex(desk.id), { token: new Uint8Array(32) } as Address);
      fetchPrekeys(c, inner, peerOf(c, desk.id) as Peer);
    });
    const asked = relay.askedIn(turn)[0] as Asked;
    relay.answers(engine, asked, nowMs, relay.ERROR, relay.UNAVAILABLE, 0);
    return ((engine.context.timers.atMs(held) as number) - nowMs) / 1_000;
  };
  const passes = (): void => {
    nowMs = engine.context.timers.atMs(held) as number;
    engine.context.timers.drop(held);
  };
  for (const waitS of [...OF_PREKEYS, 21_600, 21_600]) {
    assert.equal(waits(), waitS);
    passes();
  }
  assert.equal(waits(), 21_600);
  assert.ok(asks(engine, nowMs, heardAgain) !== null);
  engine.context.directory.search = null;
  passes();
  assert.equal(waits(), 1);
  assert.equal(asks(engine, nowMs, heardAgain), null, "not at each content");
});

test("prekeys of a device of ours, which its entry shows before they are there, have the same pauses (ID-44)", async () => {
  const { scene, device } = await kept();
  const { engine } = scene;
  const { context: c } = engine;
  let nowMs = NOW_MS;
  engine.start(nowMs);
  relay.connects(engine, "send", nowMs);
  c.directory.addresses.set(hex(device), { token: new Uint8Array(32) } as Address);
  c.outbox.add(c.outbox.newItem(device, new Uint8Array(16), true, nowMs));
  let made = engine.do(nowMs, (_, turn) => pump(c, turn)).turn;
  for (const waitS of [1, 2, 4, 8, 16]) {
    const fetch = relay.askedIn(made).find((one) => one.operation === FETCH);
    assert.ok(fetch !== undefined, `nothing is asked for before the pause of ${waitS} s`);
    relay.answers(engine, fetch, nowMs, relay.ERROR, relay.UNAVAILABLE, 0);
    nowMs += waitS * 1_000;
    assert.equal(c.timers.atMs(`look up${hex(device)}`), nowMs);
    made = engine.do(nowMs, (_, turn) => c.timers.run(turn)).turn;
  }
});

test("an address that a look has not shown is sought after a pause, and holds no other device up (ID-44)", () => {
  const engine = looking();
  const { context: c } = engine;
  const held = `look up-${hex(agent.id)}`;
  engine.do(NOW_MS, (_, turn) => want(c, turn, agent.id));
  const fetches = (nowMs: number, id: Bytes, operation: number): boolean => {
    const { turn } = engine.do(nowMs, (_, inner) => fetchPrekeys(c, inner, peerOf(c, id) as Peer));
    return relay.askedIn(turn).some((one) => one.operation === operation);
  };
  let nowMs = NOW_MS;
  let asked = asks(engine, nowMs, lookUp);
  for (const waitS of [15, 30, 60, 120, 240, 480, 600, 600]) {
    shows(engine, asked as Asked, nowMs);
    assert.equal(c.timers.atMs(held), nowMs + waitS * 1_000);
    assert.equal(fetches(nowMs, agent.id, LOOKUP), false);
    nowMs = c.timers.atMs(held) as number;
    asked = asks(engine, nowMs, (_, turn) => c.timers.run(turn));
  }
  shows(engine, asked as Asked, nowMs);
  assert.ok(fetches(nowMs, desk.id, FETCH));
  assert.equal(c.timers.atMs("look up"), null);
});

test("a device that no look has ever shown is sought after a pause while something waits for it (ID-44)", () => {
  const engine = looking();
  const { context: c } = engine;
  const unknown = new Uint8Array(16).fill(9);
  const held = `look up-${hex(unknown)}`;
  let nowMs = NOW_MS;
  let asked = asks(engine, nowMs, lookUp);
  c.directory.caughtUpMs = nowMs;
  c.outbox.add(c.outbox.newItem(unknown, new Uint8Array(16), true, nowMs));
  for (const waitS of [15, 30, 60]) {
    shows(engine, asked as Asked, nowMs);
    assert.equal(c.timers.atMs(held), nowMs + waitS * 1_000);
    nowMs = c.timers.atMs(held) as number;
    asked = asks(engine, nowMs, (_, turn) => c.timers.run(turn));
  }
  c.outbox.drop(unknown);
  shows(engine, asked as Asked, nowMs);
  assert.equal(c.timers.atMs(held), null);
});

test("who was just caught up with is looked up for a device that it has never shown (ID-44)", () => {
  const engine = looking();
  const { context: c } = engine;
  c.directory.caughtUpMs = NOW_MS;
  c.outbox.add(c.outbox.newItem(new Uint8Array(16).fill(9), new Uint8Array(16), true, NOW_MS));
  assert.ok(asks(engine, NOW_MS, pump) !== null);
});

test("an address that the relay denies is looked for where it stands: of a device of ours in our entry (ACC-39)", async () => {
  const { scene, device } = await kept();
  const { engine } = scene;
  const { context: c } = engine;
  engine.start(NOW_MS);
  relay.connects(engine, "send", NOW_MS);
  c.directory.search = null;
  const looksAfterDenial = (id: Bytes): readonly string[] => {
    const lane = c.outbox.lane(id);
    const sealed = { envelope: new Uint8Array(9), msgId: new Uint8Array(16), sendings: 1 };
    lane.ready = [{ ...c.outbox.newItem(id, new Uint8Array(16), false, NOW_MS), ...sealed }];
    const way = { mailbox: new Uint8Array(16), token: new Uint8Array(32), relayUrl: shop.RELAY };
    const { turn } = engine.do(NOW_MS, (_, step) => {
      flush(c, step, setPeer(c, step, { ...(peerOf(c, id) as Peer), wayBack: way }));
    });
    const given = relay.askedIn(turn)[0] as Asked;
    const denied = relay.answers(engine, given, NOW_MS, relay.SEND_RESULTS, [[DENIED, 0]]);
    return relay.askedIn(denied).map((one) => one.channel);
  };
  const compares: string[] = [];
  const kin = c.kin as Kin;
  c.kin = { ...kin, compare: () => void compares.push("own") };
  assert.deepEqual([looksAfterDenial(device), compares], [[], ["own"]]);
  assert.deepEqual([looksAfterDenial(desk.id), compares], [["send"], ["own"]]);
});

test("devices that are away hold no other one up that a session is wanted with (SES-32)", () => {
  const engine = looking();
  const { context: c } = engine;
  const away = Array.from({ length: 6 }, (_, i) => shop.newDevice(0, new Uint8Array(16).fill(i + 1)));
  engine.do(NOW_MS, (_, turn) => {
    for (const { id, record } of away) {
      setPeer(c, turn, { ...newPeer(record), heardMs: NOW_MS });
      c.timers.set(`look up${hex(id)}`, NOW_MS + HOUR_MS, () => {});
      want(c, turn, id);
    }
    c.directory.addresses.set(hex(desk.id), { token: new Uint8Array(32) } as Address);
    want(c, turn, desk.id);
  });
  const { turn } = engine.do(NOW_MS, tick);
  assert.deepEqual(
    relay.askedIn(turn).map((one) => one.operation),
    [FETCH],
  );
});

test("under a list of ours that is over no session is begun, and nothing waits when the next one is ours (ID-08)", () => {
  const engine = looking();
  const { context: c } = engine;
  const over = c.own.list.expiresMs + 1;
  engine.do(over, (_, turn) => {
    c.company = { ...c.company, list: shop.listOf([desk, agent], 2, shop.list, over) };
    c.directory.addresses.set(hex(desk.id), { token: new Uint8Array(32) } as Address);
    want(c, turn, desk.id);
  });
  const fetches = () => relay.askedIn(engine.do(over, (_, turn) => tryStart(c, turn, desk.id)).turn).length;
  assert.equal(fetches(), 0);
  engine.do(over, renewList);
  assert.equal(fetches(), 1);
  assert.equal(c.timers.atMs(`start ${hex(desk.id)}`), null);
});

test("the company is looked up before a text after a day, and once in five to seven days (ID-37)", () => {
  const isAsked = (afterMs: number, step: typeof refresh): boolean => {
    const engine = looking();
    engine.context.company = { ...engine.context.company, lookedUpMs: NOW_MS };
    return asks(engine, NOW_MS + afterMs, step) !== null;
  };
  assert.deepEqual([isAsked(DAY_MS, refresh), isAsked(DAY_MS + 1, refresh)], [false, true]);
  assert.deepEqual([isAsked(5 * DAY_MS - 2 * HOUR_MS, weekly), isAsked(7 * DAY_MS, weekly)], [false, true]);
});

test("a list that does not hold is a fault of the relay, told once and asked for again (ID-37)", () => {
  const engine = looking();
  const next = shop.listOf([desk, agent], 3, shop.list);
  const damaged = next.signed.map((byte, i, all) => (i === all.length - 1 ? byte ^ 1 : byte)) as Bytes;
  let nowMs = NOW_MS;
  const codes: (readonly string[])[] = [];
  for (let i = 0; i < 3; i++) {
    const asked = asks(engine, nowMs, lookUp);
    assert.ok(asked !== null);
    codes.push(refusals(found(engine, asked, nowMs, [damaged])));
    nowMs = engine.context.timers.atMs("look up") as number;
  }
  assert.deepEqual(codes, [["remote.signature"], [], []]);
  assert.deepEqual([engine.context.company.alarm, engine.context.company.list?.seq], ["", 1]);
});

test("a higher head of the company asks for its list, a higher one of ours is told (CON-13)", () => {
  const heads = (own: number, peer: number | null): Heads => {
    const hash = new Uint8Array(32);
    return {
      own: { seq: own, hash: own === 1 ? shop.list.hash : hash },
      peer: peer === null ? null : { seq: peer, hash },
    };
  };
  for (const [given, isAsked, codes] of [
    [heads(1, null), false, []],
    [heads(2, null), true, []],
    [heads(1, 99), false, ["remote.list_rollback"]],
  ] as const) {
    const engine = engineOf();
    const turn = takes(engine, spare(given));
    assert.deepEqual([engine.context.directory.postponed, refusals(turn)], [isAsked, codes]);
  }
});

test("past the end of the list nothing is sealed, and what comes is held for a newer one (ID-36)", () => {
  const scene = new Scene();
  scene.state([desk, agent]);
  const over = NOW_MS + 31 * DAY_MS;
  for (const [nowMs, isHeld] of [
    [over, false],
    [over + 1, true],
  ] as const) {
    scene.nowMs = nowMs;
    scene.takes(agent.id, { ...spare(), contentId: new Uint8Array(16).fill(isHeld ? 1 : 2) });
    assert.equal(scene.c.held.size === 1, isHeld);
  }
  const stale = told(scene.engine.do(over + 1, (c, turn) => c.timers.run(turn)).turn);
  assert.equal(stale.filter((one) => one.type === "session" && one.what === "list_stale").length, 0, "told once");
  const text = scene.hears(agent, "gehalten");
  const gone = scene.hears(other, "entfernt");
  assert.deepEqual([scene.kept(text.hash), scene.c.held.size, scene.c.receipts.has(hex(agent.id))], [null, 3, false]);
  for (let i = 0; i < 70; i++) {
    scene.takes(agent.id, { ...spare(), contentId: Uint8Array.from({ length: 16 }, (_, at) => (at === 0 ? 9 : i)) });
  }
  assert.equal(scene.c.held.size, 64);
  const next = shop.listOf([desk, second, agent], 2, shop.list, scene.nowMs);
  const roster = shop.rosterOf({ seq: 2, devices: [desk, second, agent], listed: next, atMs: scene.nowMs });
  scene.engine.do(scene.nowMs, (c, turn) => learnRoster(c, turn, roster, [next]));
  const { turn } = scene.engine.do(scene.nowMs, (c, step) => pin(c, step, next));
  assert.equal(scene.c.held.size, 0);
  assert.equal(scene.kept(text.hash)?.stands, "taken");
  assert.equal(scene.kept(gone.hash), null);
  assert.ok(refusals(turn).includes("remote.identity"));
});

test("what is held for a list goes after 30 days (ID-36)", () => {
  const scene = new Scene();
  scene.nowMs = NOW_MS + 32 * DAY_MS;
  scene.takes(agent.id, spare());
  assert.equal(scene.c.held.size, 1);
  scene.engine.start(scene.nowMs + 30 * DAY_MS);
  assert.equal(scene.c.held.size, 1);
  scene.engine.start(scene.nowMs + 30 * DAY_MS + 1);
  assert.equal(scene.c.held.size, 0);
});

/** The engine learns of rosters of these numbers at these times. */
function learns(engine: Engine, seqs: readonly number[], atMs: number): void {
  for (const seq of seqs) {
    const roster = shop.rosterOf({ seq, atMs: Math.min(atMs, NOW_MS + 80 * DAY_MS) });
    engine.do(atMs, (c, turn) => learnRoster(c, turn, roster));
  }
}

function numbers(engine: Engine): readonly number[] {
  return [...engine.context.team.rosters.values()].map(({ one }) => one.seq).sort((a, b) => a - b);
}

test("a roster is kept eight days, at most 64 of them, and the first of each six days (ACC-23, ACC-41)", () => {
  const engine = engineOf();
  const six = 6 * DAY_MS;
  const start = Math.ceil((NOW_MS + DAY_MS) / six) * six;
  learns(engine, [10, 11], start);
  learns(engine, [12], start + six - 1);
  learns(engine, [13], start + six);
  const at = (ms: number): readonly number[] => {
    engine.do(ms, maintain);
    return numbers(engine).filter((seq) => seq >= 10);
  };
  assert.deepEqual(at(start + 8 * DAY_MS - 1), [10, 11, 12, 13]);
  assert.deepEqual(at(start + 8 * DAY_MS), [10, 12, 13]);
  assert.deepEqual(at(start + 6 * DAY_MS - 1 + 8 * DAY_MS), [10, 13]);
  const many = engineOf();
  learns(
    many,
    Array.from({ length: 70 }, (_, i) => i + 2),
    start,
  );
  assert.deepEqual(numbers(many), [1, 2, ...Array.from({ length: 64 }, (_, i) => i + 8)]);
});

test("a roster that a state names is kept as long as the room, the first 256 of a mandate (ACC-23)", () => {
  const scene = new Scene();
  scene.state([desk]);
  scene.engine.do(NOW_MS + 400 * DAY_MS, maintain);
  assert.deepEqual(numbers(scene.engine), [1]);
  const { c } = scene;
  const state = scene.room.states[0] as NonNullable<(typeof scene.room.states)[0]>;
  const [known] = c.team.rosters.values();
  const refs = Array.from({ length: 300 }, (_, i) => {
    const hash = Uint8Array.from({ length: 32 }, (_unused, at) => (at === 0 ? i >> 8 : at === 1 ? i & 255 : 7));
    const one = { ...(known as NonNullable<typeof known>).one, seq: i + 2, hash };
    c.team.rosters.set(hex(hash), { one, learnedMs: NOW_MS - 20 * DAY_MS });
    return { ...state, state: { ...state.state, roster: { mandateSeq: 1, seq: i + 2, hash } } };
  });
  c.rooms.set(hex(scene.roomId), { ...scene.room, states: [...scene.room.states, ...refs] });
  scene.engine.do(NOW_MS + 400 * DAY_MS, maintain);
  const kept = numbers(scene.engine);
  assert.deepEqual(kept, [...Array.from({ length: 256 }, (_, i) => i + 1), 301], "and the one that counts");
});

test("who was in force is judged by the roster that a state names; without its list or a record by nobody (ACC-21)", () => {
  const engine = engineOf();
  const { c } = { c: engine.context };
  const without = shop.rosterOf({ seq: 2, suspended: [agent.id] });
  engine.do(NOW_MS, (_, turn) => learnRoster(c, turn, without));
  const ref = (roster: typeof shop.roster) => ({ mandateSeq: 1, seq: roster.seq, hash: roster.hash });
  const ranks = (roster: typeof shop.roster) => {
    const of = ranksBy(c, ref(roster));
    return of && [desk, second, agent].map(({ id }) => of(id));
  };
  assert.deepEqual(ranks(shop.roster), [3, 2, 1], "suspensions by other rosters are left out");
  assert.deepEqual(ranks(without), [3, 2, null]);
  assert.ok(
    !teamOrNone(c, engine.do(NOW_MS, () => {}).turn).some(({ record }) => hex(record.deviceId) === hex(agent.id)),
  );
  for (const wrong of [{ mandateSeq: 2 }, { seq: 9 }, { hash: without.hash }]) {
    assert.equal(ranksBy(c, { ...ref(shop.roster), ...wrong }), null, "numbers or hash of another one");
  }
  const unknown = shop.rosterOf({ seq: 3, listed: shop.listOf([desk], 2, shop.list) });
  c.team.rosters.set(hex(unknown.hash), { one: unknown, learnedMs: NOW_MS });
  assert.equal(ranks(unknown), null);
  c.peers.delete(hex(other.id));
  for (const [key, record] of c.team.records) if (hex(record.deviceId) === hex(other.id)) c.team.records.delete(key);
  assert.equal(ranks(shop.roster), null, "a record of the list is not here");
});

test("those who are suspended stay so while the mandate counts; of unknown ids the 64 smallest (ACC-22)", () => {
  const engine = engineOf();
  const isIn = (id: Bytes): boolean => engine.context.team.suspended.some((one) => hex(one) === hex(id));
  learnsSuspended(engine, 2, [agent.id]);
  learnsSuspended(engine, 3, []);
  assert.ok(isIn(agent.id), "a later roster takes no suspension back");
  for (let i = 0; i < 10; i++) {
    const ids = Array.from({ length: 8 }, (_, at) => new Uint8Array(16).fill(200 - 8 * i - at));
    learnsSuspended(engine, 4 + i, ids);
  }
  assert.ok(isIn(agent.id));
  const others = engine.context.team.suspended.filter((id) => hex(id) !== hex(agent.id));
  assert.equal(others.length, 64);
  assert.ok(others.every(([first]) => (first as number) <= 200 - 16));
});

function learnsSuspended(engine: Engine, seq: number, ids: readonly Bytes[]): void {
  const roster = shop.rosterOf({ seq, suspended: [...ids].sort(compare) });
  engine.do(NOW_MS, (c, turn) => learnRoster(c, turn, roster));
}

test("who needs to know who is in force looks up a roster of a day (ACC-13)", () => {
  for (const [afterMs, isAsked] of [
    [DAY_MS - 1, false],
    [DAY_MS, true],
  ] as const) {
    const engine = engineOf();
    engine.context.timers.drop("team");
    const { turn } = engine.do(NOW_MS + afterMs, (c, step) => {
      assert.equal(teamOrNone(c, step).length, 4);
    });
    assert.ok(turn.isEmpty);
    assert.equal(engine.context.timers.atMs("team") !== null, isAsked);
  }
});
