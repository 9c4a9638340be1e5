/** Which asks are due (SES-25, SES-26). */

import { candidateOf, GAP_ASKS_MS, mayAsk, repeatMs } from "./budget.ts";
import type { Pair } from "./pair_state.ts";

/** Whether missing texts are to be asked for (SES-25). */
export function isGapAskDue(pair: Pair, nowMs: number): boolean {
  const wait = GAP_ASKS_MS[pair.gapAsks];
  if (pair.received.missing.length === 0 || wait === undefined) return false;
  return nowMs >= Math.min(pair.askedMs, nowMs) + wait && mayAsk(pair, nowMs);
}

/** Whether the ask of the candidate is to be repeated (SES-26). */
export function isRepeatDue(pair: Pair, nowMs: number): boolean {
  const session = candidateOf(pair);
  if (pair.candidate === null || session === null || session.proven || nowMs > session.endsMs) return false;
  return nowMs >= Math.min(pair.candidate.askedMs, nowMs) + repeatMs(pair.candidate.repeats);
}
