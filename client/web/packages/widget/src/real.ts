/** The room over the client of this browser: its store, its links, its tabs. */

import { type BrowserPorts, browserPorts } from "@sealroom/client/browser.ts";
import type { LoadFiles } from "@sealroom/client/files/host.ts";
import { watchNetwork } from "@sealroom/client/link/network.ts";
import { openRoom } from "@sealroom/client/room_backend.ts";
import { unhex } from "@sealroom/core/bytes.ts";
import type { Finding, Keeping, RoomBackend } from "@sealroom/ui/backend.ts";
import { part } from "@sealroom/ui/part.ts";
import { obstructed } from "./obstructed.ts";
import type { Allowed } from "./port.ts";
import { type Led, tabbed } from "./tabbed.ts";

const NAME = "sealroom";
/** The id of an account, as the company's tools print it. */
const ACCOUNT = /^[\da-f]{64}$/u;
/** How long a device finds its room again after the last word. */
const TTL_MS = 30 * 86_400_000;
/** How long a text waits for the guard. */
const GUARD_WAIT_MS = 3_000;

/** What the room cannot do without. */
function isTooOld(): boolean {
  const needed = ["indexedDB", "BroadcastChannel", "WebSocket"];
  const hasParts = needed.every((name) => name in globalThis) && "locks" in navigator;
  return !hasParts || globalThis.crypto?.subtle === undefined || !CSS.supports("color: light-dark(red, red)");
}

const FILES: LoadFiles = {
  service: () => part("file_part", () => import("./file_part.ts")),
  stripping: () => part("image_metadata", () => import("@sealroom/client/files/image_metadata.ts")),
};

const PARTS = {
  files: FILES,
  stored: () => part("stored_part", () => import("./stored_part.ts")),
  received: () => part("received_part", () => import("./received_part.ts")),
  later: () => part("later_part", () => import("./later_part.ts")),
};

/** A network that gives no answer holds up no text. */
async function inspect(text: string): Promise<readonly Finding[]> {
  const late = new Promise<null>((done) => setTimeout(done, GUARD_WAIT_MS, null));
  const guard = await Promise.race([part("guard", () => import("@sealroom/ui/guard.ts")), late]);
  return guard?.inspect(text) ?? [];
}

/** The backend for what a page has set. */
export function realBackend(settings: Allowed): RoomBackend {
  if (isTooOld()) return obstructed("browser-too-old");
  if (settings.account !== null && !ACCOUNT.test(settings.account)) return obstructed("door-wrong");
  const mode = settings.storage;
  const ports = browserPorts({ mode, name: NAME, ttlMs: TTL_MS, ended: () => {}, ...PARTS });
  const open = () => opened(settings, ports, mode);
  if (mode === "session") return open();
  return tabbed({ name: NAME, rng: ports.random, clock: ports.clock, open }, inspect);
}

function opened(settings: Allowed, ports: BrowserPorts, mode: Keeping["mode"]): Led {
  const account = settings.account === null ? null : unhex(settings.account);
  const keeping = { mode, untilMs: null };
  return openRoom({
    company: location.origin,
    account,
    ports,
    lang: settings.lang,
    keeping,
    items: () => part("item_part", () => import("./item_part.ts")),
    inspect,
    watch: (cameBack) => watchNetwork(ports.links, cameBack),
    linkable: settings.linkable,
    recoverable: mode === "recoverable",
  });
}
