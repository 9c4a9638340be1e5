/** The other words in German; the build keeps of the table this column alone. */

import type { Sentences } from "../words.ts";
import { column } from "../words_both.ts";
import { ROOM_WORDS } from "../words_room.ts";

export const SENTENCES: Sentences = column(0, ROOM_WORDS);
