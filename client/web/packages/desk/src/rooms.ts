/** Which rooms a view of the list shows, in which order, and what a row says. */

import type { DeskState } from "./desk.ts";
import type { RoomRow } from "./messages.ts";
import type { DeskKey, DeskWords } from "./words.ts";

/** A view of the list; `label:` and a label shows the open rooms with it. */
export type View = "waiting" | "mine" | "all" | "unread" | "closed" | `label:${string}`;

const LONG_MS = 5 * 60_000;
const LATE_MS = 30 * 60_000;

/** Whether a customer waits for somebody here. */
export function isWaiting(row: RoomRow): boolean {
  return row.waitsMs !== null && row.assigned === null && row.isForUs;
}

function isOpen(row: RoomRow): boolean {
  return row.phase === "open" || row.phase === "begun" || row.phase === "frozen";
}

/** Whether nothing of a room is kept any more, and nothing done with it. */
export function isOver(row: RoomRow): boolean {
  return row.phase === "withdrawn" || row.phase === "erased";
}

/** Whether something is being written that can still be sent; `drafts` are by the id of a room, and more behind it. */
export function isUnsent(drafts: Iterable<readonly [string, string]>, rooms: ReadonlyMap<string, RoomRow>): boolean {
  return [...drafts].some(([of, text]) => {
    const row = rooms.get(of.split(" ")[0] as string);
    return text.trim() !== "" && row !== undefined && !isOver(row);
  });
}

function isIn(row: RoomRow, view: View): boolean {
  if (view === "waiting") return isWaiting(row);
  if (view === "mine") return row.isMine && isOpen(row);
  if (view === "unread") return row.isHere && (row.unread > 0 || row.newNotes > 0);
  if (view === "closed") return !isOpen(row);
  if (view === "all") return isOpen(row);
  return isOpen(row) && row.labels.includes(view.slice("label:".length));
}

/** The rooms of a view: who waits longest first, else the newest first. */
export function roomsOf(state: DeskState, view: View): RoomRow[] {
  const rows = [...state.rooms.values()].filter((row) => isIn(row, view));
  if (view === "waiting") return rows.sort((a, b) => (a.waitsMs ?? 0) - (b.waitsMs ?? 0));
  return rows.sort((a, b) => b.lastMs - a.lastMs);
}

/** All labels in use, in their order. */
export function labelsOf(state: DeskState): string[] {
  const found = new Set([...state.rooms.values()].flatMap((row) => row.labels));
  return [...found].sort((a, b) => a.localeCompare(b));
}

/** Whom the company's login names; null where nobody signed in. */
export function signedIn(row: RoomRow, state: DeskState): string | null {
  return state.previews.get(row.id)?.customer ?? null;
}

/** What a room is called: who signed in, or a short pseudonym, the same before it is taken and after. */
export function nameOfRoom(row: RoomRow, state: DeskState, words: DeskWords): string {
  return signedIn(row, state) ?? words("row.customer", { short: row.id.slice(0, 4) });
}

/** How pressing a wait is: told by a word and a picture too. */
export function pressing(waitedMs: number): "" | "long" | "late" {
  return waitedMs >= LATE_MS ? "late" : waitedMs >= LONG_MS ? "long" : "";
}

/** Why nothing can be written in a room of this phase, in whole sentences; in one that is open another person takes care. */
export function whyShut(phase: RoomRow["phase"]): DeskKey {
  return phase === "open" || phase === "begun" ? "room.reading" : `shut.${phase}`;
}
