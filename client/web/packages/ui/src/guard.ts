/**
 * What in a text is worth a second look before it is sent: numbers whose check digits hold.
 *
 * The rules are those of the guard of the Python client: ISO 13616-1 (MOD 97-10), Luhn, section 139b of the
 * Abgabenordnung (MOD 11,10), section 290 SGB V. Nothing leaves the device, and nothing is decided.
 */

import type { Finding } from "./backend.ts";

const MAX_CHARS = 20_000;
const SHAPES: readonly (readonly [Finding["kind"], RegExp, (found: string) => boolean])[] = [
  ["iban", /(?<![\p{L}\p{N}])[A-Z]{2}\d{2}(?:[ -]?[A-Z\d]){11,30}(?![\p{L}\p{N}])/giu, isIban],
  ["card", /(?<![\p{L}\p{N}])(?<!\p{N}[ -])[2-6](?:[ -]?\d){12,18}(?![\p{L}\p{N}])/gu, isCard],
  ["tax-id", /(?<![\p{L}\p{N}])[1-9](?:[ /]?\d){10}(?![\p{L}\p{N}])/gu, isTaxId],
  ["health-insurance", /(?<![\p{L}\p{N}])[A-Z][ ]?(?:\d[ ]?){8}\d(?![\p{L}\p{N}])/giu, isHealthInsurance],
];

/** All that is found, by kind and place, in the order of the text. */
export function inspect(text: string): readonly Finding[] {
  const searched = text.slice(0, MAX_CHARS);
  const found: Finding[] = [];
  for (const [kind, shape, holds] of SHAPES)
    for (const match of searched.matchAll(shape))
      if (holds(match[0].replace(/[ \-/]/gu, "").toUpperCase()))
        found.push({ kind, start: match.index, end: match.index + match[0].length });
  return found.sort((one, other) => one.start - other.start);
}

/** The letters as numbers from 10 on, the first four at the end; the remainder by 97 is 1. */
function isIban(text: string): boolean {
  if (text.length < 15 || text.length > 34) return false;
  const turned = text.slice(4) + text.slice(0, 4);
  let rest = 0;
  for (const letter of turned) rest = Number(`${rest}${Number.parseInt(letter, 36)}`) % 97;
  return rest === 1;
}

function isCard(text: string): boolean {
  if (text.length < 13 || text.length > 19 || /^(\d)\1+$/u.test(text)) return false;
  const digits = [...text].reverse().map(Number);
  const sum = digits.reduce(
    (total, digit, at) => total + (at % 2 === 0 ? digit : digit > 4 ? digit * 2 - 9 : digit * 2),
    0,
  );
  return sum % 10 === 0;
}

/** Of the first ten digits exactly one stands twice or three times; the last one is of MOD 11,10. */
function isTaxId(text: string): boolean {
  const counts = new Map<string, number>();
  for (const digit of text.slice(0, 10)) counts.set(digit, (counts.get(digit) ?? 0) + 1);
  const repeated = [...counts.values()].filter((count) => count > 1);
  if (repeated.length !== 1 || (repeated[0] ?? 0) > 3) return false;
  let product = 10;
  for (const digit of text.slice(0, 10)) {
    const sum = (Number(digit) + product) % 10 || 10;
    product = (sum * 2) % 11;
  }
  return (11 - product) % 10 === Number(text[10]);
}

/** The letter as two digits, weights 1 and 2 in turn, digit sums; the last one is the check digit. */
function isHealthInsurance(text: string): boolean {
  const letter = String(text.charCodeAt(0) - 64).padStart(2, "0");
  const digits = [...letter, ...text.slice(1, 9)].map(Number);
  const sum = digits.reduce((total, digit, at) => {
    const weighed = digit * (at % 2 === 0 ? 1 : 2);
    return total + (weighed > 9 ? weighed - 9 : weighed);
  }, 0);
  return sum % 10 === Number(text[9]);
}
