/** Pairs from what is stored of them (SES-14). */
import type { Bytes } from "./bytes.ts";
import { MAX_MISSING_RANGES, MAX_TIME_MS, MAX_U32 } from "./constants.ts";
import { asTop } from "./content_reading.ts";
import { notAccepted } from "./errors.ts";
import type { Range, Received } from "./numbers.ts";
import type { Budget, Candidate, OpenAsk, Pair, Standing, Wanted } from "./pair_state.ts";
import { restoring } from "./restore.ts";
import { FORMAT } from "./snapshot_pair.ts";
import type { Value } from "./wire/cbor.ts";
import { decode } from "./wire/cbor.ts";
import { asArray, asBoolean, asBytes, asUint } from "./wire/fields.ts";

const ITEMS = 13;
const MAX_STORED_B = 65_536;
const MAX_SESSIONS = 64;
const ID_B = 32;
const KEY_B = 32;
const ASK_ID_B = 8;
const LINE_B = 4;

/**
 * The pair of its stored bytes.
 *
 * @throws LocalError `local.snapshot`
 */
export function restorePair(data: Uint8Array): Pair {
  return restoring(() => readPair(asArray(decode(data, MAX_STORED_B), ITEMS, ITEMS)));
}

function readPair(items: readonly Value[]): Pair {
  if (items[0] !== FORMAT) throw notAccepted("a format that is not known");
  const at = (index: number): Value => items[index] as Value;
  return {
    sessions: asArray(at(1), MAX_SESSIONS).map(standingOf),
    known: asUint(at(2), MAX_U32),
    met: asBoolean(at(3)),
    wanted: orNull(at(4), wantedOf),
    candidate: orNull(at(5), candidateOf),
    ask: orNull(at(6), askOf),
    askedMs: asUint(at(7)),
    gapAsks: asUint(at(8)),
    rolledBackMs: asUint(at(9)),
    budget: budgetOf(at(10)),
    given: asUint(at(11)),
    received: receivedOf(at(12)),
  };
}

function orNull<T>(value: Value, read: (value: Value) => T): T | null {
  return value === null ? null : read(value);
}

function idOf(value: Value): Bytes {
  return asBytes(value, ID_B, ID_B);
}

function standingOf(value: Value): Standing {
  const [id, epoch, ours, createdMs, endsMs, proven, sinceMs, beside, top] = asArray(value, 9, 9) as Value[];
  return {
    id: idOf(id as Value),
    epoch: asUint(epoch as Value, MAX_U32),
    ours: asBoolean(ours as Value),
    createdMs: asUint(createdMs as Value),
    endsMs: asUint(endsMs as Value),
    proven: asBoolean(proven as Value),
    sinceMs: asUint(sinceMs as Value),
    beside: orNull(beside as Value, (key) => asBytes(key, KEY_B, KEY_B)),
    top: orNull(top as Value, asTop),
  };
}

function wantedOf(value: Value): Wanted {
  const [sinceMs, top, again] = asArray(value, 3, 3) as [Value, Value, Value];
  return { sinceMs: asUint(sinceMs), top: orNull(top, asTop), again: asBoolean(again) };
}

function candidateOf(value: Value): Candidate {
  const [id, sinceMs, askedMs, repeats] = asArray(value, 4, 4) as [Value, Value, Value, Value];
  return { id: idOf(id), sinceMs: asUint(sinceMs), askedMs: asUint(askedMs), repeats: asUint(repeats) };
}

function askOf(value: Value): OpenAsk {
  const [id, takenMs, patienceMs] = asArray(value, 3, 3) as [Value, Value, Value];
  return { id: asBytes(id, ASK_ID_B, ASK_ID_B), takenMs: asUint(takenMs), patienceMs: asUint(patienceMs) };
}

function budgetOf(value: Value): Budget {
  const [sinceMs, flights, tells, asks, starts, skips, lists] = asArray(value, 7, 7).map((one) => asUint(one)) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return { sinceMs, flights, tells, asks, starts, skips, lists };
}

function receivedOf(value: Value): Received {
  const [highest, line, first, lineHighest, missing, forgotten] = asArray(value, 6, 6) as Value[];
  return {
    highest: asUint(highest as Value),
    line: asBytes(line as Value, LINE_B, LINE_B),
    first: asUint(first as Value),
    lineHighest: asUint(lineHighest as Value),
    missing: asArray(missing as Value, MAX_MISSING_RANGES).map(rangeOf),
    forgotten: asUint(forgotten as Value),
  };
}

function rangeOf(value: Value): Range {
  const [first, last] = asArray(value, 2, 2) as [Value, Value];
  return [asUint(first, MAX_TIME_MS), asUint(last, MAX_TIME_MS)];
}
