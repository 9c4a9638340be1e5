/** A blob over a slow link, on a time of its own: parts go one at a time where four do not get through (RLY-257). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { Bytes } from "@sealroom/core/bytes.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { decode, encode } from "@sealroom/core/wire/cbor.ts";
import type { LinkEvents } from "../src/engine/ports.ts";
import type { FilesHost } from "../src/files/host.ts";
import { drop, get, PART_B, put } from "../src/files/transfer.ts";
import { ERROR, frame, hello } from "./relay_frames.ts";

const [PUT, GET, DROP] = [16, 17, 18];
const [DENIED, BAD_REQUEST] = [6, 2];
const [BLOB_STATE, BLOB_DATA] = [79, 81];

/** A relay behind a link of so many bytes a second each way. */
class SlowRelay {
  readonly parts: Bytes[] = [];
  /** Parts that were asked for and are not answered, after each request for some. */
  readonly inFlight: number[] = [];
  private nowMs = 0;
  private timers: { readonly atMs: number; readonly then: () => void }[] = [];
  private readonly rateOf: (requests: number) => number;
  private readonly sizeB: number;
  /** With which code it refuses to drop. */
  refusal = DENIED;

  constructor(sizeB: number, rateOf: (requests: number) => number) {
    this.sizeB = sizeB;
    this.rateOf = rateOf;
  }

  private wake(atMs: number, then: () => void): () => void {
    const timer = { atMs, then };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((one) => one !== timer);
    };
  }

  private connect(events: LinkEvents) {
    let [isOver, upMs, downMs, waiting] = [false, this.nowMs, this.nowMs, 0];
    const takesMs = (data: Bytes): number => (data.length * 1000) / this.rateOf(this.inFlight.length);
    const say = (data: Bytes, parts: number): void => {
      downMs = Math.max(downMs, this.nowMs) + takesMs(data);
      this.wake(downMs, () => {
        waiting -= parts;
        if (!isOver) events.received(data);
      });
    };
    this.wake(this.nowMs, () => {
      events.opened();
      say(hello({ operations: [15, PUT, GET, DROP] }), 0);
    });
    const heard = (message: Bytes, tookMs: number): void => {
      if (isOver) return;
      if (tookMs > 20_000 + message.length / 4.096) {
        isOver = true;
        events.closed("relay.unavailable");
      } else {
        for (const one of decode(message, 1_048_576) as readonly ReadonlyMap<number, Value>[]) {
          say(encode([this.answer([...one.values()])]), partsIn(one));
        }
      }
    };
    return {
      send: (message: Bytes) => {
        const frames = decode(message, 1_048_576) as readonly ReadonlyMap<number, Value>[];
        const parts = frames.reduce((sum, one) => sum + partsIn(one), 0);
        waiting += parts;
        if (parts > 0) this.inFlight.push(waiting);
        const tookMs = takesMs(message);
        upMs = Math.max(upMs, this.nowMs) + tookMs;
        this.wake(upMs, () => heard(message, tookMs));
      },
      close: () => {
        isOver = true;
      },
    };
  }

  private answer([operation, id, ...fields]: readonly Value[]): Value {
    if (operation === DROP) return frame([ERROR, id as number, this.refusal, 0]);
    if (operation === GET) {
      const [, first, count] = fields as [Bytes, number, number];
      return frame([BLOB_DATA, id as number, this.parts.slice(first, first + count)]);
    }
    if (operation === PUT && fields[2] === this.parts.length) this.parts.push(fields[3] as Bytes);
    return frame([BLOB_STATE, id as number, this.parts.length, this.sizeB, 1]);
  }

  means() {
    const clock = { nowMs: () => this.nowMs, wake: (atMs: number, then: () => void) => this.wake(atMs, then) };
    const ports = { clock, connect: (_url: string, events: LinkEvents) => this.connect(events) };
    const host = { ports, wakes: new Set() } as unknown as FilesHost;
    return { host, relayUrl: "wss://relay.example", signal: new AbortController().signal };
  }

  /** Let time pass until that is done. */
  async until<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const done = work.finally(() => (isDone = true));
    done.catch(() => {});
    while (!isDone) {
      await setImmediate();
      this.timers.sort((a, b) => a.atMs - b.atMs);
      const next = this.timers.shift();
      if (next === undefined) continue;
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.then();
    }
    return done;
  }
}

function partsIn(one: ReadonlyMap<number, Value>): number {
  if (one.get(0) === GET) return one.get(4) as number;
  return one.get(0) === PUT ? 1 : 0;
}

function blobOf(parts: number): readonly Bytes[] {
  return Array.from({ length: parts }, (_, i) => new Uint8Array(PART_B).fill(i + 1));
}

async function putOver(relay: SlowRelay, parts: readonly Bytes[]): Promise<void> {
  const [mailbox, token, blob, secret] = [16, 32, 32, 32].map((size) => new Uint8Array(size)) as [Bytes, ...Bytes[]];
  const upload = { mailbox, token, blob, secret, sizeB: parts.length * PART_B } as Parameters<typeof put>[1];
  const read = async (index: number): Promise<Bytes> => parts[index] as Bytes;
  await relay.until(put(relay.means(), upload, read, () => {}));
}

test("at 2 KB a second two parts in an answer never come, one does (RLY-257)", async () => {
  const parts = blobOf(5);
  const relay = new SlowRelay(parts.length * PART_B, () => 2_000);
  relay.parts.push(...parts);
  const got: Bytes[] = [];
  const write = async (_: number, some: readonly Bytes[]): Promise<void> => void got.push(...some);
  const wanted = { blob: new Uint8Array(32), sizeB: parts.length * PART_B, first: 0 };
  await relay.until(get(relay.means(), wanted, write));
  assert.deepEqual(got, parts);
  assert.deepEqual(relay.inFlight, [2, 4, 1, 1, 1, 1, 1]);
});

test("after a connection on which no part came they are put one at a time, until one comes quickly (RLY-257)", async () => {
  const parts = blobOf(8);
  const slow = new SlowRelay(parts.length * PART_B, (requests) => (requests <= 4 ? 1_000 : 10_000));
  await putOver(slow, parts);
  assert.deepEqual(slow.parts, parts);
  assert.deepEqual(slow.inFlight, [1, 2, 3, 4, 1, 1, 1, 1, 1, 1, 1, 1]);
  const quick = new SlowRelay(parts.length * PART_B, (requests) => (requests <= 4 ? 1_000 : 1e9));
  await putOver(quick, parts);
  assert.deepEqual(quick.inFlight.slice(0, 9), [1, 2, 3, 4, 1, 1, 2, 3, 4]);
});

test("a blob of somebody else is dropped by that, and not asked for again (FIL-26)", async () => {
  const relay = new SlowRelay(1, () => 1e9);
  const dropping = () => relay.until(drop(relay.means(), new Uint8Array(32), new Uint8Array(32)));
  await dropping();
  relay.refusal = BAD_REQUEST;
  await assert.rejects(dropping, { code: "file.relay" });
});
