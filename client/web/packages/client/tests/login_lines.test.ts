/** What a conversation says of a person's logins. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { hex } from "@sealroom/core/bytes.ts";
import type { Item } from "@sealroom/ui/backend.ts";
import { judge } from "../src/engine/rooms/judging.ts";
import { Items } from "../src/room_items.ts";
import { entriesOf } from "../src/views.ts";
import { agent, desk } from "./shop.ts";
import { Scene } from "./shop_room.ts";

const IDENTIFY = 17;

function lines(scene: Scene): readonly string[] {
  const { path } = judge(scene.c, scene.room);
  const around = {
    path,
    failures: new Map(),
    uploads: [],
    noticed: [],
    room: scene.room,
    self: hex(scene.c.own.record.deviceId),
  };
  const items: readonly Item[] = new Items().of(entriesOf(scene.c, scene.room), {
    ...around,
    fileOf: () => ({}) as never,
  });
  return items.flatMap((one) => (one.kind === "happening" && one.what !== "joined" ? [one.what] : []));
}

test("a login is told with the state that grants it, and its end is none", () => {
  const scene = new Scene();
  scene.state([desk, agent]);
  const login = scene.writes(IDENTIFY, new Uint8Array(400));
  assert.deepEqual(lines(scene), []);
  scene.state([desk, agent], { answers: [login.hash] });
  assert.deepEqual(lines(scene), ["identified"]);
  const end = scene.writes(IDENTIFY, null);
  scene.state([desk, agent], { answers: [end.hash] });
  assert.deepEqual(lines(scene), ["identified"]);
});
