/** A state: the whole agreed condition of a room, replaced as one (ROOM-04). */

import type { Bytes } from "../bytes.ts";
import { compare, same } from "../bytes.ts";
import { MAX_COUNTER, MAX_TEAM, MAX_U32 } from "../constants.ts";
import { notAccepted, recoded } from "../errors.ts";
import type { ListHead } from "../identity/list.ts";
import { asHash, asListHead } from "../identity/list.ts";
import { DEVICE_ID_B } from "../identity/record.ts";
import { checkVersion } from "../identity/signed.ts";
import type { Value } from "../wire/cbor.ts";
import { asArray, asBytes, ascending, asText, asUint, Fields } from "../wire/fields.ts";

export const OPEN = 1;
export const CLOSED = 2;
export const FROZEN = 3;
export const WITHDRAWN = 4;
export const ERASED = 5;
export const CLASS_KEPT = 3;
const FLAG_SENSITIVE = 1;
const FLAG_HOLD = 2;
const MAX_CARDS = 4;
const MAX_CARD_B = 1_024;
const MAX_CARDS_B = 2_560;
const MAX_ANSWERS = 16;
const MAX_REASON_B = 200;
const REQUEST_ID_B = 8;
const MAX_CLASS = 4;

/** Mandate number, number and hash of a roster. */
export interface RosterRef {
  readonly mandateSeq: number;
  readonly seq: number;
  readonly hash: Bytes;
}

export interface Retention {
  readonly class: number;
  readonly ttlS: number;
}

export interface RoomState {
  readonly epoch: number;
  readonly parent: Bytes | null;
  readonly phase: number;
  readonly members: readonly Bytes[];
  readonly assigned: Bytes | null;
  readonly list: ListHead | null;
  readonly roster: RosterRef;
  readonly notice: Bytes | null;
  readonly retention: Retention;
  readonly sensitive: boolean;
  readonly hold: boolean;
  readonly reason: number;
  readonly cards: readonly Bytes[];
  readonly text: string | null;
  /** Acts that it answers (ROOM-12). */
  readonly answers: readonly Bytes[];
  /** The request that it grants (ROOM-22). */
  readonly request: Bytes | null;
}

/**
 * The state of a payload of kind 2.
 *
 * @throws RemoteError `remote.version`, `remote.content`
 */
export function asState(payload: Value): RoomState {
  return recoded(["remote.decode"], "remote.content", () => read(new Fields(payload, 16, [16])));
}

function read(fields: Fields): RoomState {
  checkVersion(fields.get(1));
  const epoch = fields.uint(2, MAX_COUNTER - 1, 1);
  const parent = fields.orNull(3, asHash);
  if (parent === null && epoch !== 1) throw notAccepted("a later state without one before");
  const members = ascending(fields.array(5, MAX_TEAM).map(asDeviceId), compare);
  const assigned = fields.orNull(6, asDeviceId);
  if (assigned !== null && !members.some((id) => same(id, assigned)))
    throw notAccepted("somebody assigned who is no member");
  const flags = fields.uint(11, FLAG_SENSITIVE | FLAG_HOLD);
  return {
    epoch,
    parent,
    phase: fields.uint(4, ERASED, OPEN),
    members,
    assigned,
    list: fields.orNull(7, asListHead),
    roster: asRosterRef(fields.get(8)),
    notice: fields.orNull(9, asHash),
    retention: asRetention(fields.get(10)),
    sensitive: (flags & FLAG_SENSITIVE) !== 0,
    hold: (flags & FLAG_HOLD) !== 0,
    reason: fields.uint(12, MAX_U32),
    cards: asCards(fields.get(13)),
    text: fields.orNull(14, (text) => asText(text, MAX_REASON_B)),
    answers: ascending(fields.array(15, MAX_ANSWERS).map(asHash), compare),
    request: fields.has(16) ? fields.bytes(16, REQUEST_ID_B) : null,
  };
}

function asDeviceId(value: Value): Bytes {
  return asBytes(value, DEVICE_ID_B, DEVICE_ID_B);
}

function asRosterRef(value: Value): RosterRef {
  const [mandateSeq, seq, hash] = asArray(value, 3, 3) as [Value, Value, Value];
  const number = (one: Value): number => asUint(one, MAX_COUNTER - 1, 1);
  return { mandateSeq: number(mandateSeq), seq: number(seq), hash: asHash(hash) };
}

function asRetention(value: Value): Retention {
  const [kind, ttlS] = asArray(value, 2, 2) as [Value, Value];
  return { class: asUint(kind, MAX_CLASS, 1), ttlS: asUint(ttlS, MAX_U32) };
}

function asCards(value: Value): readonly Bytes[] {
  const cards = asArray(value, MAX_CARDS).map((card) => asBytes(card, 1, MAX_CARD_B));
  if (cards.reduce((sum, card) => sum + card.length, 0) > MAX_CARDS_B)
    throw notAccepted("cards of more than 2560 bytes");
  return cards;
}

/** What the first state is compared with: an open, empty room of the same notice, retention and lists. */
export function beforeFirst(state: RoomState): RoomState {
  const empty = { epoch: 0, parent: null, phase: OPEN, members: [], assigned: null, sensitive: false, hold: false };
  return { ...state, ...empty };
}
