/** Who has written, and how a message begins. */

import type { Member, Message } from "./backend.ts";
import type { Words } from "./words.ts";

export function memberOf(members: readonly Member[], id: string | null): Member | undefined {
  return id === null ? undefined : members.find((member) => member.id === id);
}

/** The start of a message, for a quote. */
export function excerpt(message: Message): string {
  return message.text.slice(0, 160) || (message.file?.name ?? "");
}

export function nameOf(member: Member | undefined, words: Words): string {
  if (member?.isSelf) return words("message.you");
  return member?.name ?? words("someone");
}
