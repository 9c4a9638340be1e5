/** The words in German that are shown first; the build keeps of the table this column alone. */

import type { Sentences } from "../words.ts";
import { column } from "../words_both.ts";
import { FIRST_WORDS } from "../words_first.ts";

export const SENTENCES: Sentences = column(0, FIRST_WORDS);
