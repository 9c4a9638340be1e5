/** Events of a pair, one after the other: what is wanted, what is a sign of life, what goes (chapter 08). */

import type { Bytes } from "./bytes.ts";
import { same } from "./bytes.ts";
import { DAY_MS, MAX_OTHER_SESSIONS, OTHER_TTL_MS } from "./constants.ts";
import type { Pair, Standing } from "./pair_state.ts";
import { activeOf } from "./pair_state.ts";

const UNPROVEN_TTL_MS = 44 * DAY_MS;
/** What an event did beside the new state. */
export interface Outcome {
  readonly pair: Pair;
  /** Sessions whose keys go. */
  readonly gone: readonly Standing[];
  readonly proven: boolean;
  readonly activated: boolean;
  readonly doubted: boolean;
}

/** The pair with its stored times that are ahead of the clock set to now (chapter 08). */
export function looked(pair: Pair, nowMs: number): Pair {
  const past = (ms: number): number => Math.min(ms, nowMs);
  return {
    ...pair,
    sessions: pair.sessions.map((one) => ({ ...one, createdMs: past(one.createdMs), sinceMs: past(one.sinceMs) })),
    wanted: pair.wanted && { ...pair.wanted, sinceMs: past(pair.wanted.sinceMs) },
    candidate: pair.candidate && {
      ...pair.candidate,
      sinceMs: past(pair.candidate.sinceMs),
      askedMs: past(pair.candidate.askedMs),
    },
    ask: pair.ask && { ...pair.ask, takenMs: past(pair.ask.takenMs) },
    askedMs: past(pair.askedMs),
    rolledBackMs: past(pair.rolledBackMs),
    budget: { ...pair.budget, sinceMs: past(pair.budget.sinceMs) },
  };
}

/** What follows of an event at a time: sessions that have passed their age go with it (SES-33). */
export function settled(pair: Pair, before: Pair, nowMs: number, more: Partial<Outcome> = {}): Outcome {
  return outcome(aged(pair, nowMs), before, more);
}

export function outcome(pair: Pair, before: Pair, more: Partial<Outcome> = {}): Outcome {
  const gone = before.sessions.filter((one) => !pair.sessions.some((kept) => same(kept.id, one.id)));
  return { pair, gone, proven: false, activated: false, doubted: false, ...more };
}

/** At most four sessions beside the active one and the candidate: those made last (SES-33). */
function limited(pair: Pair): Pair {
  const active = activeOf(pair.sessions);
  const others = pair.sessions.filter((one) => one !== active && !isCandidate(pair, one));
  const most = MAX_OTHER_SESSIONS - (pair.candidate ? 1 : 0);
  const dropped = others.slice(0, Math.max(0, others.length - most));
  return { ...pair, sessions: pair.sessions.filter((one) => !dropped.includes(one)) };
}

export function isCandidate(pair: Pair, one: Standing): boolean {
  return pair.candidate !== null && same(pair.candidate.id, one.id);
}

export interface Made {
  readonly id: Bytes;
  readonly epoch: number;
  readonly endsMs: number;
}

/** A session of ours is started: the candidate; texts go on no earlier one of ours (SES-22, SES-26). */
export function start(given: Pair, made: Made, beside: Bytes | null, nowMs: number): Outcome {
  const before = looked(given, nowMs);
  const top = before.wanted?.top ?? null;
  const standing = { ...made, ours: true, createdMs: nowMs, proven: false, sinceMs: 0, beside, top };
  const earlier = before.sessions.map((one) => (one.ours && !one.proven ? { ...one, endsMs: 0 } : one));
  const sinceMs = before.wanted?.sinceMs ?? nowMs;
  const pair = {
    ...before,
    sessions: [...earlier, standing],
    known: Math.max(before.known, made.epoch),
    wanted: null,
    candidate: { id: made.id, sinceMs, askedMs: nowMs, repeats: 0 },
  };
  return settled(pair, before, nowMs);
}

/** The relay took an ask; of several the first that is open counts (SES-25, SES-26). */
export function asked(given: Pair, id: Bytes, patienceMs: number, nowMs: number): Outcome {
  const before = looked(given, nowMs);
  const open = before.ask ?? { id, takenMs: 0, patienceMs };
  const ask = open.takenMs === 0 && same(open.id, id) ? { ...open, takenMs: nowMs } : open;
  return outcome({ ...before, ask, askedMs: nowMs }, before);
}

export function aged(pair: Pair, nowMs: number): Pair {
  const active = activeOf(pair.sessions);
  const sessions = pair.sessions.filter((one) => {
    const endMs = one.proven ? one.sinceMs + OTHER_TTL_MS : one.createdMs + UNPROVEN_TTL_MS;
    return one === active || isCandidate(pair, one) || nowMs < endMs;
  });
  return limited({ ...pair, sessions });
}
