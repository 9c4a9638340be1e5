/** A recovery code as text to be kept: whose it is in a line of its own, and the code below (ACC-72). */

/** What is written above a code: the company's name and page. */
export function headOf({ company, origin }: { readonly company: string; readonly origin: string }): string {
  return `${company}, ${origin}`;
}

export interface TypedCode {
  readonly code: string;
  /** The line above a code where it is another than `head`: of another company, or another name or page of this one. */
  readonly whose: string | null;
}

/** The code of what was typed or pasted, without the line that stood above it where that is `head`. */
export function codeIn(typed: string, head: string): TypedCode {
  const [first = "", ...rest] = typed.trim().split(/\r\n|\r|\n/u);
  const line = first.trim();
  if (rest.length === 0 || !line.includes("://")) return { code: typed, whose: null };
  return { code: rest.join("\n"), whose: line === head ? null : line };
}
