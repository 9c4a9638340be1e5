/** Check digits, each by its rule; the value comes without separators, letters in lower case. */

/** Lengths of the IBAN registry, by country. */
const REGISTRY =
  "ad24ae23al28at20az28ba20be16bg22bh22bi27br29by28ch21cr22cy28cz24de22dj27dk18do28ee20eg29es24fi18fk18fo18fr27gb22" +
  "ge22gi23gl18gr27gt28hn28hr21hu28ie22il23iq23is26it27jo30kw30kz20lb28lc32li21lt20lu20lv21ly25mc27md24me22mk19mn20" +
  "mr27mt31mu30ni28nl18no15om23pk24pl28ps29pt25qa29ro24rs22ru33sa24sc31sd18se24si19sk24sm27so23st25sv28tl23tn24tr26" +
  "ua29va22vg24xk20ye30";
const IBAN_LENGTHS = new Map(REGISTRY.match(/.{4}/gu)?.map((one) => [one.slice(0, 2), Number(one.slice(2))]));
/** Fewer are in no format of a country; without it, words behind a number make one in a hundred. */
const LEAST_IBAN_DIGITS = 10;
const FROM_16 = [16, 17, 18, 19];
/** First digits from, to, and the lengths in which they are issued. */
const CARD_RANGES: readonly (readonly [from: string, to: string, lengths: readonly number[]])[] = [
  ["34", "34", [15]],
  ["37", "37", [15]],
  ["300", "305", [14]],
  ["3095", "3095", [14]],
  ["36", "36", [14]],
  ["38", "39", [14]],
  ["3528", "3589", FROM_16],
  ["4", "4", [13, 16, 19]],
  ["5018", "5020", FROM_16],
  ["5038", "5038", FROM_16],
  ["5893", "5893", FROM_16],
  ["51", "55", [16]],
  ["2221", "2720", [16]],
  ["6011", "6011", [16, 19]],
  ["644", "649", [16, 19]],
  ["65", "65", [16, 19]],
  ["62", "62", FROM_16],
  ["6304", "6304", FROM_16],
  ["6759", "6759", FROM_16],
  ["6761", "6763", FROM_16],
  ["9792", "9792", [16]],
];
/** The day may be 50 higher, where numbers of a day had run out. */
const PENSION = /^\d\d(?:0[1-9]|[126]\d|5[1-9]|7\d|3[01]|8[01])(?:0[1-9]|1[0-2])\d\d[a-z]\d{3}$/u;

/** How long an IBAN of the country of these letters is. */
export function ibanLength(country: string): number | undefined {
  return IBAN_LENGTHS.get(country);
}

/** The letters as numbers from 10 on, the first four at the end; the remainder by 97 is 1 (ISO 13616-1). */
export function isIban(value: string): boolean {
  if (!/^[a-z]{2}\d{2}[a-z\d]{11,30}$/u.test(value)) return false;
  if (value.replace(/\D/gu, "").length < LEAST_IBAN_DIGITS) return false;
  let rest = 0;
  for (const char of value.slice(4) + value.slice(0, 4)) rest = Number(`${rest}${Number.parseInt(char, 36)}`) % 97;
  return rest === 1;
}

/** An issuer has numbers of this kind, and the check digit is right (ISO/IEC 7812-1). */
export function isCard(value: string): boolean {
  const isIssued = CARD_RANGES.some(([from, to, lengths]) => {
    const first = value.slice(0, from.length);
    return from <= first && first <= to && lengths.includes(value.length);
  });
  return isIssued && weighed([...value].reverse().join("")) === 0;
}

/** Of the first ten digits exactly one stands twice or three times; the last one is of MOD 11,10 (section 139b AO). */
export function isTaxId(value: string): boolean {
  const digits = value.slice(0, 10);
  const different = new Set(digits).size;
  if (!/^[1-9]\d{10}$/u.test(value) || /(.)\1\1/u.test(digits)) return false;
  if (different !== 9 && !(different === 8 && /(.).*\1.*\1/u.test(digits))) return false;
  let product = 10;
  for (const digit of digits) product = (((Number(digit) + product) % 10 || 10) * 2) % 11;
  return (11 - product) % 10 === Number(value[10]);
}

/** A letter, eight digits and a check digit (section 290 SGB V). */
export function isHealthInsurance(value: string): boolean {
  return /^[a-z]\d{9}$/u.test(value) && weighed(letter(value) + value.slice(1, 9)) === Number(value[9]);
}

/** Area, date of birth, letter, series and a check digit (section 2 VKVV). */
export function isPensionInsurance(value: string): boolean {
  if (!PENSION.test(value)) return false;
  const digits = value.slice(0, 8) + letter(value.slice(8)) + value.slice(9, 11);
  return sumOf(digits, [2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1]) === Number(value[11]);
}

function letter(value: string): string {
  return String(value.charCodeAt(0) - 96).padStart(2, "0");
}

/** Weights 1 and 2 in turn. */
function weighed(digits: string): number {
  return sumOf(
    digits,
    [...digits].map((_, at) => 1 + (at % 2)),
  );
}

/** The last digit of the sum of the digits of the products. */
function sumOf(digits: string, weights: readonly number[]): number {
  const products = weights.map((by, at) => by * Number(digits[at]));
  return products.reduce((sum, one) => sum + Math.floor(one / 10) + (one % 10), 0) % 10;
}
