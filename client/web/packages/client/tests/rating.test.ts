import assert from "node:assert/strict";
import { test } from "node:test";
import { BLIND_B, encodeBody } from "@sealroom/core/rooms/entry.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { cborMap } from "@sealroom/core/wire/cbor.ts";
import type { Draft } from "../src/engine/rooms/draft.ts";
import { phaseCode } from "../src/engine/rooms/judging.ts";
import type { Kept } from "../src/engine/rooms/model.ts";
import { isRated } from "../src/room_state.ts";
import type { EntryView } from "../src/views.ts";

const CLOSED_MS = 1_800_000_000_000;
const DAY_MS = 86_400_000;
const TEXT = 3;
const EDIT = 4;
const RATING = 20;
const CLOSE: Value = cborMap([[1, 1]]);
const FREEZE: Value = cborMap([[1, 3]]);

/** A room in which somebody has written acts, and nobody of the company anything. */
function roomAfter(acts: readonly Value[], nowMs: number): Draft {
  const entries = acts.map((payload, n): [string, Kept] => {
    const hash = new Uint8Array(32).fill(n);
    const header = { kind: 10, n, prev: null, seen: [], sentMs: CLOSED_MS };
    const body = encodeBody(new Uint8Array(BLIND_B), payload);
    return [String(n), { entry: { hash, header, body }, stands: "taken" } as unknown as Kept];
  });
  const room = { entries: new Map(entries), root: new Uint8Array(32), states: [], lastMs: CLOSED_MS };
  const judged = { valid: [], head: null, path: [], verdicts: new Map() };
  return { c: { team: {} }, room, turn: { nowMs }, judged: () => judged } as unknown as Draft;
}

test("a closed room lets a rating pass for 90 days, a frozen one none (ROOM-18, ROOM-19)", () => {
  const last = CLOSED_MS + 90 * DAY_MS;
  assert.equal(phaseCode(roomAfter([], last), TEXT), undefined);
  assert.equal(phaseCode(roomAfter([CLOSE], last), RATING), undefined);
  assert.equal(phaseCode(roomAfter([CLOSE], last + 1), RATING), "room.closed");
  for (const kind of [TEXT, EDIT, 63]) assert.equal(phaseCode(roomAfter([CLOSE], last), kind), "room.closed");
  assert.equal(phaseCode(roomAfter([CLOSE, FREEZE], last), RATING), "room.frozen");
});

test("a conversation is rated once, and again when more was said or the rating was erased (TRN-44)", () => {
  const rated = (...kinds: readonly number[]): boolean =>
    isRated(kinds.map((kind) => ({ kind: Math.abs(kind), isErased: kind < 0 }) as unknown as EntryView));
  assert.equal(rated(TEXT), false);
  assert.equal(rated(TEXT, RATING, 2, 21), true);
  assert.equal(rated(TEXT, RATING, TEXT), false);
  assert.equal(rated(TEXT, -RATING), false);
});
