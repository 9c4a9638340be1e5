/** What is known of the numbers of texts that a peer gives (SES-29 to SES-31). */

import type { Bytes } from "./bytes.ts";

export type Range = readonly [first: number, last: number];

/** What is known of a peer's numbers. */
export interface Received {
  readonly highest: number;
  /** The line that begins last, its first number and its highest. */
  readonly line: Bytes;
  readonly first: number;
  readonly lineHighest: number;
  readonly missing: readonly Range[];
  /** Numbers up to this one are judged no more. */
  readonly forgotten: number;
}

export const NOTHING_RECEIVED: Received = {
  highest: 0,
  line: new Uint8Array(4),
  first: 0,
  lineHighest: 0,
  missing: [],
  forgotten: 0,
};
