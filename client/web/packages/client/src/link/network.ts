/** What the browser tells of its network and of the page's life, for the links of the page. */

import type { Links } from "./websocket.ts";

/** Called when it is worth to try again at once: the network is back, or the page after a sleep. */
export type CameBack = () => void;

/** Drop links without a network, and probe them when network or page have come back; returns what ends it. */
export function watchNetwork(links: Links, cameBack: CameBack): () => void {
  const stop = new AbortController();
  const options = { signal: stop.signal };
  const back = (): void => {
    links.probe();
    cameBack();
  };
  addEventListener("offline", () => links.drop(), options);
  addEventListener("online", back, options);
  addEventListener("pageshow", (event) => (event.persisted ? back() : undefined), options);
  const seen = (): void => (document.visibilityState === "visible" ? back() : undefined);
  document.addEventListener("visibilitychange", seen, options);
  document.addEventListener("resume", back, options);
  return () => stop.abort();
}
