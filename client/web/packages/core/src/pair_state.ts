/** A pair of devices: its sessions, which of them is active, and which one texts go on (SES-22, SES-36). */

import type { Bytes } from "./bytes.ts";
import { compare, same } from "./bytes.ts";
import type { Top } from "./content.ts";
import { LocalError } from "./errors.ts";
import type { Received } from "./numbers.ts";
import { NOTHING_RECEIVED } from "./numbers.ts";

/** A session as its pair sees it. */
export interface Standing {
  readonly id: Bytes;
  readonly epoch: number;
  readonly ours: boolean;
  readonly createdMs: number;
  /** Until when texts go on it while it is unproven. */
  readonly endsMs: number;
  readonly proven: boolean;
  /** When another one replaced it; 0 as long as none has. */
  readonly sinceMs: number;
  /** Our ratchet key on the active session when this one was started. */
  readonly beside: Bytes | null;
  /** The top that this one was started for (SES-28). */
  readonly top: Top | null;
}

export interface Wanted {
  readonly sinceMs: number;
  readonly top: Top | null;
  /** Without one-time keys: a candidate before it went unanswered for a day. */
  readonly again: boolean;
}

export interface Candidate {
  readonly id: Bytes;
  readonly sinceMs: number;
  readonly askedMs: number;
  readonly repeats: number;
}

export interface OpenAsk {
  readonly id: Bytes;
  readonly takenMs: number;
  readonly patienceMs: number;
}

export interface Budget {
  readonly sinceMs: number;
  readonly flights: number;
  readonly tells: number;
  readonly asks: number;
  readonly starts: number;
  readonly skips: number;
  readonly lists: number;
}

export interface Pair {
  /** In the order of their making. */
  readonly sessions: readonly Standing[];
  readonly known: number;
  readonly met: boolean;
  readonly wanted: Wanted | null;
  readonly candidate: Candidate | null;
  readonly ask: OpenAsk | null;
  readonly askedMs: number;
  readonly gapAsks: number;
  readonly rolledBackMs: number;
  readonly budget: Budget;
  readonly given: number;
  readonly received: Received;
}

const GAP_ASKS = 3;
const NO_BUDGET: Budget = { sinceMs: 0, flights: 0, tells: 0, asks: 0, starts: 0, skips: 0, lists: 0 };

export const NEW_PAIR: Pair = {
  sessions: [],
  known: 0,
  met: false,
  wanted: null,
  candidate: null,
  ask: null,
  askedMs: 0,
  gapAsks: GAP_ASKS,
  rolledBackMs: 0,
  budget: NO_BUDGET,
  given: 0,
  received: NOTHING_RECEIVED,
};

/** Higher epoch, of equal ones the smaller id (SES-22). */
export function outranks(a: Top, b: Top): boolean {
  if (a.epoch !== b.epoch) return a.epoch > b.epoch;
  const shorter = Math.min(a.id.length, b.id.length);
  return compare(a.id.subarray(0, shorter), b.id.subarray(0, shorter)) < 0;
}

function best(sessions: readonly Standing[]): Standing | null {
  return sessions.reduce<Standing | null>((found, one) => (found === null || outranks(one, found) ? one : found), null);
}

/** The proven session with the highest epoch, of equal ones the one with the smaller id (SES-22). */
export function activeOf(sessions: readonly Standing[]): Standing | null {
  return best(sessions.filter((one) => one.proven));
}

/** The session that texts go on, or null while they wait (SES-22). */
export function sendingOf(pair: Pair, nowMs: number): Standing | null {
  const active = activeOf(pair.sessions);
  if (active !== null || pair.met) return active;
  return best(pair.sessions.filter((one) => nowMs <= one.endsMs));
}

export type Sealing = "text" | "ask" | "tell";

/**
 * What may be sealed on a session: texts on the one that they go on, asks on the active one and the candidate too,
 * tells on each (SES-02, SES-22, SES-24).
 *
 * @throws LocalError `local.session_inactive`
 */
export function checkSending(pair: Pair, id: Uint8Array, sealing: Sealing, nowMs: number): void {
  const sends = sendingOf(pair, nowMs);
  const isCandidate = pair.candidate !== null && same(pair.candidate.id, id);
  const allowed = sealing === "tell" || (sends !== null && same(sends.id, id)) || (sealing === "ask" && isCandidate);
  if (!allowed || !pair.sessions.some((one) => same(one.id, id))) {
    throw new LocalError("local.session_inactive", "a session that receives only");
  }
}

export type Standpoint = "started" | "heard" | "active" | "other";

export function standpoint(pair: Pair, one: Standing): Standpoint {
  if (!one.proven) return one.ours ? "started" : "heard";
  return activeOf(pair.sessions) === one ? "active" : "other";
}
