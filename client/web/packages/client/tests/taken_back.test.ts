/** What waits when its person takes it back (ROOM-52). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Bytes } from "@sealroom/core/bytes.ts";
import { compare, hex } from "@sealroom/core/bytes.ts";
import { MINUTE_MS } from "@sealroom/core/constants.ts";
import type { Entry } from "@sealroom/core/rooms/entry.ts";
import { deviceTagOf } from "@sealroom/core/rooms/entry.ts";
import { answerWant } from "../src/engine/rooms/asking.ts";
import { accept, withdraw } from "../src/engine/rooms/consenting.ts";
import { condition } from "../src/engine/rooms/judging.ts";
import type { Kept } from "../src/engine/rooms/model.ts";
import { retry } from "../src/engine/rooms/writing.ts";
import * as shop from "./shop.ts";
import { agent, desk, other } from "./shop.ts";
import { ERASE, learnRoster, map, Scene, told } from "./shop_room.ts";

/** The company's next roster names these devices. */
function names(scene: Scene, seq: number, devices: readonly shop.Device[]): void {
  scene.engine.do(scene.nowMs, (c, turn) => learnRoster(c, turn, shop.rosterOf({ seq, devices })));
  scene.passes(1_000);
}

test("what waits does not leave once it was erased or withdrawn, nor for a new member or by an answer (ROOM-52, ROOM-35, TRN-15)", () => {
  const scene = new Scene();
  scene.state([desk, agent]);
  names(scene, 2, [other]);
  const erased = scene.says("oops");
  scene.writes(ERASE, map([erased.hash]));
  const text = scene.says("please do not tell");
  assert.deepEqual([scene.waitsFor(erased), scene.waitsFor(text)], [[], []]);
  const { turn } = scene.engine.do(scene.nowMs, (c, turn) => withdraw(c, turn, scene.roomId));
  const failed = told(turn).flatMap((one) => (one.type === "delivery" ? [[one.entry, one.state, one.code]] : []));
  assert.deepEqual(failed, [[hex(text.hash), "failed", "room.consent_withdrawn"]]);
  names(scene, 3, [desk, other]);
  scene.nowMs += MINUTE_MS;
  scene.engine.do(scene.nowMs, (c, turn) => accept(c, turn, { notice: shop.notice, locale: "de", purposes: 1 }));
  scene.state([desk, other], {
    answers: [...scene.room.entries.values()]
      .map((one) => one.entry)
      .filter((one) => [8, 9, 10].includes(one.header.kind))
      .map((one) => one.hash)
      .sort(compare),
  });
  assert.equal(scene.in((d) => condition(d.c, d.room, d.judged()).phase).result, 1);
  assert.deepEqual([scene.waitsFor(erased), scene.waitsFor(text)], [[], []]);
  for (const { hash } of [erased, text]) scene.in((d) => retry(d, hash));
  scene.passes(1_000);
  assert.deepEqual(
    [erased, text].map(({ hash }) => scene.kept(hash)?.delivery),
    ["failed", "failed"],
  );
  assert.deepEqual([scene.waitsFor(erased), scene.waitsFor(text)], [[], []]);
  const later = scene.says("wieder da");
  assert.equal(scene.waitsFor(later).length, 2);
  const own = deviceTagOf(scene.roomId, scene.c.own.record.deviceId);
  const given = scene.in((d) => answerWant(d, desk.id, [{ tag: own, first: 0, last: 99 }])).turn.changes();
  const posted = given.flatMap(({ kind, value }) => (kind === "posted" && value !== null ? [hex(value)] : []));
  const isGiven = ({ body }: Entry): boolean => posted.some((one) => one.includes(hex(body as Bytes)));
  assert.deepEqual([erased, text, later].map(isGiven), [false, false, true]);
});

test("a new member gets an erasure in a closed room, too, and though it was confirmed (ROOM-61)", () => {
  const scene = new Scene();
  scene.state([desk]);
  const text = scene.says("oops");
  const erasure = scene.writes(ERASE, map([text.hash]));
  scene.in((d) => d.keep({ ...(d.find(erasure.hash) as Kept), delivery: "delivered", waitingFor: [] }));
  scene.nowMs += MINUTE_MS;
  scene.state([desk, agent], { phase: 2 });
  assert.equal(scene.waitsFor(erasure).includes(hex(agent.id)), true);
  assert.equal(scene.waitsFor(text).includes(hex(agent.id)), false);
});
