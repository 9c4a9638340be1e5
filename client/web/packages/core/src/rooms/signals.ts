/** Reads signals and dossiers (TRN-14, TRN-25, ROOM-25). */

import type { Bytes } from "../bytes.ts";
import { MAX_RECORD_B, MAX_SIGNED_LIST_B } from "../constants.ts";
import type { WayBack } from "../content.ts";
import { asWayBack } from "../content_reading.ts";
import { notAccepted } from "../errors.ts";
import { asCompactBundle } from "../identity/bundle.ts";
import { DEVICE_ID_B } from "../identity/record.ts";
import type { Value } from "../wire/cbor.ts";
import { asArray, asBytes, asText, asUint, Fields } from "../wire/fields.ts";
import { ROOM_ID_B, TAG_B } from "./entry.ts";
import type { WantedRange } from "./forward.ts";
import { content } from "./forward.ts";

const MAX_RANGES = 64;
const MAX_DOSSIERS = 4;
const MAX_TEAM_B = 256;
const MAX_REASON_B = 200;
const MAX_LANGUAGE_B = 35;
export const REQUEST_ID_B = 8;

export interface Request {
  readonly id: Bytes;
  /** 1 add, 2 transfer, 3 leave, 4 close, 5 reopen. */
  readonly what: number;
  readonly deviceId: Bytes | null;
  readonly team: string | null;
  readonly reason: string | null;
}

export interface Waiting {
  readonly team: string;
  readonly language: string;
  readonly sinceMs: number;
}

export type Signal =
  | { readonly name: "typing"; readonly roomId: Bytes }
  | { readonly name: "want"; readonly roomId: Bytes; readonly ranges: readonly WantedRange[] }
  | { readonly name: "request"; readonly roomId: Bytes; readonly request: Request }
  | { readonly name: "waiting"; readonly roomId: Bytes; readonly waiting: Waiting | null }
  | { readonly name: "held"; readonly roomId: Bytes; readonly entryHash: Bytes };

/**
 * A signal of a room (TRN-25).
 *
 * @throws RemoteError `remote.content`
 */
export function asSignal(payload: Value): Signal {
  return content(() => {
    const fields = new Fields(payload, 3, [3]);
    const roomId = fields.bytes(1, ROOM_ID_B);
    const kind = fields.uint(2, 5, 1);
    if (fields.has(3) === (kind === 1)) throw notAccepted("a signal with, or without, what belongs to its kind");
    switch (kind) {
      case 1:
        return { name: "typing", roomId };
      case 2:
        return { name: "want", roomId, ranges: fields.array(3, MAX_RANGES, 1).map(asRange) };
      case 3:
        return { name: "request", roomId, request: asRequest(new Fields(fields.get(3), 5)) };
      case 5:
        return { name: "held", roomId, entryHash: fields.bytes(3, 32) };
      default:
        return { name: "waiting", roomId, waiting: fields.orNull(3, asWaiting) };
    }
  });
}

function asRange(value: Value): WantedRange {
  const [tag, first, last] = asArray(value, 3, 3) as [Value, Value, Value];
  const range = { tag: asBytes(tag, TAG_B, TAG_B), first: asUint(first), last: asUint(last) };
  if (range.first > range.last) throw notAccepted("a range that ends before it begins");
  return range;
}

function asRequest(fields: Fields): Request {
  return {
    id: fields.bytes(1, REQUEST_ID_B),
    what: fields.uint(2, 5, 1),
    deviceId: fields.orNull(3, (id) => asBytes(id, DEVICE_ID_B, DEVICE_ID_B)),
    team: fields.orNull(4, (team) => asText(team, MAX_TEAM_B)),
    reason: fields.orNull(5, (reason) => asText(reason, MAX_REASON_B)),
  };
}

function asWaiting(value: Value): Waiting {
  const fields = new Fields(value, 3);
  return { team: fields.text(1, MAX_TEAM_B), language: fields.text(2, MAX_LANGUAGE_B), sinceMs: fields.uint(3) };
}

export interface DossierContact {
  readonly record: Bytes;
  readonly address: WayBack;
  /** A compact bundle without one-time keys. */
  readonly bundle: Value | null;
}

export interface Dossier {
  readonly list: Bytes;
  readonly contacts: readonly DossierContact[];
}

/**
 * A dossier of the customer's devices (ROOM-25); list, records and bundles are verified by chapter 05.
 *
 * @throws RemoteError `remote.content`
 */
export function asDossier(payload: Value): Dossier {
  return content(() => {
    const fields = new Fields(payload, 2);
    return { list: fields.bytesUpTo(1, MAX_SIGNED_LIST_B), contacts: fields.array(2, MAX_DOSSIERS, 1).map(asContact) };
  });
}

function asContact(value: Value): DossierContact {
  const [record, address, bundle] = asArray(value, 3, 3) as [Value, Value, Value];
  return {
    record: asBytes(record, 1, MAX_RECORD_B),
    address: asWayBack(address),
    bundle: bundle === null ? null : asBundle(bundle),
  };
}

function asBundle(value: Value): Value {
  const { opks, oneTimePqks } = asCompactBundle(value);
  if (opks.length > 0 || oneTimePqks.length > 0) throw notAccepted("one-time keys in a dossier");
  return value;
}
