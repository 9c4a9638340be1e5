/** The words of the language that a person wishes, fetched by themselves: those that are shown first, then the others. */

import { part } from "./part.ts";
import { type Language, languageOf, type Sentences, type Words, wordsIn } from "./words.ts";

type Load = () => Promise<{ readonly SENTENCES: Sentences }>;

const FIRST: Readonly<Record<Language, Load>> = {
  de: () => import("./languages/de.ts"),
  en: () => import("./languages/en.ts"),
};
const REST: Readonly<Record<Language, Load>> = {
  de: () => import("./languages/de_rest.ts"),
  en: () => import("./languages/en_rest.ts"),
};

/** The words for a wish like `de-AT`. */
export async function fetchWords(wish: string): Promise<Words> {
  const language = languageOf(wish);
  const { SENTENCES } = await part(language, FIRST[language]);
  return wordsIn(wish, SENTENCES, async () => (await part(`${language}_rest`, REST[language])).SENTENCES);
}
