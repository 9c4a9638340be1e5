/** The words in German; the build keeps of the table this column alone. */

import type { Sentences } from "../words.ts";
import { column } from "../words_both.ts";

export const SENTENCES: Sentences = column(0);
