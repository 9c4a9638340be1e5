/** What a commit may hold (STO-08). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex } from "@sealroom/core/bytes.ts";
import type { Change, Kind } from "../engine/ports.ts";
import { KINDS, StoreError } from "../engine/ports.ts";
import { MAX_KEY_B, MAX_VALUE_B } from "./boxes.ts";

export const MAX_CHANGES = 4_096;

/** @throws StoreError `store.misuse` */
export function checkKind(kind: Kind): void {
  if (!KINDS.includes(kind)) throw misuse("a table that is none");
}

/**
 * The changes, the last one of each row.
 *
 * @throws StoreError `store.misuse`
 */
export function checked(changes: readonly Change[]): readonly Change[] {
  if (changes.length > MAX_CHANGES) throw misuse("too many changes");
  const last = new Map<string, Change>();
  for (const change of changes) {
    checkKind(change.kind);
    if (change.key.length > MAX_KEY_B) throw misuse("a key of more than 255 bytes");
    if (change.value !== null && change.value.length > MAX_VALUE_B) throw misuse("a value of more than 4 MiB");
    last.set(nameOf(change.kind, change.key), change);
  }
  return [...last.values()];
}

/** One text for a table and a key. */
export function nameOf(kind: Kind, key: Bytes): string {
  return `${kind} ${hex(key)}`;
}

function misuse(message: string): StoreError {
  return new StoreError("store.misuse", message);
}
