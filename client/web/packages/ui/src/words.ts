/** What customers and clerks read, from a table of one language. `{name}` is filled in. */

import type { FIRST_WORDS } from "./words_first.ts";
import type { ROOM_WORDS } from "./words_room.ts";

export const LANGUAGES = ["de", "en"] as const;
export type Language = (typeof LANGUAGES)[number];
export type Pair = readonly [german: string, english: string];

export type WordKey = keyof typeof FIRST_WORDS | keyof typeof ROOM_WORDS;
/** A table of one language, or a part of it. */
export type Sentences = Readonly<Partial<Record<WordKey, string>>>;
export type Values = Readonly<Record<string, string | number>>;

/** Words of one language: a sentence by its key; `count` takes `key.one` or `key.other` by `n`. */
export interface Words {
  (key: WordKey, values?: Values): string;
  readonly locale: string;
  readonly direction: "ltr" | "rtl";
  count(key: Counted, n: number, values?: Values): string;
  /** Fetch the words that are shown with what comes after the page; there is nothing to fetch where all is in one file. */
  whole(): Promise<unknown>;
}

/** The first part of the keys that come in two forms. */
export type Counted = WordKey extends infer K ? (K extends `${infer Start}.other` ? Start : never) : never;

/** The language of the table for a wish like `de-AT`; English for one that it has not. */
export function languageOf(wish: string): Language {
  const [first] = wish.toLowerCase().split(/[-_]/u);
  return LANGUAGES.find((language) => language === first) ?? "en";
}

/** The words of a table, and how numbers and times of the full locale are written; `more` gives the rest of the table. */
export function wordsIn(wish: string, sentences: Sentences, more = async (): Promise<Sentences> => ({})): Words {
  const language = languageOf(wish);
  const locale = wish.toLowerCase().startsWith(language) && isLocale(wish) ? wish : language;
  const known = { ...sentences };
  const words = speak(locale, "ltr", (key) => known[key] ?? "");
  return Object.assign(words, { whole: async () => Object.assign(known, await more()) });
}

export function isLocale(wish: string): boolean {
  try {
    return Intl.getCanonicalLocales(wish).length === 1;
  } catch {
    return false;
  }
}

/** Words from any table; the direction is that of its writing. */
export function speak(locale: string, direction: "ltr" | "rtl", find: (key: WordKey) => string): Words {
  const plural = new Intl.PluralRules(locale);
  const words = (key: WordKey, values: Values = {}) => fill(find(key), values);
  const count = (key: Counted, n: number, values: Values = {}) => {
    const form = plural.select(n) === "one" ? "one" : "other";
    return words(`${key}.${form}` as WordKey, { n: new Intl.NumberFormat(locale).format(n), ...values });
  };
  return Object.assign(words, { locale, direction, count, whole: async () => {} });
}

/** The sentence with its values; each is isolated, so that a name of the other direction turns nothing around. */
function fill(sentence: string, values: Values): string {
  return sentence.replace(/\{(\w+)\}/gu, (whole, name: string) => {
    const value = values[name];
    return value === undefined ? whole : typeof value === "number" ? String(value) : `\u2068${value}\u2069`;
  });
}
