/** Which relays a page connects to (ID-23, RLY-170 for a browser, which sees no addresses). */

import { isRelayUrl } from "@sealroom/core/grammar.ts";

/** Addresses that are not global: of this machine, its network or its provider. */
const OWN_NETWORK =
  /^(?:localhost|.+\.localhost|\[::1\]|(?:0|10|127|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])|169\.254|192\.168|172\.(?:1[6-9]|2\d|3[01])|198\.1[89])\.[\d.]+)$/;

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
