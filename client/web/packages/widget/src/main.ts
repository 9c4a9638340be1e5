/** The room as it is served. */

import { part } from "@sealroom/ui/part.ts";
import { realBackend } from "./real.ts";
import { startVault } from "./vault.ts";

const parts = {
  stored: () => part("stored_part", () => import("./stored_part.ts")),
  received: () => part("received_part", () => import("./received_part.ts")),
  items: () => part("item_part", () => import("./item_part.ts")),
  files: () => part("file_part", () => import("./file_part.ts")),
  later: () => part("later_part", () => import("./later_part.ts")),
};

void startVault((settings) => realBackend(settings, parts));
