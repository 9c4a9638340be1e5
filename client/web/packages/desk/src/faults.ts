/** What went wrong at the desk, in words, by the code of its error; each code of a room has some. */

import { faultOf, isFileFault } from "@sealroom/ui/file_fault.ts";
import type { DeskKey, DeskWords } from "./words.ts";

export const FAULTS: Readonly<Record<string, DeskKey>> = {
  "room.right": "failed.right",
  "room.suspended": "failed.right",
  "room.not_member": "failed.left",
  "room.assigned": "failed.quicker",
  "room.nobody_waits": "failed.nobody",
  "room.unanswered": "failed.unanswered",
  "room.closed": "failed.closed",
  "room.frozen": "failed.frozen",
  "room.erased": "failed.ended",
  "room.consent_withdrawn": "failed.ended",
  "room.consent_required": "failed.consent",
  "room.consent_stale": "failed.consent",
  "room.mandate": "failed.company",
  "room.roster_expired": "failed.company",
  "room.signature": "failed.refused",
  "room.unlogged": "failed.refused",
  "room.too_many": "failed.busy",
  "local.room": "failed.locked",
  "local.locked": "failed.locked",
  "local.request_refused": "failed.quicker",
  "local.desk_busy": "failed.busy",
  "local.desk_full": "failed.full",
  "local.desk_input": "failed.input",
  "local.desk_lost": "failed.lost",
  "wait.timeout": "failed.desk",
};

/** What a code means, in words; null where there are none. */
export function wordsOf(code: string, words: DeskWords): string | null {
  if (isFileFault(code)) return faultOf(code, words.ui);
  const key = FAULTS[code];
  return key === undefined ? null : words(key);
}
