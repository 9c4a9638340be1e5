/** What a page shows of a room of the shop. */

import { hex } from "@sealroom/core/bytes.ts";
import type { Item } from "@sealroom/ui/backend.ts";
import { judge } from "../src/engine/rooms/judging.ts";
import { Items } from "../src/room_items.ts";
import { entriesOf } from "../src/views.ts";
import type { Scene } from "./shop_room.ts";

/** The lines of a room, as its person sees them. */
export function itemsOf(scene: Scene): readonly Item[] {
  const { c, room } = scene;
  return new Items().of(entriesOf(c, room), {
    path: judge(c, room).path,
    failures: new Map(),
    uploads: [],
    noticed: [],
    room,
    self: hex(c.own.record.deviceId),
    fileOf: () => ({}) as never,
  });
}
