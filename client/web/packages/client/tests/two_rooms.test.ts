/** What a person does while the room that is shown becomes another one: a closed room that the company opens again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { hex } from "@sealroom/core/bytes.ts";
import { accept } from "../src/engine/rooms/consenting.ts";
import { Room } from "../src/room.ts";
import type { Shell } from "../src/shell.ts";
import { lifeOf, portsOf, refusal } from "./life.ts";
import { MemoryPlace } from "./memory_store.ts";
import { agent, notice } from "./shop.ts";
import { map, SAID, Scene } from "./shop_room.ts";

const ACT = 10;

/** Two rooms, of which the newer one is shown, and how the older one comes to be shown. */
function twoRooms() {
  const scene = new Scene();
  scene.state([agent], { assigned: agent });
  const close = scene.writes(ACT, map(1));
  scene.state([agent], { assigned: agent, phase: 2, answers: [close.hash] });
  const older = scene.room;
  scene.c.rooms.delete(hex(older.id));
  const newer = hex(
    scene.engine.do(scene.nowMs, (c, turn) => accept(c, turn, { notice, locale: "de", purposes: 1 })).result,
  );
  scene.c.rooms.set(hex(older.id), older);
  const shell = {
    ...{ context: scene.c, isOver: false, isFull: false, received: async () => {}, listen: () => () => {} },
    do: async (work: never) => scene.engine.do(scene.nowMs, work).result,
  } as unknown as Shell;
  const files = { isSupported: false, status: () => ({ code: null }), uploads: () => [] } as never;
  const kept = () => [...scene.c.rooms.values()].sort((a, b) => b.lastMs - a.lastMs);
  const rooms = () => kept().map(({ id }) => new Room(shell, files, hex(id)));
  const clock = { nowMs: () => scene.nowMs, wake: () => () => {} };
  const life = lifeOf(portsOf(new MemoryPlace(), { clock }));
  Object.assign(life, { customer: { hasAccepted: true, shell, rooms } });
  const opensOlder = (): void => {
    scene.nowMs += 1_000;
    scene.state([agent], { assigned: agent, phase: 1 });
    scene.hears(agent, "once more");
  };
  const texts = (id: string) => [...(scene.c.rooms.get(id)?.entries.values() ?? [])];
  return { scene, life, newer, older: hex(older.id), opensOlder, texts };
}

test("what a person does goes to the room that was shown, though another one is shown by then (STO-55)", async () => {
  const { scene, life, newer, older, opensOlder, texts } = twoRooms();
  scene.nowMs += 1_000;
  await life.send("for the newer one", null, life.state().room);
  const mine = texts(newer).find(({ entry }) => entry.header.kind === SAID);
  assert.ok(mine && life.state().room === newer);
  opensOlder();
  await life.loadEarlier();
  assert.equal(life.state().room, older);
  const before = texts(older).length;
  await life.send("typed before", null, newer);
  await life.edit(hex(mine.entry.hash), "worded anew");
  await life.erase(hex(mine.entry.hash));
  await life.close(newer);
  assert.equal(texts(older).length, before);
  assert.equal(scene.c.rooms.get(newer)?.entries.get(hex(mine.entry.hash))?.hidden, true);
  assert.ok(texts(newer).some(({ entry }) => entry.header.kind === ACT));
});

test("an erasure, or another act, about what is in no room is refused (STO-55)", async () => {
  const { life, older, newer, texts } = twoRooms();
  const before = [texts(older).length, texts(newer).length];
  for (const refused of [life.erase("00"), life.edit("00", "x"), life.markSensitive("00"), life.close("00")])
    assert.equal(await refusal(refused), "client.unknown_entry");
  assert.deepEqual([texts(older).length, texts(newer).length], before);
});
