/** The chains of a transcript: what is found, what is missing, what is to be linked (TRN-06, TRN-07, TRN-09, TRN-13, TRN-28). */

import type { Bytes } from "../bytes.ts";
import { compare, hex, same } from "../bytes.ts";
import { RemoteError } from "../errors.ts";
import type { Entry, Link } from "./entry.ts";
import { deviceTagOf } from "./entry.ts";

export type FindingName = "equivocation" | "differ" | "restarted" | "too_many";

export interface Finding {
  readonly name: FindingName;
  readonly tag: Bytes;
  readonly n: number;
  /** The device that showed it. */
  readonly by: Bytes;
}

/** A link about a device of which what it names is not here. */
interface Hearsay {
  readonly n: number;
  readonly hash: Bytes;
  readonly by: Bytes;
}

/** One device's chain. */
interface Chain {
  readonly tag: Bytes;
  /** The first entry under each number, by ascending number. */
  readonly entries: readonly Entry[];
  /** Others under the same numbers, kept as evidence. */
  readonly evidence: readonly Entry[];
  readonly hearsay: readonly Hearsay[];
}

/** The chains of all devices, by their tags. */
export type View = ReadonlyMap<string, Chain>;

export const NOTHING_SEEN: View = new Map();

export interface Taken {
  readonly view: View;
  readonly findings: readonly Finding[];
}

const MAX_PARTS = 256;
const MAX_HEARSAY_EACH = 8;
const MAX_HEARSAY = 120;

function chainOf(view: View, tag: Bytes): Chain {
  return view.get(hex(tag)) ?? { tag, entries: [], evidence: [], hearsay: [] };
}

function at(chain: Chain, n: number): Entry | null {
  return chain.entries.find((entry) => entry.header.n === n) ?? null;
}

/**
 * The view with an entry more, and what it shows (TRN-09).
 *
 * @throws RemoteError `room.too_many` for the 257th separate part of a chain (TRN-28)
 */
export function takeEntry(view: View, entry: Entry): Taken {
  const tag = deviceTagOf(entry.header.roomId, entry.author.deviceId);
  const chain = chainOf(view, tag);
  const known = [...chain.entries, ...chain.evidence];
  if (known.some((one) => same(one.hash, entry.hash))) return { view, findings: [] };
  const name = entry.author.signPublic === null ? "differ" : "equivocation";
  if (at(chain, entry.header.n) !== null) {
    const kept = { ...withoutHearsay(chain, entry), evidence: [...chain.evidence, entry] };
    return { view: withChain(view, kept), findings: [{ name, tag, n: entry.header.n, by: tag }] };
  }
  const findings = [...compared(chain, entry, name), ...hearsayAgainst(chain, entry), ...restart(entry, tag)];
  const entries = [...chain.entries, entry].sort((a, b) => a.header.n - b.header.n);
  const after = { ...withoutHearsay(chain, entry), entries };
  if (partsOf(after).length > MAX_PARTS) throw new RemoteError("room.too_many", "too many separate parts of a chain");
  return withLinks({ view: withChain(view, after), findings }, entry, tag);
}

function withChain(view: View, chain: Chain): View {
  return new Map([...view, [hex(chain.tag), chain]]);
}

function withoutHearsay(chain: Chain, entry: Entry): Chain {
  return { ...chain, hearsay: chain.hearsay.filter((one) => !same(one.hash, entry.hash)) };
}

/** An entry against the `prev` of the next one, and its own `prev` against the entry before. */
function compared(chain: Chain, entry: Entry, name: FindingName): readonly Finding[] {
  const { n, prev } = entry.header;
  const { tag } = chain;
  const next = at(chain, n + 1)?.header.prev ?? null;
  const before = at(chain, n - 1);
  const findings: Finding[] = [];
  if (next !== null && !same(next, entry.hash)) findings.push({ name, tag, n, by: tag });
  if (prev !== null && before !== null && !same(prev, before.hash)) findings.push({ name, tag, n: n - 1, by: tag });
  return findings;
}

/** An entry against the links about its number. */
function hearsayAgainst(chain: Chain, entry: Entry): readonly Finding[] {
  const { n } = entry.header;
  const differing = chain.hearsay.filter((one) => one.n === n && !same(one.hash, entry.hash));
  return [...differing]
    .sort((a, b) => compare(a.by, b.by))
    .map((one) => ({ name: "differ", tag: chain.tag, n, by: one.by }));
}

/** An entry with n > 0 and without `prev` is a restart: an event, no fork (TRN-07). */
function restart(entry: Entry, tag: Bytes): readonly Finding[] {
  const { n, prev } = entry.header;
  return n > 0 && prev === null ? [{ name: "restarted", tag, n, by: tag }] : [];
}

function withLinks(taken: Taken, entry: Entry, by: Bytes): Taken {
  return entry.header.seen.reduce((state, link) => {
    const { view, findings } = withLink(state.view, link, by);
    return { view, findings: [...state.findings, ...findings] };
  }, taken);
}

/** A link against the entry under its number, and against other links about it. */
function withLink(view: View, link: Link, by: Bytes): Taken {
  const chain = chainOf(view, link.tag);
  const { n } = link;
  const entry = at(chain, n);
  if ([...chain.entries, ...chain.evidence].some((one) => same(one.hash, link.hash))) {
    const differs = entry !== null && !same(entry.hash, link.hash);
    return { view, findings: differs ? [{ name: "differ", tag: link.tag, n, by }] : [] };
  }
  const others = chain.hearsay.some((one) => one.n === n && !same(one.hash, link.hash));
  const findings: Finding[] = entry !== null || others ? [{ name: "differ", tag: link.tag, n, by }] : [];
  if (chain.hearsay.some((one) => same(one.by, by) && same(one.hash, link.hash))) return { view, findings };
  if (hearsayOf(view, by) >= MAX_HEARSAY) {
    return { view, findings: [...findings, { name: "too_many", tag: link.tag, n, by }] };
  }
  const hearsay = limited([...chain.hearsay, { n, hash: link.hash, by }], by);
  return { view: withChain(view, { ...chain, hearsay }), findings };
}

function hearsayOf(view: View, by: Bytes): number {
  const all = [...view.values()].flatMap((chain) => chain.hearsay);
  return all.filter((one) => same(one.by, by)).length;
}

/** Of the links of one device about another the oldest seven and the newest are kept (TRN-28). */
function limited(hearsay: readonly Hearsay[], by: Bytes): readonly Hearsay[] {
  const theirs = hearsay.filter((one) => same(one.by, by));
  if (theirs.length <= MAX_HEARSAY_EACH) return hearsay;
  const dropped = theirs.at(-2);
  return hearsay.filter((one) => one !== dropped);
}

/** Runs of entries that follow each other: a part begins with an entry whose number before is not here, or a restart. */
function partsOf(chain: Chain): readonly (readonly Entry[])[] {
  const parts: Entry[][] = [];
  for (const entry of chain.entries) {
    const last = parts.at(-1);
    const follows = last?.at(-1)?.header.n === entry.header.n - 1 && entry.header.prev !== null;
    if (last !== undefined && follows) last.push(entry);
    else parts.push([entry]);
  }
  return parts;
}

export function tagsInOrder(view: View): readonly Chain[] {
  return [...view.values()].sort((a, b) => compare(a.tag, b.tag));
}

/** The links of the next entry: of each device the newest entry up to which all is here, for each part (TRN-06). */
export function linksOf(view: View, own: Bytes | null): readonly Link[] {
  return tagsInOrder(view)
    .filter((chain) => own === null || !same(chain.tag, own))
    .flatMap((chain) => {
      const whole = partsOf(chain).filter((part) => part[0]?.header.prev === null);
      return whole.map((part) => {
        const last = part.at(-1) as Entry;
        return { tag: chain.tag, n: last.header.n, hash: last.hash };
      });
    });
}
