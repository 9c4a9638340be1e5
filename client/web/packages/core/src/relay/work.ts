/** Proof of work for a relay that asks for it (RLY-24, RLY-142). */

import { blake2b } from "@noble/hashes/blake2.js";
import type { Bytes } from "../bytes.ts";
import { ascii } from "../bytes.ts";
import { LocalError } from "../errors.ts";

/** More is not worked for: the client leaves such a relay. */
export const MOST_BITS = 16;

const DIGEST_B = 32;
const WORK_B = 8;
const LABEL = new Uint8Array(16);
LABEL.set(ascii("SR1-relay-pow"));

/**
 * The first of `attempts` counters from `from` on, as 8 bytes, such that BLAKE2b-256(person `SR1-relay-pow`,
 * context | counter) begins with `bits` zero bits; null if there is none among them.
 *
 * @throws LocalError for bits that are not 1 to 16
 */
export function tryWork(context: Bytes, bits: number, from: number, attempts: number): Bytes | null {
  if (!Number.isInteger(bits) || bits < 1 || bits > MOST_BITS) throw new LocalError("local.argument", "1 to 16 bits");
  const begun = blake2b.create({ dkLen: DIGEST_B, personalization: LABEL }).update(context);
  // Each attempt uses the same memory: twice as many in a second.
  const [trial, digest, work] = [begun.clone(), new Uint8Array(DIGEST_B), new Uint8Array(WORK_B)];
  const words = new DataView(work.buffer);
  for (let counter = from; counter < from + attempts; counter++) {
    words.setUint32(0, Math.floor(counter / 2 ** 32));
    words.setUint32(4, counter % 2 ** 32);
    begun._cloneInto(trial).update(work).digestInto(digest);
    const first = ((digest[0] as number) << 8) | (digest[1] as number);
    if (first >>> (16 - bits) === 0) return work;
  }
  return null;
}
