/** What a pair may use in 24 hours, and when it asks (SES-25, SES-26, SES-29 to SES-31, SES-35). */

import type { Bytes } from "./bytes.ts";
import { same } from "./bytes.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "./constants.ts";
import type { TextNumber, Top } from "./content.ts";
import { LocalError } from "./errors.ts";
import type { Budget, Pair, Standing } from "./pair_state.ts";
import { activeOf } from "./pair_state.ts";

/** The table of chapter 08, section "Budgets". */
const LIMITS = { flights: 8, tells: 48, asks: 12, starts: 3, skips: 2_000, lists: 1 } as const;
const ASK_APART_MS = 10 * MINUTE_MS;
/** When a gap is asked for after the ask before (SES-25). */
export const GAP_ASKS_MS = [0, HOUR_MS, DAY_MS] as const;
/** When the ask of a candidate is repeated (SES-26). */
const REPEATS_MS = [10 * MINUTE_MS, HOUR_MS, 6 * HOUR_MS, DAY_MS] as const;
export const SHORT_PATIENCE_MS = 10 * MINUTE_MS;
export const LONG_PATIENCE_MS = DAY_MS;

export type Use = keyof typeof LIMITS;

/** What counts now: a window begins with its first use; a time ahead of now counts as now (SES-35). */
function windowAt(budget: Budget, nowMs: number): Budget {
  if (nowMs < budget.sinceMs + DAY_MS) return { ...budget, sinceMs: Math.min(budget.sinceMs, nowMs) };
  return { sinceMs: nowMs, flights: 0, tells: 0, asks: 0, starts: 0, skips: 0, lists: 0 };
}

/** How much of a budget is left (SES-35). */
export function left(pair: Pair, use: Use, nowMs: number): number {
  return Math.max(LIMITS[use] - windowAt(pair.budget, nowMs)[use], 0);
}

/** Count what is used of a budget (SES-35). */
export function use(pair: Pair, what: Use, nowMs: number, count = 1): Pair {
  const budget = windowAt(pair.budget, nowMs);
  return { ...pair, budget: { ...budget, [what]: budget[what] + count } };
}

/** Whether a doubt leads to an ask now: on the active session, one at a time (SES-25, SES-35). */
export function mayAsk(pair: Pair, nowMs: number): boolean {
  const apart = pair.askedMs === 0 || nowMs >= Math.min(pair.askedMs, nowMs) + ASK_APART_MS;
  const { ask, candidate, wanted } = pair;
  const free = !ask && !candidate && !wanted && activeOf(pair.sessions) !== null;
  return free && apart && left(pair, "asks", nowMs) > 0;
}

/** An ask goes out on the active session; it is open from now on, and silent once the relay has taken it. */
export function askSent(pair: Pair, id: Bytes, patienceMs: number, nowMs: number, forGap = false): Pair {
  const counted = use(pair, "asks", nowMs);
  const ask = pair.ask ?? { id, takenMs: 0, patienceMs };
  return { ...counted, ask, askedMs: nowMs, gapAsks: pair.gapAsks + (forGap ? 1 : 0) };
}

/** The relay will not take an ask: the next doubt may ask again (SES-25). */
export function askRefused(pair: Pair, id: Bytes): Pair {
  return pair.ask !== null && same(pair.ask.id, id) ? { ...pair, ask: null } : pair;
}

export function candidateOf(pair: Pair): Standing | null {
  const { candidate } = pair;
  return pair.sessions.find((one) => candidate !== null && same(one.id, candidate.id)) ?? null;
}

export function repeatMs(repeats: number): number {
  return REPEATS_MS[Math.min(repeats, REPEATS_MS.length - 1)] as number;
}

/** When time may have something to do in a pair; null for one at rest. */
export function dueMs(pair: Pair): number | null {
  const times: number[] = [];
  const { ask, candidate } = pair;
  if (ask !== null && ask.takenMs > 0) times.push(ask.takenMs + ask.patienceMs);
  const session = candidateOf(pair);
  if (candidate !== null && session !== null) {
    const repeat = candidate.askedMs + repeatMs(candidate.repeats);
    const end = Math.max(pair.met ? session.createdMs + DAY_MS : 0, session.endsMs + 1);
    times.push(repeat <= session.endsMs ? repeat : end);
  }
  const wait = GAP_ASKS_MS[pair.gapAsks];
  if (pair.received.missing.length > 0 && wait !== undefined) times.push(pair.askedMs + Math.max(wait, ASK_APART_MS));
  return times.length === 0 ? null : Math.min(...times);
}

/** A session can send no more: an unproven one carries no text any longer (SES-09). */
export function ended(pair: Pair, id: Bytes): Pair {
  return { ...pair, sessions: pair.sessions.map((one) => (same(one.id, id) ? { ...one, endsMs: 0 } : one)) };
}

/** What a sync says of the active session (SES-28). */
export function topOf(pair: Pair): Top | null {
  const active = activeOf(pair.sessions);
  return active && { epoch: active.epoch, id: active.id.slice(0, 8) };
}

/**
 * The next number of ours; `first` is the first one of the line of this opening, null before it (SES-29).
 *
 * @throws LocalError `local.counter_exhausted`
 */
export function give(pair: Pair, line: Bytes, first: number | null): readonly [Pair, TextNumber] {
  const n = pair.given + 1;
  if (n > Number.MAX_SAFE_INTEGER) throw new LocalError("local.counter_exhausted", "no number is left");
  return [
    { ...pair, given: n },
    { n, line, first: first ?? n },
  ];
}
