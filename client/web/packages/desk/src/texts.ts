/** What the process takes of a text that a person types: so many bytes, some of it on one line; names in a text. */

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

type Filled = "name" | "agent" | "company";

/**
 * What stands in a text for names is filled in; a name that is not known (null) goes with the space before it and the
 * brackets around it, and at the start of a line the next word begins it.
 */
export function filled(text: string, values: Readonly<Record<Filled, string | null>>): string {
  const places = /( ?)(\(\{(?:name|agent|company)\}\)|\{(?:name|agent|company)\})(,? ?)(\p{Ll}?)/gu;
  return text.replace(places, (_, before: string, place: string, after: string, next: string, at: number) => {
    const value = values[place.replace(/[(){}]/gu, "") as Filled];
    if (value !== null) return `${before}${place.replace(/\{\w+\}/u, () => value)}${after}${next}`;
    if (at > 0 && text[at - 1] !== "\n") return `${after}${next}`;
    return after === "" ? next : next.toUpperCase();
  });
}
