/** The order of a transcript, the same for all who have the same entries (TRN-16). */

import type { Bytes } from "../bytes.ts";
import { compare, hex } from "../bytes.ts";
import { DAY_MS } from "../constants.ts";
import type { Header } from "./entry.ts";

const FARTHEST_MS = 30 * DAY_MS;

export interface Placed {
  readonly hash: Bytes;
  readonly header: Header;
}

/** k of each entry, by the hexadecimal of its hash; `root` is the hash of `open`, in a notes room of the first state. */
export function places(entries: readonly Placed[], root: Bytes | null): ReadonlyMap<string, number> {
  const byHash = new Map(entries.map((entry) => [hex(entry.hash), entry]));
  const found = new Map<string, number>();
  const rootKey = root === null ? "" : hex(root);
  const rootMs = byHash.get(rootKey)?.header.sentMs ?? 0;
  for (const entry of entries) place(entry);
  return found;

  /** Gives k to an entry after all that it names; a stack instead of recursion, since a chain may be long. */
  function place(entry: Placed): void {
    const stack = [entry];
    for (let at = stack.at(-1); at !== undefined; at = stack.at(-1)) {
      const key = hex(at.hash);
      const named = namedBy(at.header).filter((name) => byHash.has(name));
      const due = named.filter((name) => !found.has(name));
      if (!found.has(key) && due.length > 0) {
        stack.push(...due.map((name) => byHash.get(name) as Placed));
        continue;
      }
      if (!found.has(key)) found.set(key, key === rootKey ? rootMs : kOf(at.header, named));
      stack.pop();
    }
  }

  function kOf(header: Header, named: readonly string[]): number {
    const before = named.length === 0 ? rootMs : Math.max(...named.map((name) => found.get(name) as number));
    const { sentMs } = header;
    return before < sentMs && sentMs <= before + FARTHEST_MS ? sentMs : before + 1;
  }
}

function namedBy(header: Header): readonly string[] {
  const links = header.seen.map((link) => hex(link.hash));
  return header.prev === null ? links : [hex(header.prev), ...links];
}

/** The entries by (k, hash). */
export function inOrder<E extends Placed>(
  entries: readonly E[],
  root: Bytes | null,
  found = places(entries, root),
): readonly E[] {
  const placed = entries.map((entry) => ({ entry, k: found.get(hex(entry.hash)) as number }));
  return placed.sort((a, b) => a.k - b.k || compare(a.entry.hash, b.entry.hash)).map(({ entry }) => entry);
}
