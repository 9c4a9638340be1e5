/** What the process takes of a text that a person types: so many bytes, some of it on one line. */

const ENCODER = new TextEncoder();

/** In bytes of UTF-8. */
export function sizeOf(text: string): number {
  return ENCODER.encode(text).length;
}

/** A text on one line: control characters are spaces, and half a character is none. */
export function onOneLine(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\p{Cc}\u2028\u2029]+/gu, " ")
    .trim();
}

/** The start of a text that has so many bytes, in whole characters as people see them. */
export function startOf(text: string, mostB: number): string {
  let leftB = mostB;
  let start = "";
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    leftB -= sizeOf(segment);
    if (leftB < 0) break;
    start += segment;
  }
  return start.trim();
}
