/** Our next list, of an account with a directory entry, and the record of ours that a list has in use (ID-39, ID-40). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { compare, hex, same } from "@sealroom/core/bytes.ts";
import { CLOCK_TOLERANCE_MS, DAY_MS, LIST_TTL_MS } from "@sealroom/core/constants.ts";
import { RemoteError } from "@sealroom/core/errors.ts";
import type { DeviceList } from "@sealroom/core/identity/list.ts";
import { hasReplaced, isRecovered, names, signList, verifyList } from "@sealroom/core/identity/list.ts";
import type { DeviceRecord } from "@sealroom/core/identity/record.ts";
import { decodeRecord } from "@sealroom/core/identity/record.ts";
import { isNotOurs, namesOurs } from "../engine/given_back.ts";
import type { Ending } from "../engine/kin.ts";
import { isAhead, redated, takeList } from "../engine/own_lists.ts";
import type { Own } from "../engine/records.ts";
import type { Turn } from "../engine/turn.ts";
import { ClientError } from "../errors.ts";
import type { KinState } from "./state.ts";
import { ownRecords, presentOf, setListed, setNext, setOlder } from "./state.ts";

/** The list that was signed for the next number and that the directory has not confirmed. */
export function pendingOf(k: KinState): DeviceList | null {
  const { next } = k;
  const { list } = k.c.own;
  if (next === null || next.prevHash === null) return null;
  const follows = next.seq === list.seq + 1 && same(next.prevHash, list.hash);
  return follows ? next : null;
}

/** Whether it is sent alone by this clock; else the next one leaves together with it (ID-47). */
export function isSendable(pending: DeviceList, nowMs: number): boolean {
  return pending.issuedMs <= nowMs + CLOCK_TOLERANCE_MS && nowMs <= pending.expiresMs;
}

/**
 * Sign our next list. Where list or record are of a time to come it names a record of now, with the same keys (ID-39);
 * the record of before stays named, since sessions were made under it (ID-28).
 */
export function signNext(k: KinState, turn: Turn, before: DeviceRecord): DeviceList | null {
  const { own } = k.c;
  if (own.accountSeed === null) return null;
  const known = ownRecords(k);
  const anew = isAhead(own, turn.nowMs) ? redated(own.record, turn.nowMs) : own.record;
  const ours = same(anew.hash, own.record.hash) ? known : [anew, before];
  const others = presentOf(k).filter((one) => !one.leaving);
  const hashes = [...ours, ...others.map((one) => one.record)].map((one) => one.hash);
  const fields = {
    ...{ accountId: own.record.accountId, seq: own.list.seq + 1, prevHash: own.list.hash },
    ...{ issuedMs: turn.nowMs, expiresMs: turn.nowMs + LIST_TTL_MS, recoveryPublic: own.list.recoveryPublic },
    recordHashes: distinct(hashes).sort(compare),
  };
  const next = verifyList(own.record.accountId, signList(own.accountSeed, fields));
  setNext(k, turn, next);
  return next;
}

function distinct(hashes: readonly Bytes[]): Bytes[] {
  return [...new Map(hashes.map((one) => [hex(one), one])).values()];
}

/** Our record that a list has in use: the one that was dated anew for it, or one that is known; null for none. */
export function recordIn(k: KinState, list: DeviceList): DeviceRecord | null {
  const anew = redated(k.c.own.record, list.issuedMs);
  return [anew, ...ownRecords(k)].find((one) => names(list, one)) ?? null;
}

/**
 * Whether a list says that another device has our account: it names none of our records. Without the code that is said by
 * a recovery alone, and else by the entry (ACC-67).
 */
export function isReplacedBy(k: KinState, list: DeviceList): boolean {
  const isTold = isRecovered(list) || k.c.code !== "none";
  return isTold && recordIn(k, list) === null && hasReplaced(list, k.c.own.list, []);
}

/** Whether a list that we are given, or shown, was signed by somebody else with the code (ACC-75, ACC-78). */
export function isSignedBeside(k: KinState, list: DeviceList, isShown: boolean): boolean {
  if (!isNotOurs(k.c, list) || (k.next !== null && same(k.next.hash, list.hash))) return false;
  if (isShown) return !namesOurs(k.c, list);
  return recordIn(k, list) === null || strangersIn(k, list, knownIn(k, [], [list])).length > 0;
}

/**
 * Whether a list of our entry names a device that this one has not taken in, though all lists are signed here: the newest,
 * or one before it, since it may be struck off by now (ACC-75).
 *
 * @throws RemoteError `remote.identity` where the newest names one, and the record of none is `shown`
 */
export function wasSignedBeside(k: KinState, links: readonly DeviceList[], shown: readonly Bytes[]): boolean {
  const given = shown.map(decodeRecord);
  const strangers = strangersIn(k, links.at(-1) as DeviceList, knownIn(k, given, links.slice(-1)));
  if (strangers.length > 0 && !given.some(({ hash }) => strangers.some((one) => same(one, hash))))
    throw new RemoteError("remote.identity", "not all records that our list names are shown");
  const known = knownIn(k, given, links);
  return links.some((one) => strangersIn(k, one, known).length > 0);
}

/** What a list that was not signed here names that is not `known`. */
function strangersIn(k: KinState, list: DeviceList, known: ReadonlySet<string>): readonly Bytes[] {
  const found = list.recordHashes.filter((one) => !known.has(hex(one)));
  return found.length > 0 && isNotOurs(k.c, list) ? found : [];
}

/** The records of our devices by their hashes: those that are `given` and, made anew, in `links`, too. */
function knownIn(k: KinState, given: readonly DeviceRecord[], links: readonly DeviceList[]): ReadonlySet<string> {
  const { record, list: ours } = k.c.own;
  const mine = given.filter((one) => isSameDevice(one, record));
  const anew = links.map((one) => redated(record, one.issuedMs));
  const known = [...ownRecords(k), ...mine, ...anew, ...presentOf(k).map((one) => one.record)];
  return new Set([...ours.recordHashes, ...known.map((one) => one.hash)].map(hex));
}

/**
 * Keep each device that lists of our account have named for a while and that is not known here: lists that are shown us,
 * or that lead to our newest one (ACC-80).
 */
export function noteListed(k: KinState, turn: Turn, given: readonly DeviceList[]): void {
  const kept = k.c.ownLists;
  if (k.c.isReplaced) return;
  const every = [...new Map([...given, ...kept].map((one) => [hex(one.hash), one])).values()].sort(
    (a, b) => a.seq - b.seq,
  );
  const newest = every.at(-1) as DeviceList;
  const known = new Set([...kept, newest].flatMap((one) => one.recordHashes).map(hex));
  const isNew = ({ seq, recordHashes }: DeviceList): boolean =>
    seq >= (kept[0]?.seq ?? 0) && recordHashes.some((one) => !known.has(hex(one)));
  const news = every.filter(isNew);
  const ours = [...ownRecords(k), ...[...k.others.values()].map((one) => one.record)];
  const anew = news.flatMap((list) => ours.map((one) => redated(one, list.issuedMs)));
  for (const one of [...ours, ...anew]) known.add(hex(one.hash));
  for (const hash of news.flatMap((one) => one.recordHashes).filter((one) => !known.has(hex(one)))) {
    const isIn = (one: DeviceList): boolean => one.recordHashes.some((named) => same(named, hash));
    const [first, after] = [every.find(isIn) as DeviceList, every[every.findLastIndex(isIn) + 1] as DeviceList];
    setListed(k, turn, { hash, addedMs: first.issuedMs, removedMs: after.issuedMs });
  }
}

function isSameDevice(a: DeviceRecord, b: DeviceRecord): boolean {
  return same(a.deviceId, b.deviceId) && same(a.signPublic, b.signPublic) && same(a.dhPublic, b.dhPublic);
}

/** The record that was in use before our next list: not one that only a list which was never confirmed has in use (ID-28). */
export function recordBefore(k: KinState, pending: DeviceList | null): DeviceRecord {
  const { record } = k.c.own;
  const [inUse, older] = pending === null ? [] : recordsIn(k, pending);
  return inUse === undefined || older === undefined || same(inUse.hash, record.hash) ? record : older;
}

/** Whether it was by the code that another device has the account, as a backup of after one would not need (ACC-74). */
export function isByCode({ c }: KinState, list: DeviceList): boolean {
  const wasRecovered = c.own.accountSeed === null && isRecovered(c.own.list);
  return c.code !== "none" || (isRecovered(list) && !wasRecovered);
}

/** Our records that a list names, the one in use first: all of them stand in the entry, one with our address (ID-41). */
export function recordsIn(k: KinState, list: DeviceList): readonly DeviceRecord[] {
  const record = recordIn(k, list);
  const named = ownRecords(k).filter((one) => names(list, one));
  return record === null ? [] : [record, ...named.filter((one) => !same(one.hash, record.hash))];
}

/** Take a list of ours as the newest, with the record that it has in use (ID-39, ID-40). */
export function takeNext(k: KinState, turn: Turn, list: DeviceList): void {
  const { own } = k.c;
  const record = recordIn(k, list) ?? own.record;
  const older = ownRecords(k).find((one) => names(list, one) && !same(one.hash, record.hash));
  if (!same(record.hash, own.record.hash)) setOlder(k, turn, older ?? own.record);
  takeList(k.c, turn, list, { ...own, record });
}

/** The end of our list, from 12 days before it on, where another device renews it; past it nothing is written (ID-65). */
export function endingOf({ accountSeed, list }: Own, nowMs: number): Ending | null {
  const { expiresMs } = list;
  if (accountSeed !== null || expiresMs - nowMs > 12 * DAY_MS) return null;
  const until = { listUntilMs: expiresMs };
  return nowMs <= expiresMs ? until : { ...until, canWrite: false, canSendFiles: false };
}

/**
 * Refuse contents that contacts would hold: our list is over (ID-65).
 *
 * @throws ClientError `account.list_over`
 */
export function checkListed({ accountSeed, list }: Own, nowMs: number): void {
  if (accountSeed === null && nowMs > list.expiresMs)
    throw new ClientError("account.list_over", "the first device has to renew the list of devices");
}
