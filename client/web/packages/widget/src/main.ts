/** The room as it is served. The libraries come first, side by side: what they have alike is compressed once. */

import "@sealroom/core/primitives/kem.ts";
import "@sealroom/core/primitives/aead.ts";
import "@sealroom/core/primitives/kdf.ts";
import "@sealroom/core/primitives/sign.ts";
import "@sealroom/core/primitives/dh.ts";
import { realBackend } from "./real.ts";
import { startVault } from "./vault.ts";

void startVault(realBackend);
