/** What went wrong with a file, in words, by the code of its error. */

import type { WordKey, Words } from "./words.ts";

const FAULTS: Readonly<Record<string, WordKey>> = {
  "local.file_name": "file.fault.name",
  "local.file_too_large": "composer.too-large",
  "file.type": "file.fault.type",
  "file.metadata": "file.fault.metadata",
  "local.file_unusable": "file.fault.unusable",
  "store.full": "file.fault.full",
  "file.quota": "file.fault.quota",
  "file.expired": "file.fault.expired",
  "file.corrupt": "file.fault.corrupt",
  "tabs.unsure": "composer.unsure",
};

/** Whether there are words for a code of a file. */
export function isFileFault(code: string): boolean {
  return code.startsWith("file.") && code in FAULTS;
}

/** `size` is the largest file that is sent. */
export function faultOf(code: string | null, words: Words, size = ""): string {
  if (code?.startsWith("room.") || code === "local.consent") return words("file.fault.closed");
  return words(FAULTS[code ?? ""] ?? "file.failed", { size });
}

/** The code of what was thrown, or "". */
export function codeOfProblem(problem: unknown): string {
  return String((problem as { readonly code?: unknown } | null)?.code ?? "");
}
