import assert from "node:assert/strict";
import { test } from "node:test";
import type { Bytes } from "@sealroom/core/bytes.ts";
import { CoreError } from "@sealroom/core/errors.ts";
import { signList, verifyList } from "@sealroom/core/identity/list.ts";
import { decodeAnswers } from "@sealroom/core/relay/answers.ts";
import type { Session } from "@sealroom/core/session.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { encode } from "@sealroom/core/wire/cbor.ts";
import { take } from "../src/engine/contents.ts";
import type { Context } from "../src/engine/context.ts";
import type { Engine } from "../src/engine/engine.ts";
import { pin } from "../src/engine/lists.ts";
import { loadEngine } from "../src/engine/loading.ts";
import { newEngine, putNew } from "../src/engine/new_engine.ts";
import * as received from "../src/engine/received.ts";
import type { Turn } from "../src/engine/turn.ts";
import { newAccount } from "../src/engine/upkeep.ts";
import { MemoryPlace } from "./memory_store.ts";

const later = () => import("../src/later.ts");
const NOW_MS = 1_800_000_000_000;
const RELAY = "wss://relay.example";

/** Numbers that are the same in each run. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function bytesFrom(seed: number): (sizeB: number) => Bytes {
  const next = numbers(seed);
  return (sizeB) => Uint8Array.from({ length: sizeB }, () => next(256));
}

const shop = newAccount(bytesFrom(1), NOW_MS);
const { accountId } = shop.record;

/** Another list of the company under the number of its first. */
function fork(): Bytes {
  const ends = { issuedMs: NOW_MS + 1_000, expiresMs: NOW_MS + 86_400_000 };
  const head = { accountId, seq: 1, prevHash: null, recoveryPublic: null, recordHashes: [shop.record.hash] };
  return signList(shop.accountSeed, { ...head, ...ends });
}

function engineOf(): Engine {
  const engine = newEngine(bytesFrom(2), { accountId, name: "Praxis", relayUrl: RELAY }, NOW_MS);
  engine.context.received = received;
  return engine;
}

function takeList(c: Context, turn: Turn, list: Bytes): void {
  const content = { contentId: new Uint8Array(16), sentMs: NOW_MS, heads: null, address: null, number: null };
  take(c, turn, shop.record.deviceId, {} as Session, { ...content, type: 5, payload: { name: "list", list } } as never);
}

test("two lists of a company under one number stop the conversation until a person has looked (ID-07)", async () => {
  const engine = engineOf();
  const place = new MemoryPlace();
  const store = await place.create();
  const { turn } = engine.do(NOW_MS, (c, step) => {
    putNew(c, step);
    pin(c, step, verifyList(accountId, shop.list.signed));
    takeList(c, step, shop.list.signed);
    assert.equal(c.company.alarm, "");
    takeList(c, step, fork());
  });
  const told = turn.effects().filter((one) => one.name === "notify" && one.event.type === "identity-alarm");
  assert.equal(told.length, 1);
  await store.commit(turn.changes(), 0);
  const loaded = await loadEngine(store, bytesFrom(3), received, later);
  assert.equal(loaded?.context.company.alarm, "remote.list_fork");
  assert.deepEqual(loaded?.context.company.list?.hash, shop.list.hash);
});

test("a list of another account, or a damaged one, is no alarm and changes nothing (ID-06)", () => {
  const other = newAccount(bytesFrom(4), NOW_MS);
  const damaged = fork();
  damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
  for (const list of [other.list.signed, damaged]) {
    const engine = engineOf();
    engine.do(NOW_MS, (c, step) => {
      pin(c, step, verifyList(accountId, shop.list.signed));
      takeList(c, step, list);
    });
    assert.equal(engine.context.company.alarm, "");
    assert.deepEqual(engine.context.company.list?.hash, shop.list.hash);
  }
});

/** Any value of the encoding, small. */
function anyValue(next: (below: number) => number, depth = 0): Value {
  const [kind, size] = [next(depth > 3 ? 5 : 7), next(6)];
  if (kind === 0) return next(40);
  if (kind === 1) return 2 ** next(50);
  if (kind === 2) return new Uint8Array([0, 8, 16, 32, 64, 5][size] ?? 0);
  if (kind === 3) return [null, true, false, "text", "", "wss://x"][size] ?? null;
  if (kind === 4) return -1 - next(9);
  const inner = Array.from({ length: size }, () => anyValue(next, depth + 1));
  return kind === 5 ? inner : new Map(inner.map((value, i) => [i + 1, value] as const));
}

test("whatever comes as an answer is read, or refused as a fault of the relay (RLY-03)", () => {
  const next = numbers(5);
  let refused = 0;
  for (let i = 0; i < 5_000; i++) {
    const value = [next(4), next(2) === 0 ? next(90) : new Map([[1, anyValue(next)]]), anyValue(next)] as Value;
    const message = encode(i % 2 === 0 ? value : anyValue(next));
    if (i % 3 === 0 && message.length > 0) message[next(message.length)] = next(256);
    try {
      decodeAnswers(message);
    } catch (error) {
      if (!(error instanceof CoreError)) throw error;
      refused += 1;
    }
  }
  assert.ok(refused > 4_000);
});

test("an engine whose relay says nothing sensible drops the link and comes back later (RLY-03, RLY-30)", () => {
  const engine = engineOf();
  const next = numbers(6);
  engine.start(NOW_MS);
  let [nowMs, drops, reopened] = [NOW_MS, 0, 0];
  for (let i = 0; i < 300; i++) {
    engine.opened("mailbox", nowMs);
    const turn = engine.received("mailbox", encode(anyValue(next)), nowMs);
    drops += turn.effects().filter((one) => one.name === "close").length;
    nowMs = Math.max(nowMs, engine.wakeMs() ?? nowMs);
    reopened += engine
      .tick(nowMs)
      .effects()
      .filter((one) => one.name === "open").length;
  }
  assert.ok(drops > 20 && reopened > 20, `${drops} ${reopened}`);
  assert.ok(nowMs > NOW_MS + 60_000);
  assert.equal(engine.isAhead, false);
});
