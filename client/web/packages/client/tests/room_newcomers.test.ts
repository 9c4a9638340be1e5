/** What goes to who has a room after others had it (ROOM-35, ROOM-61, ROOM-65). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex } from "@sealroom/core/bytes.ts";
import { DAY_MS } from "@sealroom/core/constants.ts";
import type { Entry } from "@sealroom/core/rooms/entry.ts";
import { contentIdOf } from "@sealroom/core/rooms/entry.ts";
import { withdraw } from "../src/engine/rooms/consenting.ts";
import type { Kept } from "../src/engine/rooms/model.ts";
import { encodeRoom } from "../src/engine/rooms/model.ts";
import { wasConfirmed } from "../src/engine/rooms/progress.ts";
import { loadRooms } from "../src/engine/rooms/stored_rooms.ts";
import type { Device } from "./shop.ts";
import { agent, desk, NOW_MS, other, rosterOf, second } from "./shop.ts";
import { ERASE, engineOf, ids, learnRoster, MARKED, map, Scene } from "./shop_room.ts";

const REACH = 14;
const WITHDRAW = 9;
const IDENTIFY = 17;

/** A room of an agent, without a desk. */
function staffed(): Scene {
  const scene = new Scene();
  scene.state([agent]);
  return scene;
}

/** Whoever entries of the person wait for has them on disk. */
function confirm(scene: Scene, entries: readonly Entry[]): void {
  for (const { hash } of entries) {
    for (const id of scene.kept(hash)?.waitingFor ?? []) {
      scene.engine.do(scene.nowMs, (c, turn) => wasConfirmed(c, turn, id, contentIdOf(hash)));
    }
  }
}

/** Who has not confirmed an entry of the person. */
function lacking(scene: Scene, entries: readonly Entry[]): readonly (readonly string[])[] {
  return entries.map(({ hash }) => (scene.kept(hash)?.waitingFor ?? []).map(hex).sort());
}

test("what nobody has confirmed goes to who has the room now; what was confirmed before is history (ROOM-35)", () => {
  const scene = staffed();
  const texts = [scene.says("eins"), scene.says("zwei")];
  confirm(scene, texts.slice(0, 1));
  scene.passes(1_000);
  scene.state([agent, other]);
  assert.deepEqual(lacking(scene, texts), [[], ids(agent, other)]);
});

test("erasures and marks go to who has the room now, whoever has confirmed them, and once (ROOM-61)", () => {
  const scene = staffed();
  const texts = [scene.says("eins"), scene.says("zwei")] as const;
  confirm(scene, texts);
  scene.passes(1_000);
  const orders = [map([texts[0].hash]), map(null)].map((named) => scene.writes(ERASE, named));
  orders.push(scene.writes(MARKED, map([texts[1].hash])));
  confirm(scene, orders);
  scene.state([other]);
  assert.deepEqual(lacking(scene, orders), [ids(other), ids(other), ids(other)]);
  assert.deepEqual(
    orders.map((one) => scene.waitsFor(one).includes(hex(other.id))),
    [true, true, true],
  );
  assert.deepEqual(lacking(scene, texts), [[], []]);
  const later = scene.writes(ERASE, map([texts[1].hash]));
  confirm(scene, [later]);
  scene.state([agent]);
  confirm(scene, [later]);
  scene.state([agent, other]);
  assert.deepEqual(lacking(scene, [later]), [[]], "it was meant for that device");
});

test("of erasures and of marks the newest 64 go, each (ROOM-61)", () => {
  const scene = staffed();
  const text = scene.says("eins");
  const orders = [ERASE, ...Array.from({ length: 65 }, () => MARKED)].map((kind) =>
    scene.writes(kind, map([text.hash])),
  );
  confirm(scene, [text, ...orders]);
  scene.state([other]);
  const went = lacking(scene, orders).map((to) => to.length);
  assert.deepEqual(went, [1, 0, ...Array.from({ length: 64 }, () => 1)]);
});

test("an order of a month ago goes to nobody who is new (ROOM-61)", () => {
  for (const [days, to] of [
    [30, ids(other)],
    [31, []],
  ] as const) {
    const scene = staffed();
    const order = scene.writes(ERASE, map([scene.says("eins").hash]));
    confirm(scene, [order]);
    const kept = scene.kept(order.hash) as Kept;
    scene.in((d) => d.keep({ ...kept, receivedMs: kept.receivedMs - days * DAY_MS }));
    scene.state([other]);
    assert.deepEqual(lacking(scene, [order]), [to]);
  }
});

/** Others are in force, by a newer roster. */
function inForce(scene: Scene, seq: number, ...devices: readonly Device[]): void {
  scene.engine.do(scene.nowMs, (c, turn) => learnRoster(c, turn, rosterOf({ seq, devices })));
  scene.passes(1_000);
}

/** An erasure, a mark and two addresses of the person, which all who get them have. */
function writesOrders(scene: Scene): readonly Entry[] {
  const texts = [scene.says("eins"), scene.says("zwei")] as const;
  const orders = [
    scene.writes(ERASE, map([texts[0].hash])),
    scene.writes(MARKED, map([texts[1].hash])),
    scene.writes(REACH, map("kim@mail.example")),
    scene.writes(REACH, map(null)),
  ];
  confirm(scene, [...texts, ...orders]);
  return orders;
}

test("a steward that is in force again gets erasures, marks and the newest address, once (ROOM-65)", () => {
  const scene = staffed();
  scene.passes(1_000);
  inForce(scene, 2, desk, agent, other);
  const orders = writesOrders(scene);
  const { room } = scene;
  const signers = (): Bytes => room.id;
  const [stored] = loadRooms([{ kind: "room", key: room.id, value: encodeRoom(room) }], [], signers).values();
  assert.deepEqual([stored?.served.map(hex), stored?.away.map(hex)], [ids(desk, agent), ids(second)]);
  inForce(scene, 3, desk, second, agent, other);
  assert.deepEqual(lacking(scene, orders), [ids(second), ids(second), [], ids(second)]);
  confirm(scene, orders);
  scene.says("drei");
  assert.deepEqual(lacking(scene, orders), [[], [], [], []]);
});

test("a steward that is in force again gets the newest sign-out, and no login (ROOM-65)", () => {
  const scene = staffed();
  scene.passes(1_000);
  inForce(scene, 2, desk, agent, other);
  const said = [null, null, new Uint8Array(8)].map((signed) => scene.writes(IDENTIFY, signed));
  confirm(scene, said);
  inForce(scene, 3, desk, second, agent, other);
  assert.deepEqual(lacking(scene, said), [[], ids(second), []]);
});

test("who was a member and is in force again gets erasures and marks, and no address (ROOM-65)", () => {
  const scene = staffed();
  scene.state([other]);
  scene.passes(1_000);
  inForce(scene, 2, desk, second, other);
  const orders = writesOrders(scene);
  inForce(scene, 3, desk, second, agent, other);
  assert.deepEqual(lacking(scene, orders), [ids(agent), ids(agent), [], []]);
});

test("a withdrawal goes to who was a member and is in force again (ROOM-65)", () => {
  const scene = staffed();
  scene.passes(1_000);
  inForce(scene, 2, desk, second, other);
  scene.engine.do(scene.nowMs, (c, turn) => withdraw(c, turn, scene.roomId));
  const orders = [...scene.room.entries.values()].filter(({ entry }) => entry.header.kind === WITHDRAW);
  inForce(scene, 3, desk, second, agent, other);
  assert.deepEqual(
    orders.map(({ waitingFor }) => waitingFor.map(hex).includes(hex(agent.id))),
    [false],
  );
  assert.deepEqual(
    orders.map(({ entry }) => lacking(scene, [entry])[0]?.includes(hex(agent.id))),
    [true],
  );
});

test("after a withdrawal neither an address nor a sign-out goes to who is in force again (ROOM-65)", () => {
  const scene = staffed();
  scene.passes(1_000);
  inForce(scene, 2, desk, agent, other);
  const contents = [scene.writes(IDENTIFY, null), scene.writes(REACH, map("kim@mail.example"))];
  confirm(scene, contents);
  scene.engine.do(scene.nowMs, (c, turn) => withdraw(c, turn, scene.roomId));
  inForce(scene, 3, desk, second, agent, other);
  assert.deepEqual(lacking(scene, contents), [[], []]);
});

test("a steward that is in force for the first time gets none of that (ROOM-65)", () => {
  const engine = engineOf();
  const few = rosterOf({ seq: 2, devices: [desk, agent, other] });
  engine.do(NOW_MS, (c, turn) => learnRoster(c, turn, few));
  const scene = new Scene(engine);
  scene.state([agent]);
  const orders = writesOrders(scene);
  inForce(scene, 3, desk, second, agent, other);
  assert.deepEqual(lacking(scene, orders), [[], [], [], []]);
});
