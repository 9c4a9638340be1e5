/** The room as it is served. */

import { realBackend } from "./real.ts";
import { startVault } from "./vault.ts";

const worker = document.documentElement.getAttribute("data-worker") ?? "";

void startVault((settings) => realBackend(settings, new URL(worker, document.baseURI).href));
