/** What a company's device takes of a customer: a table (CNS-13, CNS-14, CNS-92). */

import type { RemoteCode } from "../errors.ts";
import { RemoteError } from "../errors.ts";
import { CLOSED, ERASED, FROZEN, OPEN, WITHDRAWN } from "../rooms/state.ts";

export type Arriving = "open" | "content" | "rating" | "want" | "act" | "withdrawal" | "team";
export type Column = "none" | "open" | "stale" | "closed" | "ended" | "frozen" | "withdrawn" | "erased";

const NONE = "room.consent_required";
const YES = null;

const CONTENT: Readonly<Record<Column, RemoteCode | null>> = {
  none: NONE,
  open: YES,
  stale: "room.consent_stale",
  closed: "room.closed",
  ended: "room.closed",
  frozen: "room.frozen",
  withdrawn: "room.consent_withdrawn",
  erased: "room.erased",
};

const ALWAYS: Readonly<Record<Column, null>> = {
  none: YES,
  open: YES,
  stale: YES,
  closed: YES,
  ended: YES,
  frozen: YES,
  withdrawn: YES,
  erased: YES,
};

const TABLE: Readonly<Record<Arriving, Readonly<Record<Column, RemoteCode | null>>>> = {
  open: { ...ALWAYS, erased: "room.erased" },
  content: CONTENT,
  rating: { ...CONTENT, closed: YES },
  want: {
    none: NONE,
    open: YES,
    stale: YES,
    closed: YES,
    ended: YES,
    frozen: YES,
    withdrawn: "room.consent_withdrawn",
    erased: "room.erased",
  },
  act: { ...ALWAYS, none: NONE },
  withdrawal: ALWAYS,
  team: {
    none: NONE,
    open: "room.right",
    stale: "room.right",
    closed: "room.right",
    ended: "room.right",
    frozen: "room.right",
    withdrawn: "room.right",
    erased: "room.right",
  },
};

const ACTS: readonly number[] = [5, 8, 10, 15, 21];
const OF_TEAM: readonly number[] = [2, 6, 12, 13, 16, 18, 22];
const OPENING = 1;
const WITHDRAWAL = 9;
const REACH = 14;
const RATING = 20;
const FORM = 18;

/** The row of an entry by its kind; `reach` with an address is content, without one an act. */
export function arrivingEntry(kind: number, reachIsNull: boolean): Arriving {
  if (kind === OPENING) return "open";
  if (kind === WITHDRAWAL) return "withdrawal";
  if (kind === RATING) return "rating";
  if (OF_TEAM.includes(kind)) return "team";
  return ACTS.includes(kind) || (kind === REACH && reachIsNull) ? "act" : "content";
}

/** The row of a line of a customer's forward, which has entries of the team as well (CNS-92). */
export function arrivingLine(kind: number, reachIsNull: boolean): Arriving {
  if (kind === FORM) return "content";
  const found = arrivingEntry(kind, reachIsNull);
  return found === "team" ? "act" : found;
}

export interface RoomStanding {
  readonly hasReceipt: boolean;
  readonly withdrawn: boolean;
  readonly stale: boolean;
  readonly phase: number;
  /** Whether a closed room may be opened again (ROOM-18). */
  readonly mayReopen: boolean;
}

/** The column of a room. */
export function columnOf(room: RoomStanding): Column {
  if (!room.hasReceipt) return "none";
  if (room.phase === ERASED) return "erased";
  if (room.withdrawn || room.phase === WITHDRAWN) return "withdrawn";
  if (room.phase === CLOSED) return room.stale || !room.mayReopen ? "ended" : "closed";
  if (room.phase === FROZEN) return "frozen";
  return room.phase === OPEN && room.stale ? "stale" : "open";
}

/**
 * Take what arrives, or refuse it with the code of the table.
 *
 * @throws RemoteError with that code
 */
export function checkGate(arriving: Arriving, column: Column): void {
  const code = TABLE[arriving][column];
  if (code !== null) throw new RemoteError(code, "the gate does not let this pass");
}
