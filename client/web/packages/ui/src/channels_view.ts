/** The company's other channels, as rows that can be called, written to or opened; and its hours. */

import { type IconName, icon } from "./all_icons.ts";
import type { Channel, Company, Notice } from "./backend.ts";
import { channelLink } from "./channel_link.ts";
import { h } from "./dom.ts";
import type { Words } from "./words.ts";

const ICON: Readonly<Record<Channel["kind"], IconName>> = {
  phone: "phone",
  email: "email",
  post: "post",
  page: "page",
};

/** A company that names no channel has those of its notice, which names an address and an e-mail (CNS-03). */
export function channelsView(company: Company, notice: Notice | null, words: Words): HTMLElement {
  const list = h("ul", { class: "ways" });
  const channels = company.channels.length === 0 && notice !== null ? ofController(notice) : company.channels;
  for (const channel of channels) list.append(h("li", null, wayView(channel, words)));
  if (company.hours !== null && company.hours.text !== "")
    list.append(h("li", null, row("clock", words("channel.hours"), company.hours.text, null)));
  return list;
}

function ofController({ controller: { name, address, email } }: Notice): readonly Channel[] {
  return [
    { kind: "email", label: "", value: email },
    { kind: "post", label: "", value: `${name}, ${address}` },
  ];
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
