/** Keys of the desk: a letter alone, where nobody is writing; `Alt` and the letter, everywhere. */

import type { DeskKey } from "./words.ts";

export interface Key {
  /** `KeyboardEvent.key`, in lower case. */
  readonly key: string;
  readonly shown: string;
  readonly word: DeskKey;
}

export const KEYS = [
  { key: "j", shown: "J", word: "keys.next" },
  { key: "k", shown: "K", word: "keys.before" },
  { key: "n", shown: "N", word: "keys.next-claim" },
  { key: "r", shown: "R", word: "keys.reply" },
  { key: "c", shown: "C", word: "act.claim" },
  { key: "t", shown: "T", word: "act.transfer" },
  { key: "b", shown: "B", word: "act.queue" },
  { key: "e", shown: "E", word: "act.close" },
  { key: "i", shown: "I", word: "keys.notes" },
  { key: "l", shown: "L", word: "act.labels" },
  { key: "v", shown: "V", word: "keys.view" },
  { key: "/", shown: "/", word: "keys.search" },
  { key: "?", shown: "?", word: "keys.title" },
  { key: "escape", shown: "Esc", word: "keys.esc" },
] as const satisfies readonly Key[];

export type KeyName = (typeof KEYS)[number]["key"];

/** The key that was meant; null while somebody writes, or a dialog or menu is open. */
export function keyOf(event: KeyboardEvent): KeyName | null {
  if (event.ctrlKey || event.metaKey || event.isComposing || event.defaultPrevented) return null;
  const path = event.composedPath();
  const isWriting = path.some(
    (one) => one instanceof HTMLElement && one.matches("input, textarea, select, [role=menu], dialog"),
  );
  const name = KEYS.find((one) => one.key === event.key.toLowerCase())?.key ?? null;
  if (isWriting && !event.altKey && name !== "escape") return null;
  if (path.some((one) => one instanceof HTMLElement && one.matches("dialog, [role=menu]"))) return null;
  return name;
}
