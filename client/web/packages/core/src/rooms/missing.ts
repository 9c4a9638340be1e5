/** What the chains of a room lack (TRN-13). */

import type { Bytes } from "../bytes.ts";
import type { View } from "./chain.ts";
import { tagsInOrder } from "./chain.ts";

export interface MissingRange {
  readonly tag: Bytes;
  readonly first: number;
  readonly last: number;
}

/** What a `prev` or a link names and is not here, by tag and number (TRN-13). */
export function missing(view: View): readonly MissingRange[] {
  return tagsInOrder(view).flatMap((chain) => {
    const { tag, entries, hearsay } = chain;
    const here = new Set(entries.map((entry) => entry.header.n));
    const named = entries.filter((entry) => entry.header.prev !== null).map((entry) => entry.header.n - 1);
    const absent = [...named, ...hearsay.map((one) => one.n)].filter((n) => !here.has(n));
    const alone = hearsay.map((one) => one.n).filter((n) => here.has(n));
    const known = [...here, ...absent];
    const ranges = [...new Set(absent)].map((n) => {
      const below = known.filter((other) => other < n);
      return { tag, first: Math.max(-1, ...below) + 1, last: n };
    });
    const single = [...new Set(alone)].map((n) => ({ tag, first: n, last: n }));
    return [...ranges, ...single].sort((a, b) => a.first - b.first);
  });
}
