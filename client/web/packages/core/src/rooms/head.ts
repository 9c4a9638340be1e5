/** Verdicts about states, and the head: one vote for each steward (ROOM-10, ROOM-11, ROOM-28). */

import type { Bytes } from "../bytes.ts";
import { compare, hex, same } from "../bytes.ts";
import { CoreError } from "../errors.ts";
import { newestOf } from "./acts.ts";
import type { RoomState, RosterRef } from "./state.ts";
import { beforeFirst } from "./state.ts";
import type { RankOf } from "./transitions.ts";
import { checkForm, checkTransition, compareRosters, sameRoster } from "./transitions.ts";

const RANK_DESK = 2;
const RANK_SUPERVISOR = 3;

/** A state that was taken: its entry hash, its author, and the author's number of it. */
export interface TakenState {
  readonly hash: Bytes;
  readonly author: Bytes;
  readonly n: number;
  readonly state: RoomState;
}

export type Verdict = "valid" | "held" | "refused";

/** Ranks by a roster, or null where the roster is not known. */
export type RanksOf = (roster: RosterRef) => RankOf | null;

export type Suspended = (deviceId: Bytes) => boolean;

/** The verdict about each state, by the hexadecimal of its hash. */
export function verdicts(
  states: readonly TakenState[],
  root: Bytes | null,
  ranksOf: RanksOf,
): ReadonlyMap<string, Verdict> {
  const byHash = new Map(states.map((one) => [hex(one.hash), one]));
  const found = new Map<string, Verdict>();
  // A parent has a lower epoch, or the state is refused for its epoch whatever the parent's verdict.
  const inOrder = [...states].sort((a, b) => a.state.epoch - b.state.epoch);
  for (const one of inOrder) found.set(hex(one.hash), verdict(one, root, ranksOf, byHash, found));
  return found;
}

function verdict(
  one: TakenState,
  root: Bytes | null,
  ranksOf: RanksOf,
  byHash: ReadonlyMap<string, TakenState>,
  found: ReadonlyMap<string, Verdict>,
): Verdict {
  const { state } = one;
  const first = state.epoch === 1;
  const key = state.parent === null ? "" : hex(state.parent);
  const parent = first ? beforeFirst(state) : byHash.get(key)?.state;
  if (!passes(() => checkForm(state, root))) return "refused";
  if (parent !== undefined && state.epoch !== parent.epoch + 1) return "refused";
  const ofParent = first ? "valid" : (found.get(key) ?? "held");
  if (ofParent === "refused") return "refused";
  const ranks = ranksOf(state.roster);
  if (ofParent === "held" || parent === undefined || ranks === null) return "held";
  return passes(() => checkTransition(one.author, state, parent, ranks)) ? "valid" : "refused";
}

function passes(step: () => void): boolean {
  try {
    step();
    return true;
  } catch (error) {
    if (error instanceof CoreError) return false;
    throw error;
  }
}

interface Vote {
  readonly state: TakenState;
  readonly supervisor: boolean;
}

/** The head of valid states, or null where none has a vote (ROOM-11). */
export function headOf(valid: readonly TakenState[], ranksOf: RanksOf, suspended: Suspended): TakenState | null {
  const votes = votesOf(valid, ranksOf, suspended);
  const byHash = new Map(valid.map((one) => [hex(one.hash), one]));
  const weights = new Map<string, { supervisors: number; desks: number }>();
  for (const vote of votes) {
    for (let at: TakenState | undefined = vote.state; at !== undefined; at = parentOf(at, byHash)) {
      const weight = weights.get(hex(at.hash)) ?? { supervisors: 0, desks: 0 };
      if (vote.supervisor) weight.supervisors += 1;
      else weight.desks += 1;
      weights.set(hex(at.hash), weight);
    }
  }
  let head: TakenState | null = null;
  for (;;) {
    const next = heaviest(childrenOf(head, valid), weights);
    if (next === null) return head;
    head = next;
  }
}

function parentOf(one: TakenState, byHash: ReadonlyMap<string, TakenState>): TakenState | undefined {
  return one.state.epoch === 1 || one.state.parent === null ? undefined : byHash.get(hex(one.state.parent));
}

function childrenOf(head: TakenState | null, valid: readonly TakenState[]): readonly TakenState[] {
  return valid.filter(({ state }) => {
    return head === null
      ? state.epoch === 1
      : state.parent !== null && state.epoch > 1 && same(state.parent, head.hash);
  });
}

/** Most votes of supervisors, then of desks, then the smaller hash; none without a vote. */
function heaviest(
  children: readonly TakenState[],
  weights: ReadonlyMap<string, { supervisors: number; desks: number }>,
): TakenState | null {
  return children.reduce<TakenState | null>((best, one) => {
    const weight = weights.get(hex(one.hash));
    if (weight === undefined) return best;
    const of = best === null ? undefined : weights.get(hex(best.hash));
    if (best === null || of === undefined) return one;
    const more = weight.supervisors - of.supervisors || weight.desks - of.desks || compare(best.hash, one.hash);
    return more > 0 ? one : best;
  }, null);
}

/** The votes by the newest roster; where nobody has one so, those of the authors (ROOM-28). */
function votesOf(valid: readonly TakenState[], ranksOf: RanksOf, suspended: Suspended): readonly Vote[] {
  const free = valid.filter((one) => !suspended(one.author));
  const pool = free.length > 0 ? free : valid;
  const newest = newestRosters(pool);
  const byRoster = authorsOf(free).flatMap((author) => voteOf(valid, author, lowestRank(author, newest, ranksOf)));
  if (byRoster.length > 0) return byRoster;
  return authorsOf(pool).flatMap((author) => {
    const named = newest.filter((ref) =>
      pool.some((one) => same(one.author, author) && sameRoster(one.state.roster, ref)),
    );
    return voteOf(valid, author, named.length === 0 ? null : lowestRank(author, named, ranksOf));
  });
}

function authorsOf(states: readonly TakenState[]): readonly Bytes[] {
  return states.map((one) => one.author).filter((id, i, all) => all.findIndex((other) => same(other, id)) === i);
}

/** The rosters of the highest number that these states name, each once. */
function newestRosters(states: readonly TakenState[]): readonly RosterRef[] {
  const refs = states.map((one) => one.state.roster);
  const highest = refs.filter((ref) => refs.every((other) => compareRosters(other, ref) <= 0));
  return highest.filter((ref, i) => highest.findIndex((other) => same(other.hash, ref.hash)) === i);
}

/** The lower rank of those by several rosters; null where one of them does not have the device. */
function lowestRank(author: Bytes, rosters: readonly RosterRef[], ranksOf: RanksOf): number | null {
  const ranks = rosters.map((ref) => ranksOf(ref)?.(author) ?? null);
  return ranks.reduce<number | null>((low, rank) => (low === null || rank === null ? null : Math.min(low, rank)), 3);
}

function voteOf(valid: readonly TakenState[], author: Bytes, rank: number | null): readonly Vote[] {
  const state = newestOf(valid, author);
  if (rank === null || rank < RANK_DESK || state === null) return [];
  return [{ state, supervisor: rank >= RANK_SUPERVISOR }];
}
