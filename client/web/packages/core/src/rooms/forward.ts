/** Contents of types 9 to 11: signals, forwarded lines, dossiers (TRN-14, TRN-15, TRN-25, ROOM-25). */

import type { Bytes } from "../bytes.ts";
import { hex } from "../bytes.ts";
import { notAccepted, recoded } from "../errors.ts";
import type { Value } from "../wire/cbor.ts";
import { cborMap, encode } from "../wire/cbor.ts";
import { Fields } from "../wire/fields.ts";
import { commitmentOf, ROOM_ID_B } from "./entry.ts";

const MAX_LINES = 64;
const MAX_FORWARD_B = 49_152;
export interface WantedRange {
  readonly tag: Bytes;
  readonly first: number;
  readonly last: number;
}

export function content<T>(read: () => T): T {
  return recoded(["remote.decode"], "remote.content", read);
}

export interface Forward {
  readonly roomId: Bytes;
  /** Each is read by itself (`readLine`). */
  readonly lines: readonly Value[];
}

/**
 * Forwarded entries: 1 to 64 lines, at most 49 152 bytes (TRN-15).
 *
 * @throws RemoteError `remote.content`
 */
export function asForward(payload: Value): Forward {
  return content(() => {
    if (encode(payload).length > MAX_FORWARD_B) throw notAccepted("more than 48 KiB of lines");
    const fields = new Fields(payload, 2);
    return { roomId: fields.bytes(1, ROOM_ID_B), lines: fields.array(2, MAX_LINES, 1) };
  });
}

/** A forward with commitments for the bodies that have one of these, as hexadecimal (ROOM-44). */
export function withoutBodies(payload: Value, commitments: ReadonlySet<string>): Value {
  const { roomId, lines } = asForward(payload);
  const kept = lines.map((line) => {
    const [accountId, deviceId, header, body, signature] = line as readonly Value[];
    const commitment = body instanceof Uint8Array ? commitmentOf(body) : null;
    return commitment !== null && commitments.has(hex(commitment))
      ? [accountId, deviceId, header, [commitment], signature]
      : line;
  });
  return cborMap([
    [1, roomId],
    [2, kept as readonly Value[]],
  ]);
}
