/** Who reads here, as the line in the head. */

import type { Member } from "./backend.ts";
import type { Words } from "./words.ts";

const MAX_NAMED = 2;

/** The people of the company who are there, as one line. */
export function presentLine(members: readonly Member[], words: Words): string {
  const there = members.filter((member) => member.isPresent && member.kind !== "customer");
  there.sort((a, b) => Number(a.kind === "bot") - Number(b.kind === "bot"));
  if (there.length === 0) return words("members.none");
  const named = there.slice(0, MAX_NAMED).map((member) => {
    const what = member.kind === "bot" ? words("message.bot") : member.team;
    return what ? `${member.name} (${what})` : member.name;
  });
  const rest = there.length - named.length;
  return [...named, ...(rest > 0 ? [words("members.more", { n: rest })] : [])].join(", ");
}
