import assert from "node:assert/strict";
import { test } from "node:test";
import { hex } from "@sealroom/core/bytes.ts";
import { DAY_MS } from "@sealroom/core/constants.ts";
import { accept, act } from "../src/engine/rooms/consenting.ts";
import * as shop from "./shop.ts";
import { Scene } from "./shop_room.ts";

const ACT_CLOSE = 1;

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
