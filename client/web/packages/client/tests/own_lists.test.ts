import assert from "node:assert/strict";
import { test } from "node:test";
import { type Bytes, hex } from "@sealroom/core/bytes.ts";
import { loadEngine } from "../src/engine/loading.ts";
import { newEngine, putNew } from "../src/engine/new_engine.ts";
import { renewList } from "../src/engine/own_lists.ts";
import * as received from "../src/engine/received.ts";
import { newAccount } from "../src/engine/upkeep.ts";
import { MemoryPlace } from "./memory_store.ts";

const later = () => import("../src/later.ts");
const DAY_MS = 86_400_000;
const NOW_MS = 1_800_000_000_000;
const MINUTE_MS = 60_000;

/** Bytes that are the same in each run, and not the same twice in one. */
function bytesFrom(seed: number): (sizeB: number) => Bytes {
  let state = seed;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  };
  return (sizeB) => Uint8Array.from({ length: sizeB }, next);
}

const { accountId } = newAccount(bytesFrom(1), NOW_MS).record;
const card = { accountId, name: "Praxis", relayUrl: "wss://relay.example" };

for (const aheadMs of [0, 20 * DAY_MS]) {
  test(`two copies that sign in one minute sign one list, made ${aheadMs} ms ahead (ID-45, ID-39)`, async () => {
    const engine = newEngine(bytesFrom(2), card, NOW_MS + aheadMs);
    const store = await new MemoryPlace().create();
    const { turn } = engine.do(NOW_MS + aheadMs, putNew);
    await store.commit(turn.changes(), 0);
    const older = await loadEngine(store, bytesFrom(3), received, later);
    assert.ok(older !== null);
    const signed = (copy: typeof engine, atMs: number): Bytes => {
      copy.do(atMs, renewList);
      return copy.context.own.list.signed;
    };
    if (aheadMs === 0) signed(engine, NOW_MS + 16 * DAY_MS);
    const minuteMs = NOW_MS + 32 * DAY_MS - (aheadMs && 40 * DAY_MS);
    const lists = [signed(engine, minuteMs + 1_000), signed(older, minuteMs + MINUTE_MS - 1)];
    assert.deepEqual(lists[0], lists[1]);
    assert.deepEqual(engine.context.own.record, older.context.own.record);
    assert.notDeepEqual(signed(engine, minuteMs + 2 * MINUTE_MS), lists[0]);
  });
}

test("a record that is made, or dated anew, ends 36 500 days later (ID-67)", () => {
  const engine = newEngine(bytesFrom(4), card, NOW_MS + 20 * DAY_MS);
  const { record } = engine.context.own;
  assert.equal(record.expiresMs - record.createdMs, 36_500 * DAY_MS);
  engine.do(NOW_MS, renewList);
  const anew = engine.context.own.record;
  assert.ok(anew.createdMs <= NOW_MS);
  assert.equal(anew.expiresMs - anew.createdMs, 36_500 * DAY_MS);
});

test("a list names the record in use and that of before it, in whatever order their hashes are (ID-28, ID-39)", () => {
  for (let seed = 1; seed <= 8; seed++) {
    const engine = newEngine(bytesFrom(seed), card, NOW_MS + 20 * DAY_MS);
    for (const days of [10, 0]) {
      const before = engine.context.own.record.hash;
      engine.do(NOW_MS + days * DAY_MS, renewList);
      const { list, record } = engine.context.own;
      assert.deepEqual(list.recordHashes.map(hex).sort(), [hex(before), hex(record.hash)].sort());
    }
  }
});
