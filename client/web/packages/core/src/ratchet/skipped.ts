/** Message keys of numbers that were not seen yet (DR-12, DR-13, DR-16, DR-17). */

import type { Bytes } from "../bytes.ts";
import { SKIPPED_KEY_TTL_MS } from "../constants.ts";
import type { HeaderKey, MessageKey } from "../secret.ts";

export interface SkippedKey {
  readonly headerKey: HeaderKey;
  readonly tag: Bytes;
  readonly number: number;
  readonly messageKey: MessageKey;
  readonly storedMs: number;
}

/** The keys that still serve at this time (DR-16). */
export function inTime(keys: readonly SkippedKey[], nowMs: number): readonly SkippedKey[] {
  return keys.filter((key) => nowMs <= key.storedMs + SKIPPED_KEY_TTL_MS);
}
