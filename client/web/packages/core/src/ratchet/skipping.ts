/** Keeps and finds message keys of numbers that were skipped (DR-10, DR-12, DR-13, DR-16). */

import type { Bytes } from "../bytes.ts";
import { compare, same } from "../bytes.ts";
import { MAX_SKIPPED_KEYS } from "../constants.ts";
import type { ChainKey, HeaderKey } from "../secret.ts";
import { chain } from "./chain.ts";
import type { SkippedKey } from "./skipped.ts";

interface ChainPlace {
  readonly headerKey: HeaderKey;
  readonly tag: Bytes;
}

/** Header keys of chains that have keys left under a tag, each once (DR-10). */
export function headerKeysOf(keys: readonly SkippedKey[], tag: Bytes): readonly HeaderKey[] {
  const found: HeaderKey[] = [];
  for (const key of keys) {
    if (same(key.tag, tag) && !found.some((one) => one.equals(key.headerKey))) found.push(key.headerKey);
  }
  return found;
}

export function find(keys: readonly SkippedKey[], headerKey: HeaderKey, number: number): SkippedKey | null {
  return keys.find((key) => key.number === number && key.headerKey.equals(headerKey)) ?? null;
}

/** The keys of a chain from `first` up to before `end`, and the chain key after them (DR-13). */
export function skip(
  place: ChainPlace,
  chainKey: ChainKey,
  first: number,
  end: number,
  nowMs: number,
): { readonly keys: readonly SkippedKey[]; readonly chainKey: ChainKey } {
  const keys: SkippedKey[] = [];
  let current = chainKey;
  for (let number = first; number < end; number++) {
    const step = chain(current);
    const { headerKey, tag } = place;
    keys.push({ headerKey, tag, number, messageKey: step.messageKey, storedMs: nowMs });
    current = step.chainKey;
  }
  return { keys, chainKey: current };
}

export interface Kept {
  readonly kept: readonly SkippedKey[];
  readonly dropped: readonly SkippedKey[];
}

/** At most 1000 keys; beyond, the smallest by (stored_ms, tag, number) go (DR-16). */
export function limited(keys: readonly SkippedKey[]): Kept {
  const excess = keys.length - MAX_SKIPPED_KEYS;
  if (excess <= 0) return { kept: keys, dropped: [] };
  const dropped = [...keys].sort(inOrder).slice(0, excess);
  const gone = new Set(dropped);
  return { kept: keys.filter((key) => !gone.has(key)), dropped };
}

function inOrder(a: SkippedKey, b: SkippedKey): number {
  return a.storedMs - b.storedMs || compare(a.tag, b.tag) || a.number - b.number;
}
