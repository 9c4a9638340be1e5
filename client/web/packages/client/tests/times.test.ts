/** When an entry was written, as the person is shown it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { hex } from "@sealroom/core/bytes.ts";
import { agent, desk, NOW_MS } from "./shop.ts";
import { itemsOf } from "./shop_items.ts";
import { Scene } from "./shop_room.ts";

const HOUR_MS = 3_600_000;

test("a text is shown with the time at which it was written, not after it came nor before what is before it (TRN-49)", () => {
  const scene = new Scene();
  scene.state([desk, agent]);
  scene.nowMs = NOW_MS + 4 * HOUR_MS;
  const late = scene.hears(agent, "lange unterwegs", { sentMs: NOW_MS + HOUR_MS });
  const ahead = scene.hears(desk, "von morgen", { sentMs: NOW_MS + 5 * HOUR_MS });
  const back = scene.hears(agent, "danach, und von neulich", { sentMs: NOW_MS - 2_880 * HOUR_MS });
  const items = itemsOf(scene);
  const shown = new Map(items.map((one) => [one.id, one.kind === "message" ? one.writtenMs : one.atMs]));
  assert.equal(shown.get(hex(late.hash)), NOW_MS + HOUR_MS);
  assert.equal(shown.get(hex(ahead.hash)), NOW_MS + 4 * HOUR_MS);
  assert.equal(shown.get(hex(back.hash)), NOW_MS + HOUR_MS + 1);
});
