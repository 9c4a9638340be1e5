/** Our own lists: renewed in time, dated anew after a clock that was ahead (ID-39, ID-40, ID-45). */

import { compare, hex, u64 } from "@sealroom/core/bytes.ts";
import { DEVICE_LIFE_MS, LIST_TTL_MS, MAX_COUNTER, MINUTE_MS, RECOVERED_FROM } from "@sealroom/core/constants.ts";
import type { DeviceList } from "@sealroom/core/identity/list.ts";
import { signList, verifyList } from "@sealroom/core/identity/list.ts";
import type { DeviceRecord } from "@sealroom/core/identity/record.ts";
import { decodeRecord, encodeRecord } from "@sealroom/core/identity/record.ts";
import type { Context } from "./context.ts";
import type { Own } from "./records.ts";
import { setOwn } from "./state.ts";
import type { Turn } from "./turn.ts";

/** From this minute on, the year 2097, nothing is signed (ID-46). */
const END_MINUTE = 2 ** 26;
// --- our list ---

/** Whether our list or record was dated by a clock ahead of now (ID-39). */
export function isAhead(own: Own, nowMs: number): boolean {
  return Math.max(own.list.issuedMs, own.record.createdMs) > nowMs;
}

export function isListDue(own: Own, nowMs: number): boolean {
  return own.list.expiresMs - nowMs <= LIST_TTL_MS / 2 || isAhead(own, nowMs);
}

/** A record of the same keys, dated anew (ID-39). */
export function redated(record: DeviceRecord, atMs: number): DeviceRecord {
  return decodeRecord(encodeRecord({ ...record, createdMs: atMs, expiresMs: atMs + DEVICE_LIFE_MS }));
}

/**
 * Sign our next list. Where the record is of a time to come it names one of now too, with the same keys (ID-39); the
 * older record stays named, since sessions were made under it (ID-28). It follows from the minute, and names our first
 * list as the one before: two copies of a store that sign in one minute sign one list (ID-45).
 */
export function renewList(c: Context, turn: Turn): void {
  const { own } = c;
  if (own.accountSeed === null || c.isReplaced) return;
  const renewed = own.record.createdMs > turn.nowMs;
  const minuteMs = turn.nowMs - (turn.nowMs % MINUTE_MS);
  const record = renewed ? redated(own.record, minuteMs) : own.record;
  const older = renewed ? [own.record.hash] : own.list.recordHashes;
  const hashes = [...new Map([...older, record.hash].map((one) => [hex(one), one])).values()];
  const issued = c.ownLists.map((one) => one.issuedMs);
  const [first] = c.ownLists as [DeviceList];
  const seq = nextSeq(own.list.seq, issued, turn.nowMs);
  if (seq === null) return;
  const signed = signList(own.accountSeed, {
    accountId: own.record.accountId,
    seq,
    prevHash: first.hash,
    issuedMs: minuteMs,
    expiresMs: minuteMs + LIST_TTL_MS,
    recoveryPublic: own.list.recoveryPublic,
    recordHashes: hashes.slice(-2).sort(compare),
  });
  takeList(c, turn, verifyList(own.record.accountId, signed), { ...own, record });
}

/** Take a list of ours as the newest (ID-40). */
export function takeList(c: Context, turn: Turn, list: DeviceList, own: Own = c.own): void {
  c.ownLists.push(list);
  turn.put("list", u64(list.seq), () => list.signed);
  setOwn(c, turn, { ...own, list });
}

/**
 * Twice the Unix minute, or where a clock ahead has given a higher number, that and twice the minutes since the newest
 * list that is not dated ahead (ID-40); null where that gives none (ID-46).
 */
function nextSeq(last: number, issuedMs: readonly number[], nowMs: number): number | null {
  const minuteOf = (ms: number): number => Math.floor(ms / MINUTE_MS);
  const minute = minuteOf(nowMs);
  const past = issuedMs.filter((ms) => ms <= nowMs).map(minuteOf);
  const newest = past.length === 0 ? minute : Math.max(...past);
  const passed = minute - newest + ((issuedMs.at(-1) ?? 0) > nowMs ? 1 : 0);
  const seq = Math.max(2 * minute, last + 2 * Math.max(passed, 1));
  return minute < END_MINUTE && seq <= (last > RECOVERED_FROM ? MAX_COUNTER - 1 : RECOVERED_FROM) ? seq : null;
}
