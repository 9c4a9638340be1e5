/** Bounds on what one device can have kept of the chains of others. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Bytes } from "../src/bytes.ts";
import { hex } from "../src/bytes.ts";
import type { Taken } from "../src/rooms/chain.ts";
import { NOTHING_SEEN, takeEntry } from "../src/rooms/chain.ts";
import type { Entry, Link } from "../src/rooms/entry.ts";
import { deviceTagOf } from "../src/rooms/entry.ts";
import { codeOf } from "./vectors.ts";

const ROOM = new Uint8Array(16);
const DEVICE = new Uint8Array(16).fill(1);
const TAG = deviceTagOf(ROOM, DEVICE);

function numbered(n: number, sizeB: number, first = 0): Bytes {
  const bytes = new Uint8Array(sizeB).fill(first);
  new DataView(bytes.buffer).setUint32(1, n);
  return bytes;
}

function entryOf(n: number, seen: readonly Link[] = []): Entry {
  const header = { roomId: ROOM, kind: 3, n, prev: new Uint8Array(32), seen, state: null, sentMs: 1 };
  const author = { accountId: new Uint8Array(32), deviceId: DEVICE, signPublic: null };
  const [headerBytes, commitment] = [new Uint8Array(0), new Uint8Array(32)];
  return { author, header, headerBytes, commitment, body: null, signature: null, hash: numbered(n, 32, 2) };
}

test("of links of a device about another eight are kept, of a device 120, and more is told (TRN-28)", () => {
  const tags = Array.from({ length: 17 }, (_, i) => deviceTagOf(ROOM, numbered(i, 16, 3)));
  let taken: Taken = { view: NOTHING_SEEN, findings: [] };
  const found: string[] = [];
  for (const [i, tag] of tags.entries()) {
    for (let n = 0; n < 20; n++) {
      const link = { tag, n, hash: numbered(n, 32, 4) };
      taken = takeEntry(taken.view, entryOf(i * 20 + n, [link]));
      found.push(...taken.findings.filter((one) => one.name === "too_many").map((one) => hex(one.tag)));
    }
  }
  const kept = tags.map((tag) => (taken.view.get(hex(tag))?.hearsay ?? []).map((one) => one.n));
  assert.deepEqual(kept[0], [0, 1, 2, 3, 4, 5, 6, 19]);
  assert.deepEqual([Math.max(...kept.map((one) => one.length)), kept.flat().length], [8, 120]);
  assert.ok(tags.slice(15).every((tag) => found.includes(hex(tag))));
});

test("the 257th separate part of a chain is refused, until a hole is filled (TRN-28)", () => {
  let { view } = takeEntry(NOTHING_SEEN, entryOf(1));
  for (let n = 3; n < 512; n += 2) view = takeEntry(view, entryOf(n)).view;
  assert.equal(view.get(hex(TAG))?.entries.length, 256);
  assert.equal(
    codeOf(() => takeEntry(view, entryOf(513))),
    "room.too_many",
  );
  assert.equal(takeEntry(takeEntry(view, entryOf(2)).view, entryOf(513)).view.get(hex(TAG))?.entries.length, 258);
});
