/** The words of the language that a person wishes, fetched by themselves. */

import { part } from "./part.ts";
import { type Language, languageOf, type Sentences, type Words, wordsIn } from "./words.ts";

const LANGUAGE: Readonly<Record<Language, () => Promise<{ readonly SENTENCES: Sentences }>>> = {
  de: () => import("./languages/de.ts"),
  en: () => import("./languages/en.ts"),
};

/** The words for a wish like `de-AT`. */
export async function fetchWords(wish: string): Promise<Words> {
  const language = languageOf(wish);
  const { SENTENCES } = await part(language, LANGUAGE[language]);
  return wordsIn(wish, SENTENCES);
}
