/** What an application sees of a room: who is in it, what was said, what holds. Nothing here changes anything. */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same } from "@sealroom/core/bytes.ts";
import { KIND_BOT } from "@sealroom/core/identity/record.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import type { Context } from "./engine/context.ts";
import type { Delivery, Phase } from "./engine/events.ts";
import { order, payloadOf, transcript } from "./engine/rooms/judging.ts";
import type { Kept, Room } from "./engine/rooms/model.ts";
import { phaseName } from "./engine/rooms/settling.ts";

const KIND_TEXT = 3;

export interface Person {
  readonly id: string;
  /** By the card; null for a customer, or where none is known. */
  readonly name: string | null;
  readonly kind: "customer" | "person" | "bot";
  readonly teams: readonly string[];
  readonly isSelf: boolean;
  readonly isPresent: boolean;
}

export interface EntryView {
  readonly id: string;
  readonly kind: number;
  readonly author: string;
  readonly ours: boolean;
  readonly sentMs: number;
  /** When it was written, as a person is shown it (TRN-49). */
  readonly writtenMs: number;
  /** The newest wording of a text; null of another kind, or where it was erased. */
  readonly text: string | null;
  readonly language: string | null;
  readonly replyTo: string | null;
  readonly isByMachine: boolean;
  readonly isEdited: boolean;
  readonly isErased: boolean;
  readonly isSensitive: boolean;
  readonly unread: boolean;
  readonly delivery: Delivery | null;
  /** Of a kind that is not a text; null where it was erased. */
  readonly payload: Value;
}

export interface RoomView {
  readonly id: string;
  /** Null until a state of the company has come. */
  readonly phase: Phase | null;
  readonly members: readonly Person[];
  readonly assigned: string | null;
  readonly sensitive: boolean;
  readonly unread: number;
}

export function roomView(c: Context, room: Room): RoomView {
  const { shown } = room;
  const hasState = room.states.length > 0;
  return {
    id: hex(room.id),
    phase: shown === null || (!hasState && shown.phase === 1) ? null : phaseName(shown.phase),
    members: (shown?.members ?? []).map((id) => person(c, room, id)),
    assigned: shown?.assigned == null ? null : hex(shown.assigned),
    sensitive: shown?.sensitive ?? false,
    unread: [...room.entries.values()].filter((one) => one.unread && !one.hidden).length,
  };
}

/** A device as it is shown: by its card. */
export function person(c: Context, room: Room, deviceId: Bytes): Person {
  const id = hex(deviceId);
  const isSelf = same(deviceId, c.own.record.deviceId) || (c.kin?.signerOf(deviceId) ?? null) !== null;
  if (isSelf) return { id, name: null, kind: "customer", teams: [], isSelf, isPresent: true };
  const card = c.team.cards.get(id);
  const records = [...c.team.records.values(), ...[...c.peers.values()].map((peer) => peer.record)];
  const isBot = records.some((record) => same(record.deviceId, deviceId) && record.kind === KIND_BOT);
  const isPresent = (room.shown?.members ?? []).some((one) => same(one, deviceId));
  const kind = isBot ? "bot" : "person";
  return { id, name: card?.name ?? null, kind, teams: card?.teams ?? [], isSelf, isPresent };
}

/** The entries of a room in the order of the transcript. */
export function entriesOf(c: Context, room: Room): readonly EntryView[] {
  const k = order(room);
  const edits = c.received?.countingWordings(room) ?? new Map<string, Kept>();
  return transcript(room, k).map((kept) => entryView(room.customer, kept, edits, k));
}

export function fieldOf(payload: Value, key: number): Value {
  return payload instanceof Map ? (payload.get(key) ?? null) : null;
}

function entryView(
  customer: Bytes,
  kept: Kept,
  edits: ReadonlyMap<string, Kept>,
  k: ReadonlyMap<string, number>,
): EntryView {
  const { entry, receivedMs } = kept;
  const { kind, sentMs } = entry.header;
  const payload = payloadOf(kept);
  const edit = edits.get(hex(entry.hash));
  const wording = edit === undefined ? null : fieldOf(payloadOf(edit), 2);
  const text = kind === KIND_TEXT ? (payload === null ? null : (wording ?? fieldOf(payload, 1))) : null;
  const replyTo = kind === KIND_TEXT ? fieldOf(payload, 2) : null;
  const language = kind === KIND_TEXT ? fieldOf(payload, 3) : null;
  return {
    id: hex(entry.hash),
    kind,
    author: hex(entry.author.deviceId),
    ours: same(entry.author.accountId, customer),
    sentMs,
    writtenMs: Math.min(Math.max(sentMs, k.get(hex(entry.hash)) as number), receivedMs),
    text: typeof text === "string" ? text : null,
    language: typeof language === "string" ? language : null,
    replyTo: replyTo instanceof Uint8Array ? hex(replyTo) : null,
    isByMachine: kind === KIND_TEXT && fieldOf(payload, 4) === true,
    isEdited: typeof wording === "string",
    isErased: kept.hidden || entry.body === null,
    isSensitive: kept.marked,
    unread: kept.unread,
    delivery: kept.delivery,
    payload: kind === KIND_TEXT ? null : payload,
  };
}
