/** What is known of a company, and who of it is in force (ACC-04, ACC-05, ACC-09 to ACC-11, ACC-19, ACC-21). */

import { compare, same } from "../bytes.ts";
import { CLOCK_TOLERANCE_MS } from "../constants.ts";
import { CoreError, RemoteError } from "../errors.ts";
import type { DeviceList } from "../identity/list.ts";
import { checkListTime, names } from "../identity/list.ts";
import type { DeviceRecord } from "../identity/record.ts";
import { checkRecordTime, FLAG_FRONT_DESK, KIND_AGENT, KIND_PERSON } from "../identity/record.ts";
import { checkIdentity } from "../identity/signed.ts";
import type { Mandate } from "./mandate.ts";
import { checkUsed, counts, isLearned } from "./mandate.ts";
import type { NamedDevice, Roster } from "./roster.ts";
import { verifySlot } from "./roster.ts";

export const RANK_DESK = 2;
export const RANK_SUPERVISOR = 3;

/** Mandate that counts and all known rosters; the same whatever the order in which they came (ACC-05). */
export interface CompanyView {
  readonly mandate: Mandate | null;
  readonly rosters: readonly Roster[];
}

export const NOTHING_KNOWN: CompanyView = { mandate: null, rosters: [] };

/** A device of a company that is in force. */
export interface InForce {
  readonly record: DeviceRecord;
  /** 3 supervisor, 2 desk, 1 agent, 0 any other (ACC-10). */
  readonly rank: number;
  readonly named: NamedDevice;
}

/** The view after mandate and roster; what is issued ahead of the tolerance is not learned (ACC-04). */
export function learn(view: CompanyView, roster: Roster, nowMs: number): CompanyView {
  if (!isLearned(roster.mandate, nowMs)) return view;
  const mandate = counts(view.mandate, roster.mandate);
  if (!isLearned(roster, nowMs) || view.rosters.some((known) => same(known.hash, roster.hash))) {
    return { ...view, mandate };
  }
  return { mandate, rosters: [...view.rosters, roster] };
}

/** The view after the slots of a directory: one that does not verify is left out (ACC-11). */
export function learnSlots(accountId: Uint8Array, slots: readonly Uint8Array[], nowMs: number): CompanyView {
  return slots.reduce((view, slot) => {
    try {
      return learn(view, verifySlot(accountId, slot), nowMs);
    } catch (error) {
      if (error instanceof CoreError) return view;
      throw error;
    }
  }, NOTHING_KNOWN);
}

/** Rosters of the mandate that counts. */
function rostersOf(view: CompanyView): readonly Roster[] {
  const { mandate } = view;
  return view.rosters.filter((one) => mandate !== null && same(one.mandate.hash, mandate.hash));
}

/**
 * The devices in force now, by ascending device id; looked for in the order of ACC-19.
 *
 * @throws RemoteError `room.mandate`, `room.roster_expired`, `remote.list_expired`, `remote.identity`, `remote.list_gap`
 */
export function inForce(
  view: CompanyView,
  list: DeviceList,
  records: readonly DeviceRecord[],
  nowMs: number,
): readonly InForce[] {
  if (view.mandate === null) throw new RemoteError("room.mandate", "no mandate is known");
  checkUsed(view.mandate, nowMs, "room.mandate");
  const rosters = rostersOf(view);
  const roster = rosters.reduce<Roster | null>(counts, null);
  if (roster === null) throw new RemoteError("room.roster_expired", "no roster of this mandate is known");
  checkUsed(roster, nowMs, "room.roster_expired");
  checkListTime(list, nowMs, CLOCK_TOLERANCE_MS);
  checkListOf(roster, list);
  const suspended = [...view.mandate.suspended, ...rosters.flatMap((one) => one.suspended)];
  const listed = records.filter((record) => same(record.accountId, list.accountId) && names(list, record));
  checkOneDeviceEach(listed);
  const devices = roster.devices.filter((named) => {
    return nowMs <= named.notAfterMs + CLOCK_TOLERANCE_MS && !suspended.some((id) => same(id, named.deviceId));
  });
  return devices.flatMap((named) => {
    const record = recordOf(named, listed, nowMs);
    return record === null ? [] : [{ record, rank: rankOf(record, roster.mandate), named }];
  });
}

/**
 * Who was in force by a roster, its mandate and the list whose head it states, at its issued_ms; suspensions by other
 * rosters are left out (ACC-21).
 *
 * @throws RemoteError `remote.list_gap` for another list, or without all of its records; as `inForce`
 */
export function wasInForce(roster: Roster, list: DeviceList, records: readonly DeviceRecord[]): readonly InForce[] {
  const isStated = roster.list.seq === list.seq && same(roster.list.hash, list.hash);
  if (!isStated || !list.recordHashes.every((hash) => records.some((record) => same(record.hash, hash)))) {
    throw new RemoteError("remote.list_gap", "the list that a roster states, or a record of it, is not here");
  }
  return inForce({ mandate: roster.mandate, rosters: [roster] }, list, records, roster.issuedMs);
}

/** The list that a roster goes by, or a newer one of its account (ACC-19). */
function checkListOf(roster: Roster, list: DeviceList): void {
  checkIdentity(same(list.accountId, roster.mandate.accountId), "a list of another account");
  if (roster.list.seq > list.seq) throw new RemoteError("remote.list_gap", "a roster of a newer list");
  const isOther = roster.list.seq === list.seq && !same(roster.list.hash, list.hash);
  checkIdentity(!isOther, "another list than the roster states");
}

/** A device id stands for one pair of keys (ID-27). */
function checkOneDeviceEach(records: readonly DeviceRecord[]): void {
  for (const record of records) {
    const other = records.some((one) => {
      const sameKeys = same(one.signPublic, record.signPublic) && same(one.dhPublic, record.dhPublic);
      return same(one.deviceId, record.deviceId) && !sameKeys;
    });
    checkIdentity(!other, "two records of one device with different keys");
  }
}

/** Of several valid records the one created last, of equal ones the one with the larger hash (ACC-09). */
function recordOf(named: NamedDevice, records: readonly DeviceRecord[], nowMs: number): DeviceRecord | null {
  const valid = records.filter((record) => {
    return same(record.deviceId, named.deviceId) && record.kind !== KIND_PERSON && isValid(record, nowMs);
  });
  return valid.reduce<DeviceRecord | null>((best, one) => {
    if (best === null) return one;
    const later = one.createdMs - best.createdMs || compare(one.hash, best.hash);
    return later > 0 ? one : best;
  }, null);
}

function isValid(record: DeviceRecord, nowMs: number): boolean {
  try {
    checkRecordTime(record, nowMs);
    return true;
  } catch (error) {
    if (error instanceof CoreError) return false;
    throw error;
  }
}

/** Supervisor by the mandate, desk by the record's flag, agent by its kind; no roster raises a rank (ACC-10). */
function rankOf(record: DeviceRecord, mandate: Mandate): number {
  if (mandate.supervisors.some((id) => same(id, record.deviceId))) return RANK_SUPERVISOR;
  if ((record.flags & FLAG_FRONT_DESK) !== 0) return RANK_DESK;
  return record.kind === KIND_AGENT ? 1 : 0;
}
