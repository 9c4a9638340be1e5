/** The room with a scripted backend: `?scene=open`; for tests of page and frame. */

import { sceneOf } from "../../ui/tests/scenes.ts";
import { scripted } from "../../ui/tests/scripted.ts";
import { startVault } from "../src/vault.ts";

void startVault((settings) => {
  const wish = new URLSearchParams(location.search);
  const backend = scripted(sceneOf(wish.get("scene") ?? "notice", settings.lang?.startsWith("de") ? "de" : "en"));
  Object.assign(window, { backend, settings });
  return backend;
});
