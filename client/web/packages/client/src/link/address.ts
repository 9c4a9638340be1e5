/** Which relays a page connects to (ID-23, RLY-170 for a browser, which sees no addresses). */

import { isRelayUrl } from "@sealroom/core/grammar.ts";

/** Addresses that are nobody else's than this machine's or its network's. */
const OWN_NETWORK =
  /^(?:localhost|.+\.localhost|\[::1\]|(?:0|10|127)\..+|169\.254\..+|192\.168\..+|172\.(?:1[6-9]|2[0-9]|3[01])\..+)$/;

/**
 * Whether a page may connect to a relay. One that came over TLS connects by TLS only and never to an address of its
 * visitor's own machine or network, which a company's card could name to have it asked.
 */
export function mayConnect(relayUrl: string, pageProtocol: string): boolean {
  if (!isRelayUrl(relayUrl)) return false;
  if (pageProtocol !== "https:") return true;
  const { protocol, hostname } = new URL(relayUrl);
  return protocol === "wss:" && !OWN_NETWORK.test(hostname);
}
