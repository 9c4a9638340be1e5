/** Who of the company may act: mandate, rosters, lists, records, notices and cards that are known (chapter 15). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same } from "@sealroom/core/bytes.ts";
import type { AgentCard } from "@sealroom/core/company/agent_card.ts";
import type { Mandate } from "@sealroom/core/company/mandate.ts";
import { counts } from "@sealroom/core/company/mandate.ts";
import type { Roster } from "@sealroom/core/company/roster.ts";
import { isOf } from "@sealroom/core/company/roster.ts";
import type { InForce } from "@sealroom/core/company/team.ts";
import { inForce, wasInForce } from "@sealroom/core/company/team.ts";
import type { Notice } from "@sealroom/core/consent/notice.ts";
import { ROSTER_RENEWAL_MS } from "@sealroom/core/constants.ts";
import { RemoteError } from "@sealroom/core/errors.ts";
import type { DeviceList } from "@sealroom/core/identity/list.ts";
import { names } from "@sealroom/core/identity/list.ts";
import type { DeviceRecord } from "@sealroom/core/identity/record.ts";
import type { RosterRef } from "@sealroom/core/rooms/state.ts";
import type { RankOf } from "@sealroom/core/rooms/transitions.ts";
import type { Context } from "./context.ts";
import { find } from "./directory.ts";
import type { Turn } from "./turn.ts";

const ASK_APART_MS = 600_000;

interface Timed<T> {
  readonly one: T;
  readonly learnedMs: number;
}

export interface KnownNotice {
  readonly notice: Notice;
  /** Those that were shown, or came. */
  readonly texts: ReadonlyMap<string, string>;
}

export interface Team {
  mandate: Mandate | null;
  /** Whom the mandate that counts, or a roster of it, suspends (ACC-22). */
  suspended: readonly Bytes[];
  readonly rosters: Map<string, Timed<Roster>>;
  readonly lists: Map<string, Timed<DeviceList>>;
  readonly records: Map<string, DeviceRecord>;
  readonly notices: Map<string, KnownNotice>;
  readonly cards: Map<string, AgentCard>;
  unclear: string;
  askedMs: number;
}

export function newTeam(): Team {
  const maps = { rosters: new Map(), lists: new Map(), records: new Map(), notices: new Map(), cards: new Map() };
  return { mandate: null, suspended: [], ...maps, unclear: "", askedMs: 0 };
}

// --- who is in force ---

export function counting(c: Context): Roster | null {
  const { mandate, rosters } = c.team;
  const ours = [...rosters.values()].map(({ one }) => one);
  const known = ours.filter((one) => mandate !== null && same(one.mandate.hash, mandate.hash));
  return known.reduce<Roster | null>(counts, null);
}

/**
 * The devices in force now (ACC-09). A roster of a day is asked for anew, and nothing waits for that (ACC-13).
 *
 * @throws RemoteError where that is not known
 */
export function teamNow(c: Context, turn: Turn): readonly InForce[] {
  const roster = counting(c);
  if (roster === null || turn.nowMs >= roster.issuedMs + ROSTER_RENEWAL_MS || roster.issuedMs > turn.nowMs) {
    askSoon(c, turn);
  }
  try {
    return inForceNow(c, turn);
  } catch (error) {
    if (error instanceof RemoteError) askSoon(c, turn);
    throw error;
  }
}

function inForceNow(c: Context, turn: Turn): readonly InForce[] {
  const { list } = c.company;
  if (list === null) throw new RemoteError("remote.list_gap", "no device list of the company is known");
  const rosters = [...c.team.rosters.values()].map(({ one }) => one);
  const found = inForce({ mandate: c.team.mandate, rosters }, list, recordsOf(c), turn.nowMs);
  return found.filter(({ record }) => !isSuspended(c, record.deviceId));
}

export function recordsOf(c: Context): readonly DeviceRecord[] {
  const pool = new Map([...c.team.records].map(([key, record]) => [key, record]));
  for (const { record } of c.peers.values()) pool.set(hex(record.hash), record);
  return [...pool.values()];
}

/** The devices in force, or nobody where that is not known. */
export function teamOrNone(c: Context, turn: Turn): readonly InForce[] {
  try {
    return teamNow(c, turn);
  } catch (error) {
    if (error instanceof RemoteError) return [];
    throw error;
  }
}

export function isSuspended(c: Context, deviceId: Bytes): boolean {
  const ids = [...c.team.suspended, ...(c.team.mandate?.suspended ?? [])];
  return ids.some((id) => same(id, deviceId));
}

/** Ranks by the roster that a state names; null while it, its list or a record of that is not here (ACC-21). */
export function ranksBy(c: Context, ref: RosterRef): RankOf | null {
  const roster = c.team.rosters.get(hex(ref.hash))?.one;
  const list = roster && c.team.lists.get(hex(roster.list.hash))?.one;
  if (roster === undefined || list === undefined || !isOf(roster, ref)) return null;
  try {
    const found = wasInForce(roster, list, recordsOf(c));
    return (id) => found.find(({ record }) => same(record.deviceId, id))?.rank ?? null;
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error;
    return error.code === "remote.list_gap" ? null : () => null;
  }
}

/** The signing key of a device by a record that an accepted list names, or named before. */
export function signerOf(c: Context, deviceId: Uint8Array): Bytes | null {
  const peer = c.peers.get(hex(deviceId));
  if (peer !== undefined) return peer.record.signPublic;
  const listed = [...c.team.records.values()].find((record) => {
    const isNamed = [...c.team.lists.values()].some(({ one }) => names(one, record));
    return same(record.deviceId, deviceId) && isNamed;
  });
  return listed?.signPublic ?? null;
}

/** Notices that the roster which counts states, the newest first; without one all (CNS-12). */
export function statedNotices(c: Context): readonly KnownNotice[] {
  const roster = counting(c);
  const known = [...c.team.notices.values()].sort((a, b) => b.notice.number - a.notice.number);
  if (roster === null) return known;
  const hashes = [roster.noticeHash, ...roster.older.map((one) => one.hash)];
  return known.filter(({ notice }) => hashes.some((hash) => same(hash, notice.hash)));
}

/** Until when consent to a notice counts that was replaced; 0 for no longer. */
export function untilMs(c: Context, noticeHash: Bytes): number {
  return counting(c)?.older.find((one) => same(one.hash, noticeHash))?.untilMs ?? 0;
}

// --- when to ask ---

/** Ask with the next tick, at most once in ten minutes. */
function askSoon(c: Context, turn: Turn): void {
  if (c.team.askedMs > 0 && c.team.askedMs <= turn.nowMs && turn.nowMs < c.team.askedMs + ASK_APART_MS) return;
  c.timers.set("team", turn.nowMs, (later) => {
    c.team.askedMs = later.nowMs;
    find(c, later);
  });
}

/** Tell once when it is not known who may act. */
export function review(c: Context, turn: Turn): void {
  let code = "";
  let isKnown = false;
  try {
    isKnown = inForceNow(c, turn).length > 0;
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error;
    code = error.code;
  }
  if (!isKnown) askSoon(c, turn);
  if (code === c.team.unclear) return;
  c.team.unclear = code;
  turn.notify({ type: "team", known: code === "", code });
}
