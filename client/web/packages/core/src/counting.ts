/** Counts the numbers of a peer in its pair (SES-30, SES-31, TRN-29). */

import { same } from "./bytes.ts";
import { DAY_MS } from "./constants.ts";
import type { Sync, TextNumber } from "./content.ts";
import type { Received } from "./numbers.ts";
import type { Finding, Judged } from "./numbers_judging.ts";
import { take, told } from "./numbers_judging.ts";
import type { Pair } from "./pair_state.ts";

export interface Numbered {
  readonly pair: Pair;
  readonly findings: readonly Finding[];
}

function withReceived(pair: Pair, { received, findings }: Judged): Numbered {
  const gapAsks = findings.includes("gap") ? 0 : pair.gapAsks;
  return { pair: { ...pair, received, gapAsks }, findings };
}

/** The number of a content whose id is new (SES-30). */
export function numbered(pair: Pair, number: TextNumber): Numbered {
  return withReceived(pair, take(pair.received, number));
}

/** Whether a number of the newest line, or of an older one, has come (TRN-29). */
export function hasNumber(received: Received, number: TextNumber): boolean {
  const { n, line, first } = number;
  const older = first < received.first && n < received.first;
  const isMissing = received.missing.some(([from, to]) => from <= n && n <= to);
  const here = received.forgotten < n && n <= received.highest && !isMissing;
  return here && (same(line, received.line) || older);
}

/** The newest number that a peer says it gave, and the highest of ours that it has (SES-30, SES-31). */
export function counted(pair: Pair, sync: Sync, nowMs: number): Numbered & { readonly rolledBack: boolean } {
  const recent = pair.rolledBackMs > 0 && nowMs < Math.min(pair.rolledBackMs, nowMs) + DAY_MS;
  const rolledBack = sync.got > pair.given && !recent;
  const after = rolledBack ? { ...pair, given: Math.max(pair.given + 1, nowMs), rolledBackMs: nowMs } : pair;
  const judged = sync.given === null ? { received: after.received, findings: [] } : told(after.received, sync.given);
  return { ...withReceived(after, judged), rolledBack };
}
