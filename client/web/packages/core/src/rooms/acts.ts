/** Acts above a head: which have ended, and what holds in a room (ROOM-12 to ROOM-14, ROOM-27). */

import type { Bytes } from "../bytes.ts";
import { compare, hex, same } from "../bytes.ts";
import type { Value } from "../wire/cbor.ts";
import { Fields } from "../wire/fields.ts";
import type { RanksOf, Suspended, TakenState } from "./head.ts";
import type { RoomState } from "./state.ts";
import { CLASS_KEPT, CLOSED, ERASED, FROZEN, OPEN, WITHDRAWN } from "./state.ts";

const RANK_SUPERVISOR = 3;

export type ActName = "close" | "reopen" | "freeze" | "unfreeze" | "withdraw" | "consent" | "erase" | "sensitive";

export interface Act {
  readonly hash: Bytes;
  /** Its place in the order of the transcript (TRN-16). */
  readonly k: number;
  readonly name: ActName;
}

const OF_KIND_10: readonly ActName[] = ["close", "reopen", "freeze", "unfreeze"];
const COUNTERS: Readonly<Partial<Record<ActName, ActName>>> = {
  close: "reopen",
  freeze: "unfreeze",
  withdraw: "consent",
};
const PHASES: Readonly<Partial<Record<ActName, number>>> = {
  close: CLOSED,
  freeze: FROZEN,
  withdraw: WITHDRAWN,
  erase: ERASED,
};

/** The act of an entry, or null where its kind and payload are none (ROOM-12). */
export function actOf(kind: number, payload: Value): ActName | null {
  switch (kind) {
    case 5:
      return new Fields(payload, 1).get(1) === null ? "erase" : null;
    case 8:
      return "consent";
    case 9:
      return "withdraw";
    case 10:
      return OF_KIND_10[new Fields(payload, 1).uint(1, 5, 1) - 1] ?? null;
    case 15:
      return "sensitive";
    default:
      return null;
  }
}

export interface Holding {
  readonly phase: number;
  readonly sensitive: boolean;
  /** Whether a hold or class 3 stands above an erasure. */
  readonly keeps: boolean;
}

interface Room {
  readonly valid: readonly TakenState[];
  /** The states up to the head, the first one first. */
  readonly path: readonly TakenState[];
  readonly isSupervisor: (one: TakenState) => boolean;
}

/** What holds: the head, and above it each act that has not ended (ROOM-13). */
export function holding(
  valid: readonly TakenState[],
  head: TakenState | null,
  acts: readonly Act[],
  ranksOf: RanksOf,
  suspended: Suspended,
): Holding {
  const isSupervisor = (one: TakenState): boolean => {
    return !suspended(one.author) && (ranksOf(one.state.roster)?.(one.author) ?? 0) >= RANK_SUPERVISOR;
  };
  const room = { valid, path: pathTo(head, valid), isSupervisor };
  const open = acts.filter((act) => !hasEnded(act, acts, room));
  const keeps = stands(isHeld, head, room) || stands(isClassKept, head, room);
  const phases = open.map((act) => (act.name === "erase" && keeps ? OPEN : (PHASES[act.name] ?? OPEN)));
  return {
    phase: Math.max(head?.state.phase ?? OPEN, ...phases),
    sensitive: stands(isSensitive, head, room) || open.some((act) => act.name === "sensitive"),
    keeps,
  };
}

function pathTo(head: TakenState | null, valid: readonly TakenState[]): readonly TakenState[] {
  const byHash = new Map(valid.map((one) => [hex(one.hash), one]));
  const path: TakenState[] = [];
  for (let at = head ?? undefined; at !== undefined; ) {
    path.unshift(at);
    const { epoch, parent } = at.state;
    at = epoch === 1 || parent === null ? undefined : byHash.get(hex(parent));
  }
  return path;
}

function names(one: TakenState, act: Bytes): boolean {
  return one.state.answers.some((answer) => same(answer, act));
}

function isLater(act: Act, other: Act): boolean {
  return (act.k - other.k || compare(act.hash, other.hash)) > 0;
}

/** An act ends by its counter, if that is later in the order, or by a state that names it as the table says (ROOM-14). */
function hasEnded(act: Act, acts: readonly Act[], room: Room): boolean {
  const counter = COUNTERS[act.name];
  const countered = acts.some((other) => {
    return other.name === counter && isLater(other, act) && room.path.some((one) => names(one, other.hash));
  });
  return countered || room.path.some((one) => names(one, act.hash) && ends(act.name, one, room));
}

function ends(name: ActName, one: TakenState, room: Room): boolean {
  const { state } = one;
  if (name === "close") return true;
  if (name === "freeze") return room.isSupervisor(one) && state.text !== null && state.phase <= CLOSED;
  return name === "sensitive" && room.isSupervisor(one) && !state.sensitive;
}

type Mark = (state: RoomState) => boolean;

const isHeld: Mark = (state) => state.hold;
const isClassKept: Mark = (state) => state.retention.class === CLASS_KEPT;
const isSensitive: Mark = (state) => state.sensitive;

/** A mark of the head, or one that a valid state has set and no supervisor has cleared up to the head (ROOM-27). */
function stands(mark: Mark, head: TakenState | null, room: Room): boolean {
  if (head !== null && mark(head.state)) return true;
  const byHash = new Map(room.valid.map((one) => [hex(one.hash), one]));
  const had = ({ parent }: RoomState): boolean => {
    const before = parent === null ? undefined : byHash.get(hex(parent));
    return before !== undefined && mark(before.state);
  };
  const setters = room.valid.filter(({ state }) => mark(state) && !had(state));
  const clearing = room.path.filter((one) => !mark(one.state) && room.isSupervisor(one));
  return setters.some((setter) => {
    const ended = clearing.some((one) => names(one, setter.hash) || follows(one, setter, room.path));
    return newestOf(setters, setter.author) === setter && !ended;
  });
}

/** Whether a state of the path comes after one that stands on it, too. */
function follows(one: TakenState, earlier: TakenState, path: readonly TakenState[]): boolean {
  const at = path.findIndex((other) => same(other.hash, earlier.hash));
  return at >= 0 && path.indexOf(one) > at;
}

/** The newest valid state of an author: largest n, of equal ones the smaller hash. */
export function newestOf(states: readonly TakenState[], author: Bytes): TakenState | null {
  return states
    .filter((one) => same(one.author, author))
    .reduce<TakenState | null>((best, one) => {
      if (best === null) return one;
      const later = one.n - best.n || compare(best.hash, one.hash);
      return later > 0 ? one : best;
    }, null);
}
