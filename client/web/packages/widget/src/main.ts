/** The room as it is served. */

import { obstructed } from "./obstructed.ts";
import { startVault } from "./vault.ts";

void startVault(() => obstructed("company-unavailable"));
