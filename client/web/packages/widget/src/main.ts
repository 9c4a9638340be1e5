/** The room as it is served. */

import { part } from "@sealroom/ui/part.ts";
import { realBackend } from "./real.ts";
import { startVault } from "./vault.ts";

const worker = document.documentElement.getAttribute("data-worker") ?? "";
const later = () => part("later_part", () => import("./later_part.ts"));

void startVault((settings) => realBackend(settings, new URL(worker, document.baseURI).href, later));
