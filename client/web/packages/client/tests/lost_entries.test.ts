/** What every device of the company has lost, and what of it goes again (ROOM-64). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex } from "@sealroom/core/bytes.ts";
import { DAY_MS, HOUR_MS } from "@sealroom/core/constants.ts";
import { contentIdOf } from "@sealroom/core/rooms/entry.ts";
import { failUnanswerable } from "../src/engine/delivery.ts";
import { pin } from "../src/engine/lists.ts";
import type { Outgoing, Peer } from "../src/engine/records.ts";
import { start } from "../src/engine/renewal.ts";
import { withdraw } from "../src/engine/rooms/consenting.ts";
import { wasConfirmed, wasLost, wasSent } from "../src/engine/rooms/progress.ts";
import { retry } from "../src/engine/rooms/writing.ts";
import { againFromOthers, reviewUnconfirmed, takeReceipt } from "../src/engine/sending_again.ts";
import { newPeer, peerOf, setMailbox, setPeer } from "../src/engine/state.ts";
import type { Device } from "./shop.ts";
import * as shop from "./shop.ts";
import { agent, desk, NOW_MS, other, second } from "./shop.ts";
import { ERASE, engineOf, ids, learnRoster, map, Scene, told } from "./shop_room.ts";
import { bundleOf } from "./shop_session.ts";

/** The person finds prekeys of a device, and starts a session. */
function meets(scene: Scene, device: Device, list = shop.list): void {
  const bundle = { ...bundleOf(engineOf(), NOW_MS), record: device.record, list };
  scene.engine.do(scene.nowMs, (c, turn) => start(c, turn, device.id, bundle));
}

/** The numbered contents that are sealed for a device, in their order: ids of their entries. */
function sealed(scene: Scene, device: Device): readonly string[] {
  return scene.c.outbox
    .lane(device.id)
    .ready.filter((one) => one.shown)
    .map((one) => hex(one.contentId));
}

function idsOf(...hashes: readonly Bytes[]): readonly string[] {
  return hashes.map((hash) => hex(contentIdOf(hash)));
}

function standing(scene: Scene, hash: Bytes): readonly unknown[] {
  const kept = scene.kept(hash);
  return [kept?.delivery, (kept?.waitingFor ?? []).map(hex).sort()];
}

/** Every device of the company has lost an entry of the person. */
function loses(scene: Scene, hash: Bytes): void {
  for (const deviceId of scene.kept(hash)?.waitingFor ?? []) {
    const item: Outgoing = scene.c.outbox.newItem(deviceId, contentIdOf(hash), true, scene.nowMs);
    scene.engine.do(scene.nowMs, (c, turn) => {
      c.outbox.drop(deviceId);
      wasLost(c, turn, item, "relay.bad_request");
    });
  }
}

test("an `open` whose mailbox a relay has refused once goes ahead of the next text (ROOM-64, TRN-30)", () => {
  const scene = new Scene();
  const text = scene.says("eins");
  for (const one of [desk, second]) meets(scene, one);
  scene.engine.do(NOW_MS, (c, turn) => failUnanswerable(c, turn, "relay.registration_refused"));
  assert.deepEqual(standing(scene, scene.room.root), ["waiting", []]);
  assert.deepEqual(standing(scene, text.hash), ["failed", []], "a text waits for its person");
  scene.engine.do(NOW_MS, (c, turn) => setMailbox(c, turn, { ...c.mailbox, created: true, tokenKnown: true }));
  const next = scene.says("zwei");
  for (const one of [desk, second]) assert.deepEqual(sealed(scene, one), idsOf(scene.room.root, next.hash));
});

test("an `open` for desks that were replaced before they had it goes to those in force (ROOM-64, ROOM-21)", () => {
  const scene = new Scene();
  const text = scene.says("eins");
  for (const one of [desk, second]) meets(scene, one);
  scene.engine.do(NOW_MS, (c, turn) => {
    for (const { id } of [desk, second]) {
      const lane = c.outbox.lane(id);
      for (const item of lane.ready.splice(0)) {
        if (!item.shown) continue;
        c.outbox.add({ ...item, envelope: null });
        wasSent(c, turn, item);
      }
    }
  });
  const fresh = shop.newDevice(1);
  const list = shop.listOf([fresh, agent, other], 2, shop.list);
  scene.engine.do(NOW_MS, (c, turn) => {
    setPeer(c, turn, newPeer(fresh.record));
    pin(c, turn, list);
    learnRoster(c, turn, shop.rosterOf({ seq: 2, devices: [fresh, agent, other], listed: list }), [shop.list, list]);
  });
  scene.passes(1_000);
  assert.deepEqual(standing(scene, scene.room.root), ["waiting", ids(fresh)]);
  scene.in((d) => retry(d, text.hash));
  meets(scene, fresh, list);
  assert.deepEqual(sealed(scene, fresh), idsOf(scene.room.root, text.hash));
});

/** The company strikes off all but these devices, of which the first is new. */
function replaces(scene: Scene, fresh: Device, ...staying: readonly Device[]): void {
  const devices = [fresh, ...staying];
  const list = shop.listOf(devices, 2, shop.list);
  scene.engine.do(scene.nowMs, (c, turn) => {
    setPeer(c, turn, newPeer(fresh.record));
    pin(c, turn, list);
    learnRoster(c, turn, shop.rosterOf({ seq: 2, devices, listed: list }), [shop.list, list]);
  });
  scene.passes(1_000);
}

/** A room whose `open` a desk has, and in which nobody of the company is. */
function heard(): Scene {
  const scene = new Scene();
  const contentId = contentIdOf(scene.room.root);
  for (const { id } of [desk, second]) {
    scene.engine.do(scene.nowMs, (c, turn) => {
      c.outbox.drop(id);
      wasConfirmed(c, turn, id, contentId);
    });
  }
  assert.deepEqual(standing(scene, scene.room.root), ["delivered", []]);
  return scene;
}

test("an `open` whose desks are struck off goes to those in force, with what waits (ROOM-75)", () => {
  const scene = heard();
  const fresh = shop.newDevice(1);
  replaces(scene, fresh, agent, other);
  assert.deepEqual(standing(scene, scene.room.root), ["waiting", ids(fresh)]);
  assert.deepEqual(standing(scene, scene.says("eins").hash), ["waiting", ids(fresh)]);
});

test("an `open` goes nowhere while a desk that it named is listed, or a member is in force (ROOM-75)", () => {
  const named = heard();
  replaces(named, shop.newDevice(1), desk, agent);
  assert.deepEqual(standing(named, named.room.root), ["delivered", []]);
  const left = heard();
  left.state([agent]);
  replaces(left, shop.newDevice(1), agent, other);
  assert.deepEqual(standing(left, left.room.root), ["delivered", []]);
});

/** The person acts, and both desks have it. */
function acted(scene: Scene, act: number): Bytes {
  const { hash } = scene.writes(10, map(act));
  scene.engine.do(scene.nowMs, (c, turn) => {
    for (const { id } of [desk, second]) {
      c.outbox.drop(id);
      wasConfirmed(c, turn, id, contentIdOf(hash));
    }
  });
  assert.deepEqual(standing(scene, hash), ["delivered", []]);
  return hash;
}

test("an `open` of a closed room goes anew with what its person writes there, and acts behind it (ROOM-75)", () => {
  const scene = heard();
  const close = acted(scene, 1);
  const fresh = shop.newDevice(1);
  replaces(scene, fresh, agent, other);
  assert.deepEqual(standing(scene, scene.room.root), ["delivered", []]);
  assert.deepEqual(standing(scene, close), ["delivered", []]);
  const reopen = scene.writes(10, map(2)).hash;
  for (const hash of [scene.room.root, close, reopen]) assert.deepEqual(standing(scene, hash), ["waiting", ids(fresh)]);
  meets(scene, fresh);
  assert.deepEqual(sealed(scene, fresh), idsOf(scene.room.root, close, reopen));
});

test("an objection goes behind the `open` of a frozen room; a room that was withdrawn goes nowhere (ROOM-75)", () => {
  const scene = heard();
  const freeze = acted(scene, 3);
  const fresh = shop.newDevice(1);
  replaces(scene, fresh, agent, other);
  for (const hash of [scene.room.root, freeze]) assert.deepEqual(standing(scene, hash), ["waiting", ids(fresh)]);
  const left = heard();
  left.engine.do(left.nowMs, (c, turn) => withdraw(c, turn, left.roomId));
  replaces(left, shop.newDevice(1), agent, other);
  assert.deepEqual(standing(left, left.room.root), ["delivered", []]);
});

test("what is no content waits where it was lost, and goes within an hour; a content has failed (ROOM-64)", () => {
  const scene = new Scene();
  scene.state([desk]);
  const text = scene.says("eins");
  scene.engine.do(scene.nowMs, (c, turn) => withdraw(c, turn, scene.roomId));
  const erasure = scene.writes(ERASE, map(null));
  const withdrawal = [...scene.room.entries.values()].find(({ entry }) => entry.header.kind === 9)?.entry.hash as Bytes;
  for (const hash of [text.hash, erasure.hash, withdrawal]) loses(scene, hash);
  assert.deepEqual(standing(scene, text.hash), ["failed", []]);
  for (const hash of [erasure.hash, withdrawal]) assert.deepEqual(standing(scene, hash), ["waiting", []]);
  scene.passes(HOUR_MS - 1);
  assert.deepEqual(standing(scene, withdrawal), ["waiting", []], "not at once: a relay may refuse it again");
  scene.passes(1);
  for (const hash of [erasure.hash, withdrawal])
    assert.deepEqual(standing(scene, hash), ["waiting", ids(desk, second)]);
  scene.passes(DAY_MS);
  assert.equal(scene.kept(text.hash)?.delivery, "failed");
});

test("what was lost goes ahead of what its person writes, not with what the company does (ROOM-64)", () => {
  const scene = new Scene();
  scene.state([desk]);
  const { hash } = scene.says("eins");
  const order = scene.writes(ERASE, map([hash]));
  loses(scene, order.hash);
  for (const text of ["zwei", "drei"]) scene.hears(desk, text);
  assert.deepEqual(standing(scene, order.hash), ["waiting", []]);
  scene.says("vier");
  assert.deepEqual(standing(scene, order.hash), ["waiting", ids(desk, second)]);
});

test("an order outlasts the limits of a text, goes when its device is there again, once a day (ROOM-73)", () => {
  const scene = new Scene();
  scene.state([desk]);
  const text = scene.says("eins");
  const order = scene.writes(ERASE, map(null));
  const { c } = scene;
  const lane = c.outbox.lane(desk.id);
  lane.waiting = [];
  const id = (hash: Bytes): string => hex(contentIdOf(hash));
  for (const { hash } of [text, order]) {
    const item = c.outbox.newItem(desk.id, contentIdOf(hash), true, scene.nowMs);
    c.outbox.add({ ...item, sendings: 4, sealedMs: scene.nowMs, sessionId: new Uint8Array(32) });
  }
  const review = (nowMs: number): boolean => {
    let isWaitedFor = false;
    scene.engine.do(nowMs, (context, turn) => {
      isWaitedFor = reviewUnconfirmed(context, turn, desk.id);
    });
    return isWaitedFor;
  };
  const comesBack = (nowMs: number): readonly string[] => {
    scene.engine.do(nowMs, (context, turn) => againFromOthers(context, turn, desk.id, new Uint8Array(32).fill(1)));
    return lane.waiting.map((one) => hex(one.contentId));
  };
  assert.deepEqual(comesBack(scene.nowMs + DAY_MS - 1), [], "four times");
  assert.equal(review(scene.nowMs + DAY_MS), true);
  assert.deepEqual([...lane.unconfirmed.keys()], [id(order.hash)]);
  assert.equal(review(scene.nowMs + 14 * DAY_MS), false, "nothing waits for it any more");
  assert.deepEqual([...lane.unconfirmed.keys()], [id(order.hash)]);
  assert.deepEqual(comesBack(scene.nowMs + 40 * DAY_MS), [id(order.hash)]);
});

test("what one device of the company has lost another may get, and has failed with the last one (TRN-57)", () => {
  const scene = new Scene();
  const text = scene.says("eins");
  const states = (scene.kept(text.hash)?.waitingFor ?? []).map((deviceId) => {
    const item: Outgoing = scene.c.outbox.newItem(deviceId, contentIdOf(text.hash), true, scene.nowMs);
    const { turn } = scene.engine.do(scene.nowMs, (c, turn) => wasLost(c, turn, item, "local.unconfirmed"));
    return [scene.kept(text.hash)?.delivery, told(turn).filter((one) => one.type === "delivery").length];
  });
  assert.deepEqual(states, [
    ["waiting", 0],
    ["failed", 1],
  ]);
});

test("for each order that was kept and is confirmed now another one goes (ROOM-73)", () => {
  const scene = new Scene();
  scene.state([desk]);
  const orders = [1, 2, 3].map(() => scene.writes(ERASE, map(null)));
  const { c } = scene;
  const lane = c.outbox.lane(desk.id);
  lane.waiting = [];
  for (const { hash } of orders) {
    const item = c.outbox.newItem(desk.id, contentIdOf(hash), true, scene.nowMs);
    c.outbox.add({ ...item, sendings: 1, sealedMs: scene.nowMs, sessionId: new Uint8Array(32) });
  }
  const [first, second, third] = orders.map(({ hash }) => contentIdOf(hash)) as [Bytes, Bytes, Bytes];
  const confirm = (contentId: Bytes, days: number): readonly string[] => {
    scene.engine.do(scene.nowMs + days * DAY_MS, (context, turn) => {
      takeReceipt(context, turn, peerOf(context, desk.id) as Peer, [contentId]);
    });
    return lane.waiting.map((one) => hex(one.contentId));
  };
  assert.deepEqual(confirm(first, 13), [], "what is no older than a text goes as texts do");
  assert.deepEqual(confirm(second, 15), [hex(third)]);
});
