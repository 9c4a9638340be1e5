/** What a purpose of a notice is for, in the words of its text: a basis alone says it to lawyers only. */

import type { Notice } from "./backend.ts";

/** The line of the text that ends with the basis, each purpose of one basis its own; else the basis. */
export function purposeOf(
  { purposes, text }: Pick<Notice, "purposes" | "text">,
  at: Notice["purposes"][number],
): string {
  const alike = purposes.filter(({ basis }) => basis === at.basis);
  const lines = text.split("\n").filter((line) => line.endsWith(at.basis));
  const line = lines.length === alike.length && lines[alike.indexOf(at)];
  return (line || at.basis).replace(/^\w\) /u, "");
}
