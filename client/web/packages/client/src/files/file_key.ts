/** The key of one file (FIL-01). */

import type { FileKey } from "@sealroom/core/secret.ts";
import { Secret } from "@sealroom/core/secret.ts";

export function fileKey(data: Uint8Array): FileKey {
  return new Secret("file key", data);
}
