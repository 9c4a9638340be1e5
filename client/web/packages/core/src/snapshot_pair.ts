/** Stored pairs (SES-14): sessions of a pair and the numbers of its texts, without the line of our own. */
import type { Bytes } from "./bytes.ts";
import type { Top } from "./content.ts";
import type { Received } from "./numbers.ts";
import type { Pair, Standing } from "./pair_state.ts";
import type { Value } from "./wire/cbor.ts";
import { encode } from "./wire/cbor.ts";

export const FORMAT = 2;

/** The bytes of a pair. */
export function storePair(pair: Pair): Bytes {
  const { wanted, candidate, ask, budget, received } = pair;
  return encode([
    FORMAT,
    pair.sessions.map(standingValue),
    pair.known,
    pair.met,
    wanted && [wanted.sinceMs, topValue(wanted.top), wanted.again],
    candidate && [candidate.id, candidate.sinceMs, candidate.askedMs, candidate.repeats],
    ask && [ask.id, ask.takenMs, ask.patienceMs],
    pair.askedMs,
    pair.gapAsks,
    pair.rolledBackMs,
    [budget.sinceMs, budget.flights, budget.tells, budget.asks, budget.starts, budget.skips, budget.lists],
    pair.given,
    receivedValue(received),
  ]);
}

function topValue(top: Top | null): Value {
  return top && [top.epoch, top.id];
}

function standingValue(one: Standing): Value {
  const { id, epoch, ours, createdMs, endsMs, proven, sinceMs, beside, top } = one;
  return [id, epoch, ours, createdMs, endsMs, proven, sinceMs, beside, topValue(top)];
}

function receivedValue(received: Received): Value {
  const { highest, line, first, lineHighest, missing, forgotten } = received;
  return [highest, line, first, lineHighest, missing, forgotten];
}
