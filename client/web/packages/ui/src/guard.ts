/**
 * What in a text is worth a second look before it is sent: numbers whose check digits hold.
 *
 * The rules are those of the guard of the Python client (docs/guard.md): where a number may begin, how its groups may
 * stand, what the word before it says. Nothing leaves the device, and nothing is decided.
 */

import type { Finding } from "./backend.ts";
import { ibanLength, isCard, isHealthInsurance, isIban, isPensionInsurance, isTaxId } from "./guard_checks.ts";
import { type Folded, fold, gap, isNamedCard, isRefused, type Token } from "./guard_text.ts";

const MAX_CHARS = 20_000;
const JOINT = /^[ \t\n./-]{0,3}$/u;
const BETWEEN_DIGITS = /^[ \u00b7./-]{1,2}$/u;
const CARD_GROUPS = /^(?:\d+|(?:4,)+[1-4]|4,6,5|4,6,4|8,8|6,10|6,13)$/u;
const TAX_GROUPS = /^(?:11|2,3,3,3|3,3,3,2|2,9|5,6|4,4,3|3,4,4|3,8)$/u;
const HEALTH_GROUPS = /^(?:9|3,3,3|8,1|4,5|5,4|2,3,4|3,6|6,3)$/u;
const OLD_CARD_DIGITS = 13;
const MOST_CARD_DIGITS = 19;
const PENSION_CHARS = 12;
const PREFIX = "iban";

/** The last token of a number, and where the number stands in the folded text. */
interface Match {
  readonly last: number;
  readonly start: number;
  readonly end: number;
}

interface Run {
  readonly last: number;
  readonly groups: string;
  readonly value: string;
}

type Find = (folded: Folded, first: number) => Match | null;

/** All that is found, by kind and place, from left to right; where two fit, the one that is checked best. */
export function inspect(text: string): readonly Finding[] {
  const folded = fold(text.slice(0, MAX_CHARS));
  const found: Finding[] = [];
  for (let at = 0; at < folded.tokens.length; at += 1) {
    for (const [kind, find] of FINDERS) {
      const hit = find(folded, at);
      if (hit === null) continue;
      found.push({ kind, start: folded.begins[hit.start] as number, end: folded.ends[hit.end - 1] as number });
      at = hit.last;
      break;
    }
  }
  return found;
}

function iban(folded: Folded, first: number): Match | null {
  const token = folded.tokens[first] as Token;
  const cut = token.text.startsWith(PREFIX) ? PREFIX.length : 0;
  const length = ibanLength(token.text.slice(cut, cut + 2));
  const taken = length === undefined ? null : take(folded, first, cut, length);
  if (taken === null || !isIban(taken.value)) return null;
  return { last: taken.last, start: token.start + cut, end: (folded.tokens[taken.last] as Token).end };
}

/** So many characters from a token on, which end with a token. */
function take(folded: Folded, first: number, cut: number, length: number): { value: string; last: number } | null {
  let value = "";
  for (let at = first; at < folded.tokens.length; at += 1) {
    if (at > first && !JOINT.test(gap(folded, at))) return null;
    const { text } = folded.tokens[at] as Token;
    value += at === first ? text.slice(cut) : text;
    if (value.length >= length) return value.length === length ? { value, last: at } : null;
  }
  return null;
}

function pensionInsurance(folded: Folded, first: number): Match | null {
  if (!isNumber(folded, first) || isGlued(folded, first)) return null;
  const taken = take(folded, first, 0, PENSION_CHARS);
  if (taken === null || !isPensionInsurance(taken.value) || isGlued(folded, taken.last + 1)) return null;
  return whole(folded, first, taken.last);
}

function card(folded: Folded, first: number): Match | null {
  for (const { last, groups, value } of runs(folded, first, MOST_CARD_DIGITS)) {
    if (!CARD_GROUPS.test(groups) || !isCard(value) || isGlued(folded, first) || isGlued(folded, last + 1)) continue;
    if (value.length === OLD_CARD_DIGITS && !isNamedCard(folded, first, last)) continue;
    return unlessRefused(folded, first, last);
  }
  return null;
}

function taxId(folded: Folded, first: number): Match | null {
  for (const { last, groups, value } of runs(folded, first, 11)) {
    if (!TAX_GROUPS.test(groups) || !isTaxId(value) || isGlued(folded, first) || isGlued(folded, last + 1)) continue;
    return unlessRefused(folded, first, last);
  }
  return null;
}

function healthInsurance(folded: Folded, first: number): Match | null {
  const { text } = folded.tokens[first] as Token;
  if (!/^[a-z]$/u.test(text) || isGlued(folded, first) || !/^[ -]?$/u.test(gap(folded, first + 1))) return null;
  for (const { last, groups, value } of runs(folded, first + 1, 9)) {
    if (!HEALTH_GROUPS.test(groups) || isGlued(folded, last + 1) || !isHealthInsurance(text + value)) continue;
    return unlessRefused(folded, first, last);
  }
  return null;
}

/** Runs of groups of digits that begin with a token, each with the sizes of its groups. */
function* runs(folded: Folded, first: number, most: number): Generator<Run> {
  let value = "";
  const sizes: number[] = [];
  for (let at = first; isNumber(folded, at); at += 1) {
    if (at > first && !BETWEEN_DIGITS.test(gap(folded, at))) return;
    const { text } = folded.tokens[at] as Token;
    value += text;
    sizes.push(text.length);
    if (value.length > most) return;
    yield { last: at, groups: sizes.join(), value };
  }
}

function isNumber({ tokens }: Folded, at: number): boolean {
  return /^\d/u.test(tokens[at]?.text ?? "");
}

/** Whether a token follows the one before without anything between, or as the part behind a comma. */
function isGlued(folded: Folded, at: number): boolean {
  if (at <= 0 || at >= folded.tokens.length) return false;
  const between = gap(folded, at);
  return between === "" || (/^[,:]$/u.test(between) && isNumber(folded, at - 1) && isNumber(folded, at));
}

function unlessRefused(folded: Folded, first: number, last: number): Match | null {
  return isRefused(folded, first) ? null : whole(folded, first, last);
}

function whole({ tokens }: Folded, first: number, last: number): Match {
  return { last, start: (tokens[first] as Token).start, end: (tokens[last] as Token).end };
}

const FINDERS: readonly (readonly [Finding["kind"], Find])[] = [
  ["iban", iban],
  ["pension-insurance", pensionInsurance],
  ["card", card],
  ["tax-id", taxId],
  ["health-insurance", healthInsurance],
];
