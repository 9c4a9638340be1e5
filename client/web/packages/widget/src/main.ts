/** The room as it is served. */

import { realBackend } from "./real.ts";
import { startVault } from "./vault.ts";

void startVault(realBackend);
