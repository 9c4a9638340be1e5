/** A room of an account that has another device, its store, and what that device writes. */
import assert from "node:assert/strict";
import type { Bytes } from "@sealroom/core/bytes.ts";
import { compare, hex } from "@sealroom/core/bytes.ts";
import { content, ENTRY } from "@sealroom/core/content.ts";
import { signList, verifyList } from "@sealroom/core/identity/list.ts";
import type { Entry } from "@sealroom/core/rooms/entry.ts";
import * as entries from "@sealroom/core/rooms/entry.ts";
import type { Ed25519Seed } from "@sealroom/core/secret.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import type { Engine } from "../src/engine/engine.ts";
import { loadEngine } from "../src/engine/loading.ts";
import { putNew } from "../src/engine/new_engine.ts";
import { takeList } from "../src/engine/own_lists.ts";
import * as received from "../src/engine/received.ts";
import { newPeer, setPeer } from "../src/engine/state.ts";
import type { Turn } from "../src/engine/turn.ts";
import { newDevice } from "../src/engine/upkeep.ts";
import { addDevice, settle } from "../src/kin/devices.ts";
import { kinOf, kinState } from "../src/kin/kin.ts";
import type { KinState } from "../src/kin/state.ts";
import { MemoryPlace } from "./memory_store.ts";
import * as shop from "./shop.ts";
import { NOW_MS } from "./shop.ts";
import { engineOf, Scene } from "./shop_room.ts";

export const rng = shop.bytesFrom(71);
const DAY_MS = 86_400_000;
const later = () => import("../src/later.ts");

export interface Kept {
  readonly scene: Scene;
  /** The other device. */
  readonly device: Bytes;
  /** The engine as a start finds it in its store. */
  restarted(): Promise<Scene["room"]>;
}

/** A room of an account that has another device, and its store. */
export async function kept(): Promise<Kept> {
  const engine = engineOf();
  const { context } = engine;
  const turns: Turn[] = [];
  const step = engine.do.bind(engine);
  engine.do = (atMs, work) => {
    const made = step(atMs, work);
    turns.push(made.turn);
    return made;
  };
  context.kin = kinOf(context, []);
  const device = withDevice(engine, kinState(context) as KinState);
  const scene = new Scene(engine);
  const store = await new MemoryPlace().create();
  const restarted = async (): Promise<Scene["room"]> => {
    for (const one of turns.splice(0)) await store.commit(one.changes(), await store.version());
    const loaded = await loadEngine(store, rng, received, later);
    const room = loaded?.context.rooms.get(hex(scene.roomId));
    assert.ok(room !== undefined);
    return room;
  };
  return { scene, device, restarted };
}

function withDevice(engine: Engine, k: KinState): Bytes {
  const { own } = engine.context;
  const { accountId } = own.record;
  const { record } = newDevice(rng, accountId, rng(16), NOW_MS);
  const recordHashes = [own.record.hash, record.hash].sort(compare);
  const ends = { issuedMs: NOW_MS, expiresMs: NOW_MS + 30 * DAY_MS };
  const head = { accountId, seq: own.list.seq + 2, prevHash: own.list.hash, recoveryPublic: null };
  const list = verifyList(accountId, signList(own.accountSeed as Ed25519Seed, { ...head, ...ends, recordHashes }));
  engine.do(NOW_MS, (c, turn) => {
    putNew(c, turn);
    addDevice(k, turn, record);
    takeList(c, turn, list);
    settle(k, turn, list, false);
    setPeer(c, turn, newPeer(record));
  });
  return record.deviceId;
}

/** An entry of the other device of the account. */
export function written(
  scene: Scene,
  device: Bytes,
  kind: number,
  payload: Value,
  n = 1,
  roomId = scene.roomId,
): Entry {
  const prev = n === 0 ? null : rng(32);
  const header = { roomId, kind, n, prev, seen: [], state: null, sentMs: scene.nowMs };
  const headerBytes = entries.encodeHeader(header);
  const body = entries.encodeBody(rng(entries.BLIND_B), payload);
  const commitment = entries.commitmentOf(body);
  const { accountId } = scene.c.own.record;
  const author = { accountId, deviceId: device, signPublic: null };
  const hash = entries.entryHashOf(accountId, device, commitment, headerBytes);
  return { author, headerBytes, header, body, commitment, signature: null, hash };
}

export function arrives(scene: Scene, entry: Entry): readonly string[] {
  const value = entries.entryPayload(entry.headerBytes, entry.body as Bytes, null);
  const id = entries.contentIdOf(entry.hash);
  return scene.takes(entry.author.deviceId, content(ENTRY, id, entry.header.sentMs, { name: "room", value })).codes;
}
