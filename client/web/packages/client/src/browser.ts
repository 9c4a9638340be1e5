/** What a browser gives the engine: storage, connections, work, time and randomness. */

import type { Ports, StoreCode } from "./engine/ports.ts";
import type { LoadFiles } from "./files/host.ts";
import { browserClock, browserRandom } from "./link/clock.ts";
import { fetchDoor } from "./link/door.ts";
import type { Links } from "./link/websocket.ts";
import { browserLinks } from "./link/websocket.ts";
import type { Mode } from "./store/place.ts";
import { browserPlace } from "./store/place.ts";
import { browserWork } from "./work/work.ts";

export interface BrowserOptions {
  readonly mode: Mode;
  /** Names database, lock and channel of this company, such as `sealroom`. */
  readonly name: string;
  /** How long after its last commit mode `device` keeps a store; 0 is for good. */
  readonly ttlMs: number;
  /** The store has ended by itself (STO-36). */
  readonly ended: (code: StoreCode) => void;
  readonly files: LoadFiles;
  readonly stored: Ports["stored"];
  readonly received: Ports["received"];
  readonly later: Ports["later"];
}

export interface BrowserPorts extends Ports {
  /** For `watchNetwork`. */
  readonly links: Links;
}

export function browserPorts({
  mode,
  name,
  ttlMs,
  ended,
  files,
  stored,
  received,
  later,
}: BrowserOptions): BrowserPorts {
  const { nowMs } = browserClock;
  const links = browserLinks({ clock: browserClock, pageProtocol: location.protocol });
  return {
    place: browserPlace({ mode, name, ttlMs, rng: browserRandom, nowMs, ended }),
    links,
    connect: links.connect,
    work: browserWork(),
    fetchDoor,
    clock: browserClock,
    random: browserRandom,
    files,
    stored,
    received,
    later,
  };
}
