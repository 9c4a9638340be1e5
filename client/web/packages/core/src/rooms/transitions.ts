/** Who may change what: a state against its parent (ROOM-02, ROOM-05 to ROOM-10). */

import type { Bytes } from "../bytes.ts";
import { same } from "../bytes.ts";
import { RemoteError } from "../errors.ts";
import type { RoomState, RosterRef } from "./state.ts";
import { CLASS_KEPT, CLOSED, ERASED, FROZEN, OPEN, WITHDRAWN } from "./state.ts";

const RANK_DESK = 2;
const RANK_SUPERVISOR = 3;

/** The rank of a device by a roster, or null where it is not in force. */
export type RankOf = (deviceId: Bytes) => number | null;

const NEXT_PHASES: Readonly<Record<number, readonly number[]>> = {
  [OPEN]: [CLOSED, FROZEN, WITHDRAWN, ERASED],
  [CLOSED]: [OPEN, FROZEN, WITHDRAWN, ERASED],
  [FROZEN]: [OPEN, CLOSED, WITHDRAWN, ERASED],
  [WITHDRAWN]: [OPEN, ERASED],
  [ERASED]: [],
};

/** Where one state is allowed to follow another one, and where not. */
function forbidden(what: string): RemoteError {
  return new RemoteError("room.right", what);
}

function check(allowed: boolean, what: string): void {
  if (!allowed) throw forbidden(what);
}

/** Number of the mandate, then number of the roster. */
export function compareRosters(a: RosterRef, b: RosterRef): number {
  return a.mandateSeq - b.mandateSeq || a.seq - b.seq;
}

/** Whether both name one roster: numbers and hash (ROOM-10). */
export function sameRoster(a: RosterRef, b: RosterRef): boolean {
  return compareRosters(a, b) === 0 && same(a.hash, b.hash);
}

/**
 * Epoch, list and notice, which are looked at first (ROOM-02, ROOM-05, ROOM-06, ROOM-10). `root` is the hash of the
 * room's `open`, null in a notes room.
 *
 * @throws RemoteError `room.right`
 */
export function checkForm(state: RoomState, root: Bytes | null): void {
  const isRoot = root === null ? state.parent === null : state.parent !== null && same(state.parent, root);
  check((state.epoch === 1) === isRoot, "the first state, and it alone, follows open");
  if (root === null) check(state.list === null && state.notice === null, "a list or notice in a notes room");
  else check(state.list !== null, "a state of a room without a list");
}

/**
 * Epoch and list against those of the parent (ROOM-05).
 *
 * @throws RemoteError `room.right`
 */
export function checkSuccession(state: RoomState, before: RoomState): void {
  check(state.epoch === before.epoch + 1, "an epoch that is not the next one");
  if (state.list !== null && before.list !== null) {
    const isSame = state.list.seq === before.list.seq && same(state.list.hash, before.list.hash);
    check(isSame || state.list.seq > before.list.seq, "an older list, or another one of its number");
  }
}

/**
 * ROOM-05 to ROOM-09, by the ranks of the roster that the state names.
 *
 * @throws RemoteError `room.right`
 */
export function checkTransition(author: Bytes, state: RoomState, before: RoomState, rankOf: RankOf): void {
  checkSuccession(state, before);
  check(compareRosters(state.roster, before.roster) >= 0, "an older roster");
  const rank = rankOf(author) ?? 0;
  check(rank >= RANK_DESK, "a state of somebody who is no steward in force");
  const supervisor = rank >= RANK_SUPERVISOR;
  checkMembers(author, rank, state, before, rankOf);
  checkAssigned(supervisor, state, before, rankOf);
  checkMarks(supervisor, state, before);
  checkRetention(supervisor, state, before);
  checkPhase(state, before);
}

function has(ids: readonly Bytes[], id: Bytes): boolean {
  return ids.some((one) => same(one, id));
}

/** Members are in force; a desk adds up to rank 2; who may be removed (ROOM-07). */
function checkMembers(author: Bytes, rank: number, state: RoomState, before: RoomState, rankOf: RankOf): void {
  for (const id of state.members) {
    const theirs = rankOf(id);
    check(theirs !== null, "a member that is not in force");
    const added = !has(before.members, id);
    check(!added || rank >= RANK_SUPERVISOR || (theirs ?? 0) <= RANK_DESK, "a supervisor added by a desk");
  }
  for (const id of before.members) {
    if (has(state.members, id)) continue;
    const theirs = rankOf(id);
    check(theirs === null || theirs < rank || same(id, author), "somebody removed who is not below");
  }
}

function checkAssigned(supervisor: boolean, state: RoomState, before: RoomState, rankOf: RankOf): void {
  const { assigned } = state;
  if (assigned === null || (before.assigned !== null && same(assigned, before.assigned))) return;
  check(supervisor || (rankOf(assigned) ?? 0) <= RANK_DESK, "a supervisor assigned by a desk");
}

/** The mark is cleared, a hold set and cleared with a text, by a supervisor (ROOM-08). */
function checkMarks(supervisor: boolean, state: RoomState, before: RoomState): void {
  check(supervisor || state.sensitive || !before.sensitive, "a mark cleared by a desk");
  const sameHold = state.hold === before.hold;
  check(sameHold || (supervisor && state.text !== null), "a hold changed by a desk, or without a text");
}

/** Shortened within its class, but not class 3, by every steward; else by a supervisor with another notice. */
function checkRetention(supervisor: boolean, state: RoomState, before: RoomState): void {
  const [now, was] = [state.retention, before.retention];
  if (now.class === was.class && now.ttlS === was.ttlS) return;
  const shortened = now.class === was.class && now.ttlS < was.ttlS && was.class !== CLASS_KEPT;
  const sameNotice =
    state.notice === null ? before.notice === null : before.notice !== null && same(state.notice, before.notice);
  check(shortened || (supervisor && !sameNotice), "a retention that only a supervisor changes, with a notice");
}

/** A phase stays, or changes by the table (ROOM-09). */
function checkPhase(state: RoomState, before: RoomState): void {
  const [now, was] = [state.phase, before.phase];
  if (now === was) return;
  check(NEXT_PHASES[was]?.includes(now) ?? false, "a phase that does not follow");
  const byAct = now === FROZEN || now === WITHDRAWN || (now === OPEN && (was === FROZEN || was === WITHDRAWN));
  check(!byAct || state.answers.length > 0, "a phase that only an act brings about");
  const kept = before.hold || before.retention.class === CLASS_KEPT;
  check(now !== ERASED || !kept, "an erasure under a hold or in class 3");
}
