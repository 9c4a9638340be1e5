import assert from "node:assert/strict";
import { test } from "node:test";
import { compare, hex } from "@sealroom/core/bytes.ts";
import { DAY_MS, MINUTE_MS } from "@sealroom/core/constants.ts";
import { accept, act, withdraw } from "../src/engine/rooms/consenting.ts";
import { condition, mayReopen } from "../src/engine/rooms/judging.ts";
import * as shop from "./shop.ts";
import { agent, desk } from "./shop.ts";
import { learnRoster, map, Scene } from "./shop_room.ts";

const ACT_CLOSE = 1;
const KIND_ACCESS = 16;

function acceptedAfter(days: number): { readonly same: boolean; readonly count: number } {
  const scene = new Scene();
  scene.in((d) => act(d, ACT_CLOSE));
  const given = { notice: shop.notice, locale: "de", purposes: 1 };
  const nowMs = scene.nowMs + days * DAY_MS;
  const again = scene.engine.do(nowMs, (c, turn) => accept(c, turn, given)).result;
  return { same: hex(again) === hex(scene.roomId), count: scene.c.rooms.size };
}

test("who accepts after a room was closed for 90 days gets a new one (ROOM-18)", () => {
  assert.deepEqual(acceptedAfter(90), { same: true, count: 1 });
  assert.deepEqual(acceptedAfter(91), { same: false, count: 2 });
});

test("nothing that comes after a closing gives more time to open the room again (ROOM-18)", () => {
  const scene = new Scene();
  scene.state([desk, agent]);
  scene.state([desk, agent], { phase: 2 });
  const closedMs = scene.nowMs;
  scene.nowMs = closedMs + 20 * DAY_MS;
  scene.engine.do(scene.nowMs, (c, turn) => learnRoster(c, turn, shop.rosterOf({ seq: 9, atMs: scene.nowMs })));
  scene.arrives(scene.entryOf(desk, KIND_ACCESS, map(1, null, 0, null, null)));
  assert.ok(scene.room.lastMs >= closedMs + 20 * DAY_MS);
  const isOpenUntil = (days: number) => mayReopen(scene.c, scene.room, closedMs + days * DAY_MS);
  assert.deepEqual([isOpenUntil(89), isOpenUntil(91)], [true, false]);
});

test("who accepts in a room that an older number left withdrawn gives one consent (CNS-17)", () => {
  const scene = new Scene();
  const given = { notice: shop.notice, locale: "de", purposes: 1 };
  const accepts = () => scene.engine.do(scene.nowMs, (c, turn) => accept(c, turn, given));
  const of = (...kinds: number[]) => {
    const own = [...scene.room.entries.values()].filter((one) => one.delivery !== null);
    return own
      .map((one) => one.entry)
      .filter((one) => kinds.includes(one.header.kind))
      .map((one) => one.hash);
  };
  scene.state([desk, agent]);
  scene.engine.do(scene.nowMs, (c, turn) => withdraw(c, turn, scene.roomId));
  scene.nowMs += MINUTE_MS;
  accepts();
  scene.state([desk, agent], { answers: of(8, 10).sort(compare) });
  scene.state([desk, agent], { phase: 4, answers: of(9) });
  assert.deepEqual(
    [accepts(), accepts()].map(({ result }) => hex(result)),
    Array(2).fill(hex(scene.roomId)),
  );
  assert.equal(of(8).length, 2);
  scene.state([desk, agent], { phase: 1, answers: of(8, 10).slice(2).sort(compare) });
  assert.equal(scene.in((d) => condition(d.c, d.room, d.judged()).phase).result, 1);
  accepts();
  assert.equal(of(8).length, 2);
});
