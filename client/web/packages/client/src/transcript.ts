/** A room as a file: one that anybody verifies by the company's account, and a page to read (EXP-01 to EXP-03). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { compare, same } from "@sealroom/core/bytes.ts";
import { isHidden } from "@sealroom/core/grammar.ts";
import type { Entry } from "@sealroom/core/rooms/entry.ts";
import type { PartName, TranscriptHead } from "@sealroom/core/rooms/transcript_file.ts";
import { BEGIN, CLOSE, endLine, entryLine, headLine, partLine } from "@sealroom/core/rooms/transcript_file.ts";
import { encode } from "@sealroom/core/wire/cbor.ts";
import type { Context } from "./engine/context.ts";
import { transcript } from "./engine/rooms/judging.ts";
import type { Room as StoredRoom } from "./engine/rooms/model.ts";
import { recordsOf } from "./engine/team.ts";
import { kinState } from "./kin/kin.ts";
import type { Room } from "./room.ts";

/** The text of the file: what the company signed, and all that this device keeps by which it is judged. */
export function transcriptText(c: Context, room: StoredRoom): string {
  const { company, customer, nonce, id } = room;
  const head: TranscriptHead = { company, customer, nonce, room: id };
  const kept = transcript(room);
  const lines = kept.map(({ entry, hidden }) => entryLine(hidden ? withheld(entry) : entry));
  const elements = [headLine(head), ...partLines(c), ...lines].map((line) => `${line},`);
  return [BEGIN, ...elements, endLine(kept.length), CLOSE, ""].join("\n");
}

function withheld(entry: Entry): Entry {
  return { ...entry, body: null };
}

/** Lists, records, rosters and cards, in the order of a file; none twice. */
function partLines(c: Context): readonly string[] {
  const rosters = [...c.team.rosters.values()].map(({ one }) => one);
  const known = [...c.team.lists.values()].map(({ one }) => one);
  const lists = known.filter((list) => rosters.some((roster) => same(roster.list.hash, list.hash)));
  const named = (hash: Bytes) => lists.some((list) => list.recordHashes.some((one) => same(one, hash)));
  const records = recordsOf(c).filter((record) => same(record.accountId, c.company.accountId) && named(record.hash));
  const cards = [...c.team.cards.values()].filter((card) =>
    rosters.some((roster) => roster.devices.some((one) => same(one.cardHash, card.hash))),
  );
  const parts: readonly (readonly [PartName, readonly Bytes[]])[] = [
    ["company_list", [...lists].sort((a, b) => a.seq - b.seq).map((one) => one.signed)],
    ["customer_list", [c.own.list.signed]],
    ["record", [...records.map((one) => one.bytes), ...ownRecords(c)]],
    ["slot", rosters.map((one) => encode([one.mandate.signed, one.signed]))],
    ["card", [...cards].sort((a, b) => compare(a.hash, b.hash)).map((one) => one.bytes)],
  ];
  return parts.flatMap(([name, items]) => [...new Set(items.map((one) => partLine(name, one)))]);
}

/** Records of our devices that our list names. */
function ownRecords(c: Context): readonly Bytes[] {
  const { list, record } = c.own;
  const others = [...(kinState(c)?.others.values() ?? [])].map((one) => one.record);
  const isNamed = (hash: Bytes) => list.recordHashes.some((one) => same(one, hash));
  return [record, ...others].filter((one) => isNamed(one.hash)).map((one) => one.bytes);
}

// --- a page to read ---

const WORDS = {
  de: {
    title: "Gespräch mit {company}",
    you: "Sie",
    gone: "Diese Nachricht wurde gelöscht.",
    file: "Datei: {name}",
    proof:
      "Diese Seite zeigt, was auf Ihrem Gerät stand, und beweist nichts. Was das Unternehmen geschrieben hat, lässt sich nur mit der prüfbaren Datei prüfen; speichern Sie auch diese, wenn Sie das Gespräch löschen wollen.",
  },
  en: {
    title: "Conversation with {company}",
    you: "You",
    gone: "This message was deleted.",
    file: "File: {name}",
    proof:
      "This page shows what stood on your device, and proves nothing. What the company wrote can be verified only by the file to verify; save that, too, if you want to delete the conversation.",
  },
} as const;

const STYLE =
  ":root{color-scheme:light dark}body{max-width:46rem;margin:0 auto;padding:2rem 1.25rem;font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}" +
  "li{margin:0 0 1.25rem;list-style:none}ol{padding:0}p{margin:0;white-space:pre-wrap}.meta{font-size:.85rem;opacity:.75}footer{margin-top:3rem;font-size:.85rem}";

/** What of the table of ID-33 texts need: ends of lines, spaces that hold words together, what joins letters. */
const KEPT = "\n\t\u00a0\u202f";
const MARKS_BEYOND = /([\p{Mn}\p{Me}]{8})[\p{Mn}\p{Me}]+/gu;

/** A text in which nothing hides: what no name may hold stands as its number, marks beyond eight are left out (EXP-24). */
function visible(text: string): string {
  const numbered = (one: string): string => {
    const point = one.codePointAt(0) as number;
    return isHidden(point) && !KEPT.includes(one) ? `⟨U+${point.toString(16).toUpperCase().padStart(4, "0")}⟩` : one;
  };
  return Array.from(text.replaceAll("\r\n", "\n").replace(MARKS_BEYOND, "$1"), numbered).join("");
}

/** A text of the room as text only: no markup of it, and nothing that hides. */
function escaped(text: string): string {
  return visible(text).replace(/[&<>"']/gu, (character) => `&#${character.charCodeAt(0)};`);
}

function ownLocale(): string {
  return globalThis.navigator?.language ?? "en";
}

function localeOf(wish: string): Intl.Locale | null {
  try {
    return new Intl.Locale(wish);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return null;
  }
}

/** Times as the screen writes them: English without a country is that of the country where the browser is from. */
function timesOf(language: string, lang: string, browser: string): Intl.DateTimeFormat {
  const named = lang.toLowerCase().startsWith(language) ? localeOf(lang) : null;
  const locale = named?.baseName ?? language;
  const country = locale === "en" ? (localeOf(browser)?.maximize().region ?? "US") : null;
  return new Intl.DateTimeFormat(country === null ? locale : `en-${country}`, {
    dateStyle: "medium",
    timeStyle: "short",
  });
}

export interface PageOptions {
  readonly lang: string;
  /** The language of the browser, which says of what country it is. */
  readonly browser?: string;
}

/** One file without scripts, forms, links or parts from elsewhere, which says so itself. */
export function transcriptPage(room: Room, company: string, { lang, browser = ownLocale() }: PageOptions): string {
  const language = lang.toLowerCase().startsWith("de") ? "de" : "en";
  const words = WORDS[language];
  const time = timesOf(language, lang, browser);
  const shown = room.entries().filter((one) => one.kind === 3 || one.kind === 7);
  const items = shown.map(({ author, writtenMs, text: said, ours, isErased, payload }) => {
    const name = ours ? words.you : (room.person(author).name ?? company);
    const fileName = payload instanceof Map ? String(payload.get(6) ?? "") : "";
    const body = isErased ? words.gone : (said ?? words.file.replace("{name}", () => fileName));
    const at = time.format(writtenMs);
    return `<li><p class="meta"><bdi>${escaped(name)}</bdi> · ${escaped(at)}</p><p dir="auto">${escaped(body)}</p></li>`;
  });
  const title = escaped(words.title.replace("{company}", () => company));
  const proof = escaped(words.proof);
  return `<!doctype html>
<html lang="${language}"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width"><title>${title}</title><style>${STYLE}</style></head>
<body><h1>${title}</h1><ol>${items.join("\n")}</ol><footer><p>${proof}</p></footer></body></html>
`;
}

/** The file to save, in one of two forms. */
export function transcriptFile(c: Context, room: Room, form: "json" | "html", wish: string | null) {
  const name = `${room.id.slice(0, 8)}.${form}`;
  if (form === "json") return { name, blob: new Blob([transcriptText(c, room.kept)], { type: "application/json" }) };
  const page = transcriptPage(room, c.company.name, { lang: wish ?? ownLocale() });
  return { name, blob: new Blob([page], { type: "text/html" }) };
}
