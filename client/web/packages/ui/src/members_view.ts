/** Who reads here: the list with what each one is. */

import { icon } from "./all_icons.ts";
import type { Company, Member } from "./backend.ts";
import { h } from "./dom.ts";
import { nameOf } from "./names.ts";
import type { Words } from "./words.ts";

const ICONS = { "members.bot": "bot", "members.desk": "post", "members.person": "person" } as const;

export function membersView(members: readonly Member[], company: Company | null, words: Words): HTMLElement[] {
  const list = h("ul", { class: "people" });
  const sorted = [...members].sort((a, b) => Number(b.isPresent) - Number(a.isPresent));
  for (const member of sorted) list.append(memberView(member, kindOf(member, company), words));
  if (company === null) return [list];
  return [
    h("p", null, words("room.readers", { company: company.name })),
    list,
    h("h3", null, words("members.fingerprint", { company: company.name })),
    printView(company.fingerprint),
    h("p", { class: "meta" }, words("members.fingerprint.text")),
    h("p", { class: "meta" }, words("members.origin", { origin: company.origin })),
  ];
}

/** What somebody is; the company's own device has its name, and is no person. */
function kindOf(member: Member, company: Company | null): "members.bot" | "members.desk" | "members.person" {
  if (member.kind === "bot") return "members.bot";
  return !member.isSelf && member.name === company?.name ? "members.desk" : "members.person";
}

function memberView(member: Member, kind: ReturnType<typeof kindOf>, words: Words): HTMLElement {
  const parts = [words(kind), member.team, member.isPresent ? null : words("members.left")];
  const about = parts.filter((part) => part !== null && part !== "").join(" · ");
  return h(
    "li",
    null,
    icon(ICONS[kind]),
    h("span", { class: "heading", dir: "auto" }, nameOf(member, words)),
    h("span", { class: "meta", dir: "auto" }, about),
  );
}

/** Groups of characters to compare. */
export function printView(groups: readonly string[]): HTMLElement {
  return h("div", { class: "print" }, ...groups.map((group) => h("span", null, group)));
}
