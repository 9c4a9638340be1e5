/** The plain header of a message, 48 bytes (WIRE-09). */

import type { Bytes } from "../bytes.ts";
import { concat, cut, readU32, u32 } from "../bytes.ts";
import { MAX_COUNTER } from "../constants.ts";
import { notAuthentic } from "../errors.ts";

const KEY_B = 32;

export interface Header {
  /** As it came; PRM-01 is looked at where it is used or compared. */
  readonly ratchetKey: Bytes;
  readonly previousLength: number;
  readonly number: number;
  readonly pqEpoch: number;
}

export function encodeHeader(header: Header): Bytes {
  const counters = [header.previousLength, header.number, header.pqEpoch, 0].map(u32);
  return concat(header.ratchetKey, ...counters);
}

/**
 * The header of 48 bytes that have opened.
 *
 * @throws RemoteError `remote.authentication` for a flag, or a counter of 2^31 or more
 */
export function decodeHeader(data: Bytes): Header {
  const [previousLength, number, pqEpoch, flags] = [32, 36, 40, 44].map((at) => readU32(data, at)) as [
    number,
    number,
    number,
    number,
  ];
  if (flags !== 0 || Math.max(previousLength, number, pqEpoch) >= MAX_COUNTER) throw notAuthentic();
  return { ratchetKey: cut(data, 0, KEY_B), previousLength, number, pqEpoch };
}
