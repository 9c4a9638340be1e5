/** What holds in a room, who gets what, and who may write (ROOM-10 to ROOM-19, ROOM-28). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { compare, hex, same } from "@sealroom/core/bytes.ts";
import type { InForce } from "@sealroom/core/company/team.ts";
import { RANK_DESK } from "@sealroom/core/company/team.ts";
import { DAY_MS } from "@sealroom/core/constants.ts";
import type { RemoteCode } from "@sealroom/core/errors.ts";
import { RemoteError } from "@sealroom/core/errors.ts";
import type { Act, Holding } from "@sealroom/core/rooms/acts.ts";
import { actOf, holding } from "@sealroom/core/rooms/acts.ts";
import { decodeBody } from "@sealroom/core/rooms/entry.ts";
import type { TakenState, Verdict } from "@sealroom/core/rooms/head.ts";
import { inOrder, places } from "@sealroom/core/rooms/order.ts";
import { CLOSED, ERASED, FROZEN, WITHDRAWN } from "@sealroom/core/rooms/state.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import type { Context } from "../context.ts";
import { receivedOf } from "../state.ts";
import { isSuspended, ranksBy } from "../team.ts";
import type { Draft } from "./draft.ts";
import type { Kept, Room } from "./model.ts";

export const KIND_STATE = 2;
export const KIND_TEXT = 3;
export const KIND_ERASED = 6;
export const KIND_WITHDRAW = 9;
export const KIND_ACT = 10;
export const KIND_RATING = 20;
export const KIND_MARK = 21;
/** What passes in every phase; all else is content, kinds that are not known as well (ROOM-19). */
const OTHERS: readonly number[] = [1, 2, 5, 6, 8, 9, 10, 12, 13, 14, 15, 16, 21, 22];
/** What goes to all stewards in force, members or not (ROOM-15). */
const ANSWERED: readonly number[] = [2, 5, 6, 8, 9, 10, 14, 15, 17];
/** What goes to all in force that were ever named: by it they destroy what they have, or learn who has (ROOM-15). */
export const LASTING: readonly number[] = [2, 5, 6, 9, 15, 16];
/** What an entry says; null where it was erased, or was never given to us. */
export function payloadOf(kept: Kept): Value {
  return kept.entry.body === null || kept.hidden ? null : decodeBody(kept.entry.body);
}

export function isContent(kind: number): boolean {
  return !OTHERS.includes(kind);
}

export interface Judged {
  readonly verdicts: ReadonlyMap<string, Verdict>;
  readonly valid: readonly TakenState[];
  readonly head: TakenState | null;
  readonly path: readonly TakenState[];
}

const NONE: Judged = { verdicts: new Map(), valid: [], head: null, path: [] };

/** Verdicts about all states, and the head (ROOM-10, ROOM-11). */
export function judge(c: Context, room: Room): Judged {
  if (room.states.length === 0) return NONE;
  const { headOf, verdicts } = receivedOf(c);
  const ranks = (ref: TakenState["state"]["roster"]) => ranksBy(c, ref);
  const found = verdicts(room.states, room.root, ranks);
  const valid = room.states.filter((one) => found.get(hex(one.hash)) === "valid");
  const head = headOf(valid, ranks, (id) => isSuspended(c, id));
  return { verdicts: found, valid, head, path: pathTo(head, room.states) };
}

export function pathTo(head: TakenState | null, states: readonly TakenState[]): readonly TakenState[] {
  const byHash = new Map(states.map((one) => [hex(one.hash), one]));
  const path: TakenState[] = [];
  for (let at = head ?? undefined; at !== undefined && !path.includes(at); ) {
    path.unshift(at);
    const { epoch, parent } = at.state;
    at = epoch === 1 || parent === null ? undefined : byHash.get(hex(parent));
  }
  return path;
}

/** k of each entry that has a place (TRN-16). */
export function order(room: Room): ReadonlyMap<string, number> {
  const placed = [...room.entries.values()].filter((one) => one.stands === "taken").map((one) => one.entry);
  return places(placed, room.root);
}

/** Entries in the order of the transcript. */
export function transcript(room: Room, k = order(room)): readonly Kept[] {
  const taken = [...room.entries.values()].filter((one) => one.stands === "taken");
  const placed = taken.map((one) => one.entry);
  return inOrder(placed, room.root, k).map((one) => room.entries.get(hex(one.hash)) as Kept);
}

/** What stands before a withdrawal: what was said there leaves the customer no more (ROOM-35, TRN-15). */
export function takenBack(room: Room): readonly Kept[] {
  const all = transcript(room);
  return all.slice(0, all.findLastIndex((one) => one.entry.header.kind === KIND_WITHDRAW) + 1);
}

/** What holds now: the head, and above it each act that has not ended (ROOM-13). */
export function condition(c: Context, room: Room, judged: Judged): Holding {
  const acts = actsOf(room);
  const ranks = (ref: TakenState["state"]["roster"]) => ranksBy(c, ref);
  return holding(judged.valid, judged.head, acts, ranks, (id) => isSuspended(c, id));
}

/** What the customer has ordered and answered: what restricts a room, and what ends that (ROOM-12). */
export function actsOf(room: Room): readonly Act[] {
  const found = [...room.entries.values()].flatMap(({ entry, stands }) => {
    if (stands !== "taken" || entry.body === null) return [];
    const name = [5, 8, 9, 10, 15].includes(entry.header.kind)
      ? actOf(entry.header.kind, decodeBody(entry.body))
      : null;
    return name === null ? [] : [{ hash: entry.hash, name }];
  });
  if (found.length === 0) return [];
  const k = order(room);
  return found.map((one) => ({ ...one, k: k.get(hex(one.hash)) ?? 0 }));
}

const REOPEN_MS = 90 * DAY_MS;

const PHASE_CODES: Readonly<Record<number, RemoteCode>> = {
  [CLOSED]: "room.closed",
  [FROZEN]: "room.frozen",
  [WITHDRAWN]: "room.consent_withdrawn",
  [ERASED]: "room.erased",
};

/** Whether a room that is closed may be opened again: within 90 days of the place of its closing (ROOM-18). */
export function mayReopen(c: Context, room: Room, nowMs: number): boolean {
  const { path } = judge(c, room);
  const closing = path[path.findLastIndex(({ state }) => state.phase !== CLOSED) + 1];
  const k = closing === undefined ? undefined : order(room).get(hex(closing.hash));
  return nowMs <= (k ?? room.lastMs) + REOPEN_MS;
}

/** The code with which the phase refuses a kind now: all but content passes, a rating in a closed room (ROOM-19). */
export function phaseCode(d: Draft, kind: number): RemoteCode | undefined {
  const { phase } = condition(d.c, d.room, d.judged());
  const isLateRating = kind === KIND_RATING && phase === CLOSED && mayReopen(d.c, d.room, d.turn.nowMs);
  return isContent(kind) && !isLateRating ? PHASE_CODES[phase] : undefined;
}

/** Refuse what the phase of the room does not let pass now (ROOM-19). */
export function checkPhase(d: Draft, kind: number): void {
  const code = phaseCode(d, kind);
  if (code !== undefined) throw new RemoteError(code, "not in this phase");
}

// --- who gets ---

export function has(ids: readonly Bytes[], id: Bytes): boolean {
  return ids.some((one) => same(one, id));
}

function distinct(ids: readonly Bytes[]): Bytes[] {
  return [...new Map(ids.map((id) => [hex(id), id])).values()];
}

/** The devices that a valid state, or `open`, has ever named. */
export function knownDevices(room: Room, judged: Judged): readonly Bytes[] {
  return distinct([...room.openedTo, ...judged.valid.flatMap((one) => one.state.members)]);
}

/** The company's devices to which an entry of ours goes; none: it waits, unsealed (ROOM-15). */
export function recipients(room: Room, judged: Judged, kind: number, team: readonly InForce[]): readonly Bytes[] {
  const force = team.map(({ record }) => record.deviceId);
  const desks = team.filter(({ rank }) => rank >= RANK_DESK).map(({ record }) => record.deviceId);
  const named = (judged.head?.state.members ?? []).filter((id) => has(force, id));
  if (ANSWERED.includes(kind)) named.push(...desks);
  const known = knownDevices(room, judged);
  if (LASTING.includes(kind)) named.push(...known.filter((id) => has(force, id)));
  const found = named.length > 0 ? named : desks.filter((id) => has(known, id));
  return distinct(found).sort(compare);
}
