/** Who gets what is said, whose entries are taken, and what is asked for (chapters 16 and 17). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex } from "@sealroom/core/bytes.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "@sealroom/core/constants.ts";
import { deviceTagOf } from "@sealroom/core/rooms/entry.ts";
import { withdraw } from "../src/engine/rooms/consenting.ts";
import * as shop from "./shop.ts";
import { agent, desk, NOW_MS, other, second } from "./shop.ts";
import { codeOf, ids, learnRoster, MARKED, map, SAID, Scene, told } from "./shop_room.ts";

const ACT = 10;
const REACH = 14;
const REFUSAL = 22;
const ERASE = 5;
const ERASED = 6;
const FREEZE = map(3);

/** The company's next roster names these devices. */
function names(scene: Scene, given: shop.RosterOf): void {
  const seq = [...scene.c.team.rosters.values()].length + 1;
  scene.engine.do(scene.nowMs, (c, turn) => learnRoster(c, turn, shop.rosterOf({ seq, ...given })));
  scene.passes(1_000);
}

function asked(scene: Scene): readonly (readonly [string, number, number])[] {
  return scene.room.asking.ranges.map(({ tag, first, last }) => [hex(tag), first, last]);
}

function tag(scene: Scene, device: shop.Device): string {
  return hex(deviceTagOf(scene.roomId, device.id));
}

test("an entry goes to the members, before there are any to the desks that open has named (ROOM-15)", () => {
  const scene = new Scene();
  assert.deepEqual(scene.waitsFor(scene.says("eins")), ids(desk, second));
  scene.state([desk, agent]);
  assert.deepEqual(scene.waitsFor(scene.says("zwei")), ids(desk, agent));
  scene.state([agent, other]);
  assert.deepEqual(scene.waitsFor(scene.says("drei")), ids(agent, other));
  assert.deepEqual(scene.waitsFor(scene.writes(REACH, map(null))), ids(desk, second, agent, other));
  assert.deepEqual(scene.waitsFor(scene.writes(ACT, FREEZE)), ids(desk, second, agent, other));
});

test("orders go also to who was a member, what is said and asked does not (ROOM-15)", () => {
  const scene = new Scene();
  scene.state([agent]);
  scene.state([other]);
  const { hash } = scene.says("eins");
  scene.state([desk]);
  assert.deepEqual(scene.waitsFor(scene.says("zwei")), ids(desk));
  assert.deepEqual(scene.waitsFor(scene.writes(MARKED, map([hash]))), ids(desk, second, agent, other));
  assert.deepEqual(scene.waitsFor(scene.writes(ERASE, map([hash]))), ids(desk, second, agent, other));
  assert.deepEqual(scene.waitsFor(scene.writes(REACH, map(null))), ids(desk, second));
});

test("without a member in force it goes to known desks, and without those it waits (ROOM-15)", () => {
  const scene = new Scene();
  scene.state([agent]);
  names(scene, { devices: [desk, second, other] });
  assert.deepEqual(scene.waitsFor(scene.says("eins")), ids(desk, second));
  names(scene, { devices: [other] });
  const waiting = scene.says("zwei");
  assert.deepEqual(scene.waitsFor(waiting), []);
  assert.equal(scene.kept(waiting.hash)?.delivery, "waiting");
  names(scene, { devices: [second, other] });
  assert.deepEqual(scene.waitsFor(waiting), ids(second));
});

test("a state is judged by the roster that came ahead of it, when the directory has a later one (ROOM-51)", () => {
  const scene = new Scene();
  names(scene, { seq: 3 });
  const roster = shop.rosterOf({ seq: 2 });
  assert.deepEqual(scene.vouches(desk.id, roster).codes, []);
  const { hash } = scene.state([agent], { roster });
  assert.deepEqual(
    [asked(scene), hex(scene.in((d) => d.judged().head?.hash ?? hash.slice(1)).result)],
    [[], hex(hash)],
  );
  assert.deepEqual(scene.waitsFor(scene.says("eins")), ids(agent));
});

test("a state that is held for its roster is asked for, and judged when that comes, however old (ROOM-51)", () => {
  const scene = new Scene();
  names(scene, { seq: 3 });
  const roster = shop.rosterOf({ seq: 2 });
  const { header } = scene.state([agent], { roster });
  scene.passes(2 * MINUTE_MS);
  assert.deepEqual([scene.in((d) => d.judged().head).result, scene.room.asking.times], [null, 2]);
  assert.deepEqual(asked(scene), [[tag(scene, desk), header.n, header.n]]);
  assert.deepEqual(scene.vouches(desk.id, roster).codes, []);
  scene.passes(MINUTE_MS);
  assert.deepEqual([asked(scene), scene.room.asking.dueMs], [[], null]);
  assert.deepEqual(scene.waitsFor(scene.says("eins")), ids(agent));
});

test("what waits for who is no recipient any more is taken back (ROOM-36)", () => {
  const scene = new Scene();
  scene.state([desk, agent]);
  const text = scene.says("eins");
  const act = scene.writes(ACT, map(5));
  scene.state([desk]);
  assert.deepEqual(scene.waitsFor(text), ids(desk));
  assert.deepEqual(scene.waitsFor(act), ids(desk, second, agent), "an act was promised to all who got it");
  names(scene, { devices: [desk, second] });
  assert.deepEqual(scene.waitsFor(act), ids(desk, second));
});

test("a content that is then for nobody waits until there is somebody (ROOM-36)", () => {
  const scene = new Scene();
  scene.state([agent]);
  const text = scene.says("eins");
  assert.deepEqual(scene.waitsFor(text), ids(agent));
  names(scene, { devices: [other] });
  assert.deepEqual(scene.waitsFor(text), []);
  assert.equal(scene.kept(text.hash)?.delivery, "waiting");
  names(scene, { devices: [desk, other] });
  assert.deepEqual(scene.waitsFor(text), ids(desk));
});

test("who is not in force is refused; a state of it leaves nothing, else its place stays (ROOM-16, TRN-10)", () => {
  const scene = new Scene();
  scene.state([desk, agent]);
  names(scene, { suspended: [agent.id, second.id].sort((a, b) => (hex(a) < hex(b) ? -1 : 1)) });
  const text = scene.hears(agent, "eins");
  assert.deepEqual(text.codes, ["room.suspended"]);
  assert.equal(scene.kept(text.hash)?.stands, "refused");
  const state = scene.state([desk], { by: second });
  assert.deepEqual(state.codes, ["room.suspended"]);
  assert.equal(scene.kept(state.hash), null);
});

test("desks write before there are members, agents are held until a state names them, for a day (ROOM-16)", () => {
  const scene = new Scene();
  assert.deepEqual(scene.hears(desk, "eins").codes, []);
  const early = scene.hears(agent, "zwei");
  assert.deepEqual([early.codes, scene.kept(early.hash), scene.room.early.length], [[], null, 1]);
  scene.state([desk, agent]);
  assert.equal(scene.kept(early.hash)?.stands, "taken");
  scene.hears(other, "drei");
  scene.passes(DAY_MS - 1_000);
  assert.equal(scene.room.early.length, 1);
  scene.passes(2_000);
  assert.equal(scene.room.early.length, 0);
  for (let n = 0; n < 64; n++) assert.deepEqual(scene.hears(other, `${n}`).codes, []);
  assert.deepEqual(scene.hears(other, "zu viel").codes, ["room.too_many"]);
});

test("who was a member is none any more; a steward answers all the same (ROOM-16)", () => {
  const scene = new Scene();
  scene.state([desk, agent]);
  scene.state([agent]);
  assert.deepEqual(scene.hears(agent, "eins").codes, []);
  assert.deepEqual(scene.hears(desk, "zwei").codes, ["room.not_member"]);
  const refusal = scene.entryOf(second, REFUSAL, map(scene.room.root, "room.right"));
  assert.deepEqual(scene.arrives(refusal).codes, []);
  assert.equal(scene.kept(refusal.hash)?.stands, "taken");
  scene.state([second]);
  const order = scene.writes(ERASE, map(null));
  const answer = (hash: Bytes, ...said: number[]): readonly string[] => {
    return scene.arrives(scene.entryOf(agent, ERASED, map([hash], ...said))).codes;
  };
  assert.deepEqual(answer(refusal.hash, 1), ["room.not_member"], "no erasure");
  assert.deepEqual(answer(order.hash, 2, NOW_MS), []);
  assert.deepEqual(answer(order.hash, 2, NOW_MS + 1), ["room.not_member"], "said before");
  assert.deepEqual(answer(order.hash, 1), []);
  assert.deepEqual(answer(order.hash, 1), ["room.not_member"], "done before");
  assert.deepEqual(scene.hears(agent, "drei").codes, ["room.not_member"]);
});

test("who was a member answers a withdrawal, as it answers an erasure of the room (ROOM-16)", () => {
  const scene = new Scene();
  scene.state([desk, agent]);
  scene.says("eins");
  scene.state([desk]);
  scene.engine.do(scene.nowMs, (c, turn) => withdraw(c, turn, scene.roomId));
  const [order] = [...scene.room.entries.values()].filter(({ entry }) => entry.header.kind === 9);
  assert.ok(order !== undefined);
  assert.deepEqual(scene.arrives(scene.entryOf(agent, ERASED, map([order.entry.hash], 1))).codes, []);
  assert.deepEqual(scene.arrives(scene.entryOf(agent, ERASED, map([order.entry.hash], 1))).codes, ["room.not_member"]);
});

test("what is refused leaves its place, so that what follows is no gap; what is forged leaves nothing (TRN-10)", () => {
  const scene = new Scene();
  scene.state([desk, agent]);
  const own = scene.hears(desk, "eins");
  const wrong = scene.entryOf(agent, MARKED, map([own.hash]));
  assert.deepEqual(scene.arrives(wrong).codes, ["room.right"]);
  const kept = scene.kept(wrong.hash);
  assert.deepEqual([kept?.stands, kept?.marked, scene.kept(own.hash)?.marked], ["refused", false, false]);
  scene.hears(agent, "zwei");
  assert.deepEqual(asked(scene), []);
  const forged = scene.entryOf(agent, SAID, map("drei"));
  const signature = forged.signature?.map((byte, i) => (i === 9 ? byte ^ 1 : byte)) ?? null;
  assert.deepEqual(scene.arrives({ ...forged, signature }).codes, ["room.signature"]);
  assert.equal(scene.kept(forged.hash), null);
  scene.hears(agent, "vier");
  assert.deepEqual(asked(scene), [[tag(scene, agent), 2, 2]]);
});

test("a device has 64 states in a day, and a further one leaves nothing (ROOM-29)", () => {
  const scene = new Scene();
  for (let i = 0; i < 32; i++) {
    assert.deepEqual(scene.state([desk]).codes, []);
    assert.deepEqual(scene.state([desk], { epoch: 900 + i, parent: { hash: scene.room.root, epoch: 1 } }).codes, []);
  }
  const parent = (): { hash: typeof scene.roomId; epoch: number } => {
    const newest = scene.room.states.filter((one) => one.state.epoch < 900).at(-1);
    assert.ok(newest !== undefined);
    return { hash: newest.hash, epoch: newest.state.epoch };
  };
  const further = scene.stateOf([desk], { parent: parent() });
  assert.deepEqual(scene.arrives(further).codes, ["room.too_many"]);
  assert.equal(scene.kept(further.hash), null);
  scene.passes(DAY_MS);
  assert.deepEqual(scene.arrives(further).codes, []);
  assert.equal(scene.kept(further.hash)?.stands, "taken");
});

test("a device has 16 states that are held, and 64 that are refused (ROOM-29)", () => {
  for (const [most, epochOf] of [
    [16, (i: number) => 5 + i],
    [64, () => 7],
  ] as const) {
    const scene = new Scene();
    const hash = most === 16 ? new Uint8Array(32).fill(9) : scene.room.root;
    for (let i = 0; i < most; i++) {
      if (i % 40 === 39) scene.passes(DAY_MS);
      assert.deepEqual(scene.state([desk], { epoch: epochOf(i), parent: { hash, epoch: 1 } }).codes, []);
    }
    scene.passes(DAY_MS);
    assert.deepEqual(scene.state([desk], { epoch: 5, parent: { hash, epoch: 1 } }).codes, ["room.too_many"]);
    assert.deepEqual(scene.state([second], { by: second, parent: null }).codes, []);
  }
});

test("what 16 states that are held wait for is taken beside them (ROOM-29)", () => {
  const scene = new Scene();
  for (let i = 0; i < 16; i++) {
    scene.state([desk], { epoch: 5 + i, parent: { hash: new Uint8Array(32).fill(9), epoch: 1 } });
  }
  assert.deepEqual(scene.state([desk], { parent: null }).codes, [], "judged at once");
});

test("for a state that is held all numbers of stewards are asked for (TRN-33)", () => {
  const scene = new Scene();
  const first = scene.stateOf([desk]);
  scene.state([desk, agent], { parent: { hash: first.hash, epoch: 1 } });
  const ranges = asked(scene);
  assert.ok(ranges.some(([one, from, to]) => one === tag(scene, second) && from === 0 && to === 63));
  assert.ok(ranges.some(([one, from, to]) => one === tag(scene, desk) && from <= 0 && to >= 0));
});

test("for an entry that is held early and names a state, also what stands below it is asked for (TRN-33)", () => {
  const scene = new Scene();
  const first = scene.stateOf([desk, agent]);
  const below = scene.entryOf(agent, SAID, map("eins"), { state: first.hash });
  scene.hears(agent, "zwei");
  assert.deepEqual(asked(scene), [], "it names no state");
  scene.hears(agent, "drei", { state: first.hash });
  const ranges = asked(scene);
  assert.ok(ranges.some(([one, from, to]) => one === tag(scene, agent) && from === 0 && to === 0));
  for (const device of [desk, second]) assert.ok(ranges.some(([one]) => one === tag(scene, device)));
  assert.equal(below.header.n, 0);
});

test("lines that nobody asked for are unlogged, but states; what was asked for is taken (TRN-19)", () => {
  const scene = new Scene();
  const state = scene.stateOf([desk, agent]);
  assert.deepEqual(scene.forwards(second.id, [state]).codes, []);
  assert.equal(scene.kept(state.hash)?.stands, "taken");
  const missed = scene.entryOf(agent, SAID, map("eins"));
  assert.deepEqual(scene.forwards(desk.id, [missed]).codes, ["room.unlogged"]);
  assert.equal(scene.kept(missed.hash), null);
  scene.hears(agent, "zwei");
  scene.passes(MINUTE_MS);
  assert.deepEqual(scene.forwards(desk.id, [missed]).codes, []);
  assert.equal(scene.kept(missed.hash)?.stands, "taken");
});

test("an entry that sorts above one that was shown is late (TRN-27)", () => {
  const scene = new Scene();
  scene.state([desk, agent]);
  scene.nowMs += HOUR_MS;
  const isLate = (turn: Parameters<typeof told>[0]): readonly boolean[] => {
    return told(turn).flatMap((one) => (one.type === "entry" ? [one.late] : []));
  };
  assert.deepEqual(isLate(scene.hears(agent, "zwei").turn), [false]);
  assert.deepEqual(isLate(scene.hears(desk, "eins", { sentMs: scene.nowMs - MINUTE_MS }).turn), [true]);
  scene.nowMs += 1;
  assert.deepEqual(isLate(scene.hears(desk, "drei").turn), [false]);
});

test("a mark is written after 20 entries of others without one of ours, and when the room closes (TRN-12)", () => {
  const scene = new Scene();
  const marks = (): number => [...scene.room.entries.values()].filter((one) => one.entry.header.kind === 21).length;
  scene.state([desk, agent]);
  scene.says("eins");
  for (let n = 0; n < 19; n++) scene.hears(agent, `${n}`);
  assert.equal(marks(), 0);
  scene.arrives(scene.entryOf(agent, 21, null));
  const theirs = marks();
  assert.equal(theirs, 1, "marks of others do not count");
  scene.hears(agent, "19");
  assert.equal(marks(), theirs + 1);
  scene.state([desk, agent], { phase: 2 });
  assert.equal(marks(), theirs + 2);
  assert.equal(
    codeOf(() => scene.says("zu")),
    "room.closed",
  );
});
