/** States that are held for what never comes are not waited for without end (ROOM-53). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { hex } from "@sealroom/core/bytes.ts";
import { DAY_MS, MINUTE_MS } from "@sealroom/core/constants.ts";
import type { Entry } from "@sealroom/core/rooms/entry.ts";
import { deviceTagOf } from "@sealroom/core/rooms/entry.ts";
import type { CustomerEvent } from "../src/engine/events.ts";
import * as shop from "./shop.ts";
import { agent, desk, second } from "./shop.ts";
import { learnRoster, Scene } from "./shop_room.ts";

/** The company goes by a later roster than those that a test lets states name. */
function later(): Scene {
  const scene = new Scene();
  scene.engine.do(scene.nowMs, (c, turn) => learnRoster(c, turn, shop.rosterOf({ seq: 90 })));
  scene.passes(1_000);
  return scene;
}

function asksFor(scene: Scene, { author, header }: Entry): boolean {
  const tag = hex(deviceTagOf(scene.roomId, author.deviceId));
  return scene.room.asking.ranges.some((one) => hex(one.tag) === tag && one.first <= header.n && header.n <= one.last);
}

function gaps(events: readonly CustomerEvent[]): readonly (readonly [string, number, number])[] {
  return events.flatMap((one) => (one.type === "gap" ? [[one.author, one.first, one.last] as const] : []));
}

test("a roster that never was is asked for for seven days, then told, and judged if it comes (ROOM-53)", () => {
  const scene = later();
  const roster = shop.rosterOf({ seq: 2 });
  const state = scene.state([agent], { roster });
  assert.deepEqual(gaps(scene.passes(6 * DAY_MS)), []);
  assert.ok(asksFor(scene, state));
  const tag = hex(deviceTagOf(scene.roomId, desk.id));
  assert.deepEqual(gaps(scene.passes(2 * DAY_MS)), [[tag, state.header.n, state.header.n]]);
  assert.deepEqual([asksFor(scene, state), scene.room.asking.dueMs], [false, null]);
  scene.says("weiter");
  assert.deepEqual(gaps(scene.passes(2 * DAY_MS)), []);
  assert.equal(asksFor(scene, state), false);
  assert.deepEqual(scene.vouches(desk.id, roster).codes, []);
  assert.equal(hex(scene.in((d) => d.judged().head?.hash ?? d.room.root).result), hex(state.hash));
});

test("a state before that never was is not asked for without end, nor are all numbers of stewards (ROOM-53)", () => {
  const scene = new Scene();
  const state = scene.state([desk], { epoch: 5, parent: { hash: new Uint8Array(32).fill(9), epoch: 4 } });
  scene.passes(MINUTE_MS);
  assert.ok(scene.room.asking.ranges.length > 0);
  const tag = hex(deviceTagOf(scene.roomId, desk.id));
  assert.deepEqual(gaps(scene.passes(8 * DAY_MS)).at(-1), [tag, state.header.n, state.header.n]);
  assert.equal(scene.room.asking.dueMs, null);
});

test("who names many rosters keeps nobody else's from being asked for (ROOM-53)", () => {
  const scene = later();
  for (let n = 0; n < 16; n++) scene.state([agent], { parent: null, roster: shop.rosterOf({ seq: 40 + n }) });
  const state = scene.state([agent], { by: second, parent: null, roster: shop.rosterOf({ seq: 2 }) });
  scene.passes(2 * MINUTE_MS);
  assert.ok(asksFor(scene, state));
});

test("who was away for weeks asks all the same: eight times at least (ROOM-53)", () => {
  const scene = later();
  const roster = shop.rosterOf({ seq: 2 });
  const state = scene.state([agent], { roster });
  scene.passes(3 * MINUTE_MS);
  scene.nowMs += 21 * DAY_MS;
  assert.deepEqual(gaps(scene.passes(MINUTE_MS)), []);
  assert.ok(asksFor(scene, state));
  assert.deepEqual(scene.vouches(desk.id, roster).codes, []);
  assert.equal(hex(scene.in((d) => d.judged().head?.hash ?? d.room.root).result), hex(state.hash));
});
