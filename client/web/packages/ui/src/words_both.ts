/** The words in both languages at once, for pages that have all in one file. */

import { languageOf, type Pair, type Sentences, type Words, wordsIn } from "./words.ts";
import { FIRST_WORDS } from "./words_first.ts";
import { ROOM_WORDS } from "./words_room.ts";

export const WORDS = { ...FIRST_WORDS, ...ROOM_WORDS };

/** The sentences of one language: 0 is German, 1 is English. */
export function column(at: 0 | 1, table: Readonly<Record<string, Pair>> = WORDS): Sentences {
  return Object.fromEntries(Object.entries(table).map(([key, pair]) => [key, pair[at]]));
}

/** The words of a language, and how numbers and times of the full locale are written. */
export function wordsOf(wish: string): Words {
  return wordsIn(wish, column(languageOf(wish) === "de" ? 0 : 1));
}
