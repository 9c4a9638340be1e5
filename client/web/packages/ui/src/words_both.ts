/** The words in both languages at once, for pages that have all in one file. */

import { languageOf, type Sentences, type WordKey, type Words, wordsIn } from "./words.ts";
import { ROOM_WORDS } from "./words_room.ts";

export const WORDS = ROOM_WORDS;

/** The sentences of one language: 0 is German, 1 is English. */
export function column(at: 0 | 1): Sentences {
  const keys = Object.keys(WORDS) as WordKey[];
  return Object.fromEntries(keys.map((key) => [key, WORDS[key][at]])) as Sentences;
}

/** The words of a language, and how numbers and times of the full locale are written. */
export function wordsOf(wish: string): Words {
  return wordsIn(wish, column(languageOf(wish) === "de" ? 0 : 1));
}
