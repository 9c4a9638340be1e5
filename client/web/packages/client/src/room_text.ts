/** A conversation as plain text, for a person to keep: what is shown now, without any proof. */

import type { Room } from "./room.ts";

export function plainText(room: Room, company: string): string {
  const lines = room
    .entries()
    .filter((one) => one.text !== null)
    .map(({ author, sentMs, text, ours }) => {
      const name = ours ? "–" : (room.person(author).name ?? company);
      return `${new Date(sentMs).toISOString()} ${name}\n${text}\n`;
    });
  return [`${company}\n`, ...lines].join("\n");
}
