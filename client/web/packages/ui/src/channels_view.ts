/** The company's other channels, as rows that can be called, written to or opened; and its hours. */

import { type IconName, icon } from "./all_icons.ts";
import type { Channel, Company } from "./backend.ts";
import { channelLink } from "./channel_link.ts";
import { h } from "./dom.ts";
import type { Words } from "./words.ts";

const ICON: Readonly<Record<Channel["kind"], IconName>> = {
  phone: "phone",
  email: "email",
  post: "post",
  page: "page",
};

export function channelsView(company: Company, words: Words): HTMLElement {
  const list = h("ul", { class: "ways" });
  for (const channel of company.channels) list.append(h("li", null, wayView(channel, words)));
  if (company.hours !== null && company.hours.text !== "")
    list.append(h("li", null, row("clock", words("channel.hours"), company.hours.text, null)));
  return list;
}

function wayView(channel: Channel, words: Words): HTMLElement {
  const kind = words(`channel.${channel.kind}`);
  const label = channel.label === "" ? kind : `${kind} · ${channel.label}`;
  return row(ICON[channel.kind], label, channel.value, channelLink(channel));
}

function row(glyph: IconName, label: string, value: string, link: string | null): HTMLElement {
  const isPage = link?.startsWith("https:") ?? false;
  const children = [
    icon(glyph),
    h("span", { class: "meta" }, h("bdi", null, label)),
    h("span", { class: "value" }, h("bdi", null, value)),
  ];
  if (link === null) return h("div", null, ...children);
  return h(
    "a",
    { href: link, target: isPage ? "_blank" : null, rel: isPage ? "noopener noreferrer" : null },
    ...children,
  );
}
