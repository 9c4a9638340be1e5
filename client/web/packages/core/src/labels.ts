/**
 * Labels of suite SR1 (PRM-06): ASCII, zero-padded to 16 bytes wherever they are used.
 * Those of chapters 11 and 12 belong to relay and store.
 */

import type { Bytes } from "./bytes.ts";
import { ascii } from "./bytes.ts";

export const LABELS = [
  "SR1-record",
  "SR1-list",
  "SR1-sig-list",
  "SR1-sig-prekey",
  "SR1-sig-address",
  "SR1-sig-succ",
  "SR1-card",
  "SR1-safety",
  "SR1-ephemeral",
  "SR1-hs-t0",
  "SR1-hs-t1",
  "SR1-hs-id",
  "SR1-hs-keys",
  "SR1-root",
  "SR1-chain",
  "SR1-tag",
  "SR1-header-key",
  "SR1-body-key",
  "SR1-salt",
  "SR1-kem-key",
  "SR1-kem-text",
  "SR1-kem-epoch",
  "SR1-file-chunk",
  "SR1-file-hash",
  "SR1-mandate",
  "SR1-sig-mandate",
  "SR1-roster",
  "SR1-sig-roster",
  "SR1-agent-card",
  "SR1-sig-channels",
  "SR1-link-code",
  "SR1-link-place",
  "SR1-link-keys",
  "SR1-link-commit",
  "SR1-link-sas",
  "SR1-recovery",
  "SR1-recover-code",
  "SR1-room-id",
  "SR1-room-notes",
  "SR1-device-tag",
  "SR1-commit",
  "SR1-entry",
  "SR1-sig-entry",
  "SR1-notice",
  "SR1-sig-notice",
  "SR1-consent",
  "SR1-sig-consent",
  "SR1-sig-withdraw",
  "SR1-sig-assets",
  "SR1-sig-login",
  "SR1-login-ask",
  "SR1-login-key",
] as const;

export type Label = (typeof LABELS)[number];

const LABEL_B = 16;

const PADDED: ReadonlyMap<string, Bytes> = new Map(LABELS.map((label) => [label, pad(label)]));

function pad(label: string): Bytes {
  const padded = new Uint8Array(LABEL_B);
  padded.set(ascii(label));
  return padded;
}

/** The label zero-padded to 16 bytes; a copy, so that nobody can change it for others (PRM-06). */
export function padded(label: Label): Bytes {
  return (PADDED.get(label) as Bytes).slice();
}
