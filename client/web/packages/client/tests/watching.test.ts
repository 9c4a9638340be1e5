/** What a screen tells of what was noticed in its room while it was open: gaps, and two versions. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { hex } from "@sealroom/core/bytes.ts";
import { HOUR_MS, MINUTE_MS } from "@sealroom/core/constants.ts";
import type { CustomerEvent } from "../src/engine/events.ts";
import { Room } from "../src/room.ts";
import { Items } from "../src/room_items.ts";
import { RoomWatch } from "../src/room_watch.ts";
import type { Shell } from "../src/shell.ts";
import { agent, desk } from "./shop.ts";
import { map, SAID, Scene, told } from "./shop_room.ts";

function screen(scene: Scene) {
  const watch = new RoomWatch("https://praxis.example", false);
  watch.show(new Items());
  const files = { isSupported: false, status: () => ({ code: null }), uploads: () => [] };
  const room = new Room({ context: scene.c } as unknown as Shell, files as never, hex(scene.roomId));
  const items = () => watch.room(room, null, "de", { limit: 1_000, nowMs: scene.nowMs }).items ?? [];
  return {
    hears: (events: readonly CustomerEvent[]) => {
      for (const one of events) watch.heard(one, scene.nowMs);
    },
    lines: () => items().flatMap((one) => (one.kind === "happening" ? [one.what] : [])),
    ids: () => items().map((one) => one.id),
  };
}

function noticed(scene: Scene, type: "gap" | "finding", n: number, finding = "differ"): CustomerEvent {
  const at = { room: hex(scene.roomId), author: "aa" };
  return type === "gap" ? { type, ...at, first: n, last: n } : { type, ...at, finding, n };
}

test("a device that begins its chain anew is not told as two versions, a second entry of a number is (TRN-07, TRN-09)", () => {
  const scene = new Scene();
  scene.state([desk, agent]);
  const view = screen(scene);
  const before = scene.hears(agent, "before");
  view.hears(told(before.turn));
  const anew = told(scene.hears(agent, "after a backup", { n: 1_000_000, prev: null }).turn);
  assert.ok(anew.some((one) => one.type === "finding" && one.finding === "restarted"));
  view.hears(anew);
  assert.ok(!view.lines().includes("differ"));
  const second = told(scene.hears(agent, "another", { n: 1_000_000, prev: null }).turn);
  assert.ok(second.some((one) => one.type === "finding"));
  view.hears(second);
  assert.ok(view.lines().includes("differ"));
});

test("that messages are missing is told until they have come (TRN-13)", () => {
  const scene = new Scene();
  scene.state([desk, agent]);
  const view = screen(scene);
  const [one, two] = [scene.entryOf(agent, SAID, map("one")), scene.entryOf(agent, SAID, map("two"))];
  view.hears(told(scene.arrives(two).turn));
  view.hears(scene.passes(2 * MINUTE_MS));
  assert.ok(view.lines().includes("gap"));
  view.hears(told(scene.arrives(one).turn));
  view.hears(scene.passes(HOUR_MS));
  assert.ok(!view.lines().includes("gap"));
});

test("each of many notices has an id of its own, and another room shows none of them (TRN-09)", () => {
  const scene = new Scene();
  scene.state([desk, agent]);
  const view = screen(scene);
  for (let i = 0; i < 200; i++) view.hears([noticed(scene, "finding", i)]);
  assert.equal(view.lines().filter((one) => one === "differ").length, 64);
  assert.equal(new Set(view.ids()).size, view.ids().length);
  const other = new Scene();
  const beside = screen(other);
  beside.hears([{ ...noticed(other, "finding", 1), room: "00" } as CustomerEvent]);
  assert.deepEqual(beside.lines(), []);
});
