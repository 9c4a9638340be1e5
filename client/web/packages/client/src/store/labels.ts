/** Labels of data at rest (chapter 12), zero-padded to 16 bytes. */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { ascii } from "@sealroom/core/bytes.ts";

const LABEL_B = 16;

function padded(name: string): Bytes {
  const label = new Uint8Array(LABEL_B);
  label.set(ascii(name));
  return label;
}

export const ROW: Bytes = padded("SR1-store-row");
export const BLIND: Bytes = padded("SR1-store-blind");
export const SUM: Bytes = padded("SR1-store-sum");
export const STATE: Bytes = padded("SR1-store-state");
export const ANCHOR: Bytes = padded("SR1-store-anchor");
