/** Judges the numbers of texts that a peer gives (SES-29 to SES-31). */

import { same } from "./bytes.ts";
import { MAX_MISSING_RANGES, MAX_NUMBER_JUMP } from "./constants.ts";
import type { TextNumber } from "./content.ts";
import type { Range, Received } from "./numbers.ts";

export type Finding = "gap" | "gap_filled" | "parted";

export interface Judged {
  readonly received: Received;
  readonly findings: readonly Finding[];
}

/** The number of a content that is new under its id (SES-30). */
export function take(received: Received, number: TextNumber): Judged {
  const { n } = number;
  const onLine = withLine(received, number);
  if (n > received.highest) return join(onLine, upTo(onLine.received, n, n - 1));
  const inRange = received.missing.find(([first, last]) => first <= n && n <= last);
  if (inRange === undefined) return join(onLine, known(onLine.received, n));
  const missing = received.missing.flatMap((range) => (range === inRange ? without(range, n) : [range]));
  const findings: Finding[] = missing.length === 0 ? ["gap_filled"] : [];
  return join(onLine, { received: { ...onLine.received, missing }, findings });
}

/** The newest number that a sync says was given (SES-31). */
export function told(received: Received, number: TextNumber): Judged {
  const onLine = withLine(received, number);
  return number.n > received.highest ? join(onLine, upTo(onLine.received, number.n, number.n)) : onLine;
}

function join(first: Judged, second: Judged): Judged {
  return { received: second.received, findings: [...first.findings, ...second.findings] };
}

function known(received: Received, n: number): Judged {
  return { received, findings: n > received.forgotten ? ["parted"] : [] };
}

function without([first, last]: Range, n: number): Range[] {
  const parts: Range[] = [
    [first, n - 1],
    [n + 1, last],
  ];
  return parts.filter(([a, b]) => a <= b);
}

/** A number above the highest: what lies between is missing up to `last`; beyond a jump of 10 000 nothing is judged. */
function upTo(received: Received, n: number, last: number): Judged {
  const first = received.highest + 1;
  const after = { ...received, highest: n };
  if (last - first + 1 > MAX_NUMBER_JUMP) {
    return { received: { ...after, forgotten: last }, findings: ["parted"] };
  }
  if (last < first) return { received: after, findings: [] };
  const missing: Range[] = [...received.missing, [first, last]];
  const oldest = missing.length > MAX_MISSING_RANGES ? missing.shift() : undefined;
  const forgotten = oldest === undefined ? received.forgotten : Math.max(received.forgotten, oldest[1]);
  return { received: { ...after, missing, forgotten }, findings: ["gap"] };
}

/** A line that begins at or below a number of another line shows that the peer's store was set back or runs twice. */
function withLine(received: Received, number: TextNumber): Judged {
  const { n, line, first } = number;
  if (n < first) return { received, findings: [] };
  if (same(line, received.line) && received.first !== 0) {
    return { received: { ...received, lineHighest: Math.max(received.lineHighest, n) }, findings: [] };
  }
  if (first < received.first) {
    return { received, findings: n >= received.first ? ["parted"] : [] };
  }
  const findings: Finding[] = first <= received.lineHighest ? ["parted"] : [];
  return { received: { ...received, line, first, lineHighest: n }, findings };
}
