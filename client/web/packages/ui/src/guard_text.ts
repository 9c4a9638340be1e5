/** Text made even, its tokens, and the words beside a number: whether they say that it counts orders or things. */

/** A run of letters or of digits in the folded text. */
export interface Token {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** A folded text, its tokens, and for each of its characters where the one that it was begins and ends. */
export interface Folded {
  readonly text: string;
  readonly begins: readonly number[];
  readonly ends: readonly number[];
  readonly tokens: readonly Token[];
}

const TOKEN = /[0-9]+|[\p{L}\p{Nl}\p{No}]+/gu;
const BREAK = /[\n;!?]|\. /u;
const LOOK_BACK = 8;
const LOOK_AHEAD = 5;
const words = (text: string) => new Set(text.split(" "));
const SHORTENED = /(?:nr|no|num|ref)$/u;
const FILLERS = words(
  "nummer nr no num number id code ist is was war lautet lautete heisst mein meine meiner meinem my the die der das" +
    " den dem our unsere ihre your von of mit and und jetzt new neue neuer",
);
/** Beginnings of words that count orders, parcels or things. */
const REFUSING = new RegExp(
  "^(?:bestell|auftrag|sendung|paket|rechnung|kunden|artikel|serien|vorgang|ticket|gutschein|vertrag|angebot" +
    "|aktenzeichen|inventar|mitglied|imei|ean|isbn|issn|gtin|order|tracking|invoice|reference|referenz|parcel|serial" +
    "|booking|buchung|membership|customer|item|article|dhl|ups|hermes|gls|dpd|fedex|chargen|losnummer|zahler" +
    "|fahrgestell|gerate|ersatzteil|teilenummer|lieferschein|shipment|consignment|waybill|barcode|voucher|coupon" +
    "|lizenz|license|licence|modell|model|reklamation|retoure)",
  "u",
);
const REFUSING_WORDS = words("part case po ref az kd los fin vin sku upc");
const CARDS =
  /^(?:karte|kredit|card|credit|visa|master|amex|american|maestro|diners|jcb|discover|union|debit|kk|cvc|cvv)/u;
const CARD_ENDS = /(?:karte|konto|card|kasse|versicherung|versicherungsnummer)$/u;
/** Of a longer word, what says that the number is one of ours. */
const OURS = new RegExp(
  "iban|konto|bank|account|uberweis|transfer|lastschrift|debit|karte|kredit|card|credit|visa|master|amex|american" +
    "|maestro|diners|discover|union|steuer|idnr|identifikation|finanzamt|lohn|payroll|bundeszentralamt|kvnr|versicher" +
    "|versichert|kranken|gesundheit|barmer|insur|health|kasse|rente|sozial|rvnr|svnr|vsnr|pension|social|ident|person" +
    "|insured|member|telefon|phone",
  "u",
);
const PLAIN = words("long full whole right correct wrong real same main other above below actual this that");
const LEAST_COMPOUND = 6;

/** A text without case, accents, invisible characters and forms of the same digit or space. */
export function fold(text: string): Folded {
  const begins: number[] = [];
  const ends: number[] = [];
  let [folded, place] = ["", 0];
  for (const char of text) {
    const end = place + char.length;
    const chars = foldChar(char);
    folded += chars;
    begins.push(...Array<number>(chars.length).fill(place));
    ends.push(...Array<number>(chars.length).fill(end));
    place = end;
  }
  const tokens = [...folded.matchAll(TOKEN)].map(({ 0: found, index }) => {
    return { start: index, end: index + found.length, text: found };
  });
  return { text: folded, begins, ends, tokens };
}

function foldChar(char: string): string {
  if (char < "\u0080") return char.toLowerCase();
  return char
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[\p{Mn}\p{Me}\p{Cf}]/gu, "")
    .replace(/ß/gu, "ss")
    .replace(/\p{Nd}/gu, digitOf)
    .replace(/\p{Zs}/gu, " ")
    .replace(/\p{Pd}/gu, "-");
}

/** The digits of a script stand in a row, from 0 on. */
function digitOf(char: string): string {
  const place = char.codePointAt(0) ?? 0;
  let value = 0;
  while (value < 9 && /\p{Nd}/u.test(String.fromCodePoint(place - value - 1))) value += 1;
  return /[0-9]/u.test(char) ? char : String(value);
}

/** What stands between a token and the one before it; for the first all before it. */
export function gap({ text, tokens }: Folded, at: number): string {
  return text.slice(tokens[at - 1]?.end ?? 0, tokens[at]?.start);
}

/** Whether the word before a number, fillers passed over, says that it counts orders or things. */
export function isRefused(folded: Folded, first: number): boolean {
  for (let at = first - 1; at >= Math.max(0, first - LOOK_BACK); at -= 1) {
    const word = folded.tokens[at]?.text ?? "";
    if (BREAK.test(gap(folded, at + 1)) && !SHORTENED.test(word)) return false;
    if (!FILLERS.has(word)) return REFUSING_WORDS.has(word) || REFUSING.test(word) || isOfSomething(folded, at);
  }
  return false;
}

/** Whether a word says of what a number is, as in "Teilenummer" and "repair number", none of ours. */
function isOfSomething({ tokens }: Folded, at: number): boolean {
  const word = tokens[at]?.text ?? "";
  if (/(?:nummer|nr)$/u.test(word)) return word.length > LEAST_COMPOUND && !OURS.test(word);
  return tokens[at + 1]?.text === "number" && word.length > 3 && !PLAIN.has(word) && !OURS.test(word);
}

/** Whether a word close to a number says that it is a card's. */
export function isNamedCard({ tokens }: Folded, first: number, last: number): boolean {
  const before = tokens.slice(Math.max(0, first - LOOK_BACK), first);
  const behind = tokens.slice(last + 1, last + 1 + LOOK_AHEAD);
  return [...before, ...behind].some(({ text }) => CARDS.test(text) || CARD_ENDS.test(text));
}
