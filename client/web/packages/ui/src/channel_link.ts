/** Where a channel of the company leads. */

import type { Channel } from "./backend.ts";
import { linkTo } from "./dom.ts";

const SCHEME: Readonly<Record<Channel["kind"], string>> = { phone: "tel:", email: "mailto:", post: "", page: "" };

/** Where a channel leads; null for an address on paper. */
export function channelLink(channel: Channel): string | null {
  if (channel.kind === "post") return null;
  const value = channel.kind === "phone" ? channel.value.replace(/[^+\d]/gu, "") : channel.value;
  return linkTo(SCHEME[channel.kind] + value);
}
