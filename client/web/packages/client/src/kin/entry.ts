/**
 * Our entry in the directory, and the relay's stock of our prekeys (ID-40 to ID-43, RLY-50 to RLY-67).
 *
 *     PUBLISH --(STALE_ENTRY: LOOKUP of our own entry)--> PREKEYS_COUNT --> PREKEYS_UPLOAD
 */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { compare as compareBytes, hex, same, u64 } from "@sealroom/core/bytes.ts";
import { DAY_MS, HOUR_MS, MAX_U32, PREKEY_LIFE_MS } from "@sealroom/core/constants.ts";
import { RemoteError } from "@sealroom/core/errors.ts";
import { signAddress, verifyAddress } from "@sealroom/core/identity/address.ts";
import type { DeviceList } from "@sealroom/core/identity/list.ts";
import { checkListTime, followChain, fork, verifyList } from "@sealroom/core/identity/list.ts";
import type { PrekeyKind } from "@sealroom/core/identity/prekey.ts";
import { decodeRecord } from "@sealroom/core/identity/record.ts";
import type { Answer, LookupResult } from "@sealroom/core/relay/answers.ts";
import * as requests from "@sealroom/core/relay/requests.ts";
import type { Answered, Link } from "../engine/links.ts";
import { ask, drop, MAX_RETRY_AFTER_MS } from "../engine/links.ts";
import { sendLists } from "../engine/lists.ts";
import { refuse } from "../engine/mailbox.ts";
import { isAhead, isListDue } from "../engine/own_lists.ts";
import type { OwnPrekey } from "../engine/records.ts";
import { redoAhead } from "../engine/renewal_time.ts";
import { setReplaced } from "../engine/state_ends.ts";
import type { Turn } from "../engine/turn.ts";
import { make, prekeysOf, rotate } from "../engine/upkeep.ts";
import { noteEntry, settle } from "./devices.ts";
import {
  isByCode,
  isReplacedBy,
  isSendable,
  noteListed,
  pendingOf,
  recordBefore,
  recordIn,
  recordsIn,
  signNext,
  takeNext,
  wasSignedBeside,
} from "./own_list.ts";
import type { KinState } from "./state.ts";
import { knowsAll, namedBy, owesList, setNext, setRefused, setRow } from "./state.ts";

const MAX_PUBLISHED = 64;
const MAX_STOCK_A_DAY = 400;
const STOCK = 24;
const REFILL_BELOW = 12;
const MAX_LISTS = 64;
const MAX_SHOWN = 64 * MAX_LISTS;
const MAX_CONTRADICTIONS = 3;
const REFUSED_RETRY_MS = 60_000;
const WAIT_FOR_COMPANY_MS = 500;
const TIMER = "own entry";

/** Go on with our entry, where the connection of our mailbox stands. */
export function refill(k: KinState, turn: Turn): void {
  const link = k.c.links.all.get("mailbox");
  if (link?.state === "ready") publish(k, turn, link);
}

function later(k: KinState, atMs: number): void {
  const dueMs = k.c.timers.atMs(TIMER);
  if (dueMs === null || dueMs > atMs) k.c.timers.set(TIMER, atMs, (then) => refill(k, then));
}

/**
 * Bring our entry up to date, then our prekeys. It is compared once in each opening of the store, and where the list
 * names another device right before each change and once a day (ID-40, ID-41); and before a list is signed behind one
 * that is over (ID-47).
 */
export function publish(k: KinState, turn: Turn, link: Link): void {
  const { own, company } = k.c;
  if (k.c.isReplaced) return;
  // What our other devices give us is judged by the company's list: it is here before they reach us.
  if (company.list === null) {
    later(k, turn.nowMs + WAIT_FOR_COMPANY_MS);
    return;
  }
  // After a clock that was put back, nothing is waited for longer than a relay may ask.
  const heldMs = k.heldMs <= turn.nowMs + MAX_RETRY_AFTER_MS ? k.heldMs : 0;
  const freeMs = Math.max(freeFrom(k.published, turn.nowMs, HOUR_MS, MAX_PUBLISHED), heldMs);
  if (freeMs > turn.nowMs) {
    later(k, freeMs);
    countMeanwhile(k, turn, link);
    return;
  }
  const isBehind = k.row.publishedSeq !== own.list.seq;
  const isDue = own.accountSeed !== null && (isListDue(own, turn.nowMs) || owesList(k) || pendingOf(k) !== null);
  const isOver = isDue && own.list.expiresMs <= turn.nowMs;
  const isUnseen = k.isBeside || (isBehind && isOver && !k.isFresh);
  if (isUnseen || isToCompare(k, turn.nowMs, isBehind, isBehind || isDue || k.lacksAddress)) {
    findHead(k, turn, link, Math.max(k.row.publishedSeq - 1, 0));
  } else if (isBehind && !isOver) {
    publishAfter(k, turn, link, k.row.publishedSeq);
  } else if (isDue && knowsAll(k)) publishNext(k, turn, link);
  else if (k.lacksAddress) publishAfter(k, turn, link, k.row.publishedSeq - 1);
  else {
    k.isFresh = false;
    count(k, turn, link);
  }
}

/** From when on something may be done again that may be done so often in a window. */
function freeFrom(used: { sinceMs: number; used: number }, nowMs: number, windowMs: number, most: number): number {
  if (nowMs < used.sinceMs || nowMs >= used.sinceMs + windowMs) Object.assign(used, { sinceMs: nowMs, used: 0 });
  return used.used < most ? nowMs : used.sinceMs + windowMs;
}

function isToCompare(k: KinState, nowMs: number, isBehind: boolean, isChanging: boolean): boolean {
  const { comparedMs } = k;
  const hasOthers = k.others.size > 0 || !knowsAll(k);
  if (!hasOthers) return comparedMs === null && !isBehind;
  if (isChanging || comparedMs === null) return !k.isFresh;
  return !(comparedMs <= nowMs && nowMs <= comparedMs + DAY_MS);
}

// --- publishing ---

function publishAfter(k: KinState, turn: Turn, link: Link, seq: number): void {
  const links = linksAfter(k, seq);
  const { list } = k.c.own;
  const lists = links.length === 0 ? [list] : links;
  send(k, turn, link, lists, list, (then, answer) => published(k, then, link, list, answer));
}

/** Our lists above a number, as far back from the newest as each follows the one before (ID-56). */
function linksAfter({ c }: KinState, seq: number): readonly DeviceList[] {
  const lists = c.ownLists.filter((one) => one.seq > seq);
  const from = lists.findLastIndex(
    (one, i) => i > 0 && !same(one.prevHash as Bytes, (lists[i - 1] as DeviceList).hash),
  );
  return lists.slice(Math.max(from, 0)).slice(-MAX_LISTS);
}

/** Sign our next list, or send the one that was signed; it is ours when the directory has it (ID-40, ID-47). */
function publishNext(k: KinState, turn: Turn, link: Link): void {
  const pending = pendingOf(k);
  const isSent = pending !== null && isSendable(pending, turn.nowMs);
  if (pending !== null && !isSent && !k.isFresh) {
    findHead(k, turn, link, Math.max(k.row.publishedSeq - 1, 0));
    return;
  }
  const before = recordBefore(k, pending);
  if (pending !== null && !isSent) takeSigned(k, turn, pending);
  const next = isSent ? pending : signNext(k, turn, before);
  if (next === null) return;
  const lists = linksAfter(k, k.row.publishedSeq);
  send(k, turn, link, [...lists, next].slice(-MAX_LISTS), next, (then, answer) => {
    // It may have been taken into use since, behind it another one was signed (ID-47).
    const waiting = pendingOf(k);
    if (answer.name === "done" && waiting !== null && same(waiting.hash, next.hash)) renewed(k, then, next);
    published(k, then, link, next, answer);
  });
}

/** A list that was signed is ours, and its number is used. */
function takeSigned(k: KinState, turn: Turn, list: DeviceList): void {
  takeNext(k, turn, list);
  setNext(k, turn, null);
  settle(k, turn, list, false);
}

function renewed(k: KinState, turn: Turn, next: DeviceList): void {
  const wasAhead = isAhead(k.c.own, turn.nowMs);
  takeSigned(k, turn, next);
  setRow(k, turn, { publishedSeq: next.seq });
  sendLists(k.c, turn);
  if (wasAhead) redoAhead(k.c, turn);
}

/** All records that the list names, our address under the record in use, and those of the others as the entry had them (ID-41). */
function send(
  k: KinState,
  turn: Turn,
  link: Link,
  lists: readonly DeviceList[],
  head: DeviceList,
  answered: Answered,
): void {
  const { own, mailbox } = k.c;
  k.isFresh = false;
  k.published.used += 1;
  k.leastIssuedMs = Math.max(turn.nowMs, k.leastIssuedMs);
  const fields = { mailbox: mailbox.id, token: k.row.doorToken, issuedMs: k.leastIssuedMs };
  const ours = recordsIn(k, head).map((record, i) => {
    return { record, address: i === 0 ? signAddress(own.signSeed, record, fields) : null };
  });
  const all = [...ours, ...namedBy(k, head)].sort((a, b) => compareBytes(a.record.hash, b.record.hash));
  const records = all.map((one) => one.record.bytes);
  const addresses = all.map((one) => one.address);
  const signed = lists.map((one) => one.signed);
  ask(turn, link, requests.publish(own.record.accountId, signed, records, addresses), answered);
}

function published(k: KinState, turn: Turn, link: Link, sent: DeviceList, answer: Answer): void {
  if (answer.name === "done") {
    compared(k, turn, sent);
    k.lacksAddress = false;
    publish(k, turn, link);
  } else if (answer.name === "error" && answer.code === requests.STALE_ENTRY) {
    if (!isContradicted(k, turn, link, answer)) findHead(k, turn, link, 0);
  } else if (isHeld(k, turn, answer)) countMeanwhile(k, turn, link);
  else refuse(k.c, turn, link, answer);
}

/**
 * Whether the relay has no room for a request now: it goes on later, on the same connection. Entry and prekeys do not
 * wait with each other (ID-57).
 */
function isHeld(k: KinState, turn: Turn, answer: Answer, what: "heldMs" | "stockHeldMs" = "heldMs"): boolean {
  if (answer.name !== "error" || answer.code !== requests.RATE_LIMITED) return false;
  k[what] = turn.nowMs + Math.min(Math.max(answer.retryAfterMs, REFUSED_RETRY_MS), MAX_RETRY_AFTER_MS);
  later(k, k[what]);
  return true;
}

/** The prekeys of an entry that is at the relay do not wait with it (ID-57). */
function countMeanwhile(k: KinState, turn: Turn, link: Link): void {
  if (k.row.publishedSeq > 0) count(k, turn, link);
}

/** The directory has this list as ours. */
function compared(k: KinState, turn: Turn, list: DeviceList): void {
  k.comparedMs = turn.nowMs;
  setRow(k, turn, { publishedSeq: list.seq });
}

// --- comparing ---

/** Of the pages before, `shown` has the lists: all of an answer are judged together (ID-54). */
function findHead(k: KinState, turn: Turn, link: Link, afterSeq: number, shown: readonly DeviceList[] = []): void {
  const { accountId } = k.c.own.record;
  ask(turn, link, requests.lookUp(accountId, afterSeq), (then, answer) => {
    foundHead(k, then, link, afterSeq, shown, answer);
  });
}

function foundHead(
  k: KinState,
  turn: Turn,
  link: Link,
  afterSeq: number,
  shown: readonly DeviceList[],
  answer: Answer,
): void {
  if (answer.name === "error" && answer.code === requests.NOT_FOUND) {
    [k.comparedMs, k.isFresh, k.isBeside] = [turn.nowMs, true, false];
    publishAnew(k, turn, link, answer);
    return;
  }
  const isShown = answer.name === "lookup_result" && answer.lists.length > 0;
  if (!isShown) {
    // There is nothing behind the number from which we have asked: the relay was put back (ID-54).
    if (answer.name === "lookup_result" && afterSeq > 0 && shown.length === 0) findHead(k, turn, link, 0);
    else if (isHeld(k, turn, answer)) countMeanwhile(k, turn, link);
    else refuse(k.c, turn, link, answer);
    return;
  }
  try {
    const lists = [...shown, ...answer.lists.map((one) => verifyList(k.c.own.record.accountId, one))];
    const held = lists.at(-1) as DeviceList;
    if (answer.more && held.seq > afterSeq && lists.length < MAX_SHOWN) findHead(k, turn, link, held.seq, lists);
    else goOn(k, turn, link, answer, lists, held);
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error;
    k.isBeside = true;
    turn.notify({ type: "rejected", code: error.code });
    drop(k.c, turn, link, REFUSED_RETRY_MS);
  }
}

function goOn(
  k: KinState,
  turn: Turn,
  link: Link,
  answer: LookupResult,
  lists: readonly DeviceList[],
  held: DeviceList,
): void {
  const { list, accountSeed } = k.c.own;
  const beside = isReplacedBy(k, held) ? [] : lists.filter((one) => isBeside(k, one, held));
  if (beside.length > 0) {
    const isOfACopy = beside.some((one) => one.seq >= list.seq && recordIn(k, one) !== null);
    if (accountSeed === null || !isOfACopy) throw fork();
    leave(k, turn, link);
    return;
  }
  const isOurs = same(held.hash, list.hash);
  if (held.seq < list.seq || isOurs) noteEntry(k, turn, held, answer);
  noteAddress(k, answer);
  [k.isFresh, k.isBeside] = [true, false];
  const pending = pendingOf(k);
  if (held.seq < list.seq) {
    setRow(k, turn, { publishedSeq: held.seq });
  } else if (isOurs) {
    compared(k, turn, held);
  } else if (pending !== null && same(held.hash, pending.hash)) {
    renewed(k, turn, pending);
    compared(k, turn, pending);
  } else {
    adoptNewer(k, turn, link, answer, lists);
    return;
  }
  publish(k, turn, link);
}

/**
 * Whether a list of our account is another one than ours for the number of that in use, or a next one that does not
 * follow it; or, as the newest that the directory has, another one than ours of a lower number (ID-48, ID-51).
 */
function isBeside(k: KinState, one: DeviceList, newest: DeviceList): boolean {
  const { list } = k.c.own;
  if (one.seq < list.seq) {
    const ours = k.c.ownLists.find((kept) => kept.seq === one.seq);
    return one === newest && ours !== undefined && !same(ours.hash, one.hash);
  }
  const isNext = one.seq === list.seq + 1;
  return one.seq === list.seq ? !same(one.hash, list.hash) : isNext && !same(one.prevHash as Bytes, list.hash);
}

/**
 * A second copy of this store has signed beside it, and the directory has that copy's list: it goes on (ID-48).
 */
function leave(k: KinState, turn: Turn, link: Link): void {
  setReplaced(k.c, turn, k.c.code !== "none");
  k.c.links.online = false;
  k.c.links.all.delete(link.channel);
}

/** The relay takes no address that is older than the one it holds; none at all is published again (RLY-54, ID-41). */
function noteAddress(k: KinState, answer: LookupResult): void {
  const { record } = k.c.own;
  const at = answer.records.findIndex((one) => same(decodeRecord(one).hash, record.hash));
  const signed = at < 0 ? undefined : answer.addresses[at];
  k.lacksAddress = signed === null;
  if (signed != null) k.leastIssuedMs = verifyAddress(record, signed).issuedMs;
}

/** Follow our own chain; one that another device has signed ends this one (ID-41, SES-40, ACC-67, ACC-75). */
function adoptNewer(k: KinState, turn: Turn, link: Link, answer: LookupResult, links: readonly DeviceList[]): void {
  const { own } = k.c;
  const last = links.at(-1) as DeviceList;
  const isRecovery = isReplacedBy(k, last);
  const newest = isRecovery ? last : followChain(own.list, links);
  // A recovery ends this device also by a list that is over, or dated ahead of this clock (ACC-67).
  if (!isRecovery) checkListTime(newest, turn.nowMs);
  if (recordIn(k, newest) === null || wasSignedBeside(k, links, answer.records)) {
    setReplaced(k.c, turn, isByCode(k, newest));
    drop(k.c, turn, link, MAX_RETRY_AFTER_MS);
    return;
  }
  noteListed(k, turn, links);
  for (const one of links) {
    if (one.seq <= own.list.seq || one.seq >= newest.seq) continue;
    k.c.ownLists.push(one);
    turn.put("list", u64(one.seq), () => one.signed);
  }
  takeNext(k, turn, newest);
  settle(k, turn, newest, true);
  noteEntry(k, turn, newest, answer);
  compared(k, turn, newest);
  sendLists(k.c, turn);
  publish(k, turn, link);
}

// --- the stock of prekeys ---

function count(k: KinState, turn: Turn, link: Link): void {
  if (turn.nowMs < k.stockHeldMs && k.stockHeldMs <= turn.nowMs + MAX_RETRY_AFTER_MS) {
    later(k, k.stockHeldMs);
    return;
  }
  const { accountId, hash } = k.c.own.record;
  ask(turn, link, requests.countPrekeys(accountId, hash), (then, answer) => stocked(k, then, link, answer));
}

function stocked(k: KinState, turn: Turn, link: Link, answer: Answer): void {
  if (answer.name !== "prekeys_stock") {
    const isGone = answer.name === "error" && answer.code === requests.NOT_AUTHENTICATED && k.row.publishedSeq > 0;
    if (isGone) publishAnew(k, turn, link, answer);
    else if (!isHeld(k, turn, answer, "stockHeldMs")) refuse(k.c, turn, link, answer);
    return;
  }
  rotate(k.c, turn);
  const [spk, pqk] = [prekeysOf(k.c, "SPK").at(-1), prekeysOf(k.c, "PQK_LAST_RESORT").at(-1)];
  if (spk === undefined || pqk === undefined) return;
  const opks = missing(k, turn, "OPK", answer.opks, answer.opkId);
  const pqks = missing(k, turn, "PQK_ONE_TIME", answer.pqks, answer.oneTimePqkId);
  const isStale = answer.spkId !== spk.prekey.id || answer.pqkId !== pqk.prekey.id;
  if (!isStale && opks.length === 0 && pqks.length === 0) {
    usable(k, link);
    return;
  }
  const { accountId, hash } = k.c.own.record;
  const oneTime = [signedOf(opks), signedOf(pqks)] as const;
  const upload = requests.uploadPrekeys(accountId, hash, spk.prekey.signed, pqk.prekey.signed, ...oneTime);
  // As long as it is not refused its keys may be in the stock, and handed out (ID-50).
  setRefused(k, turn, 0);
  ask(turn, link, upload, (then, found) => {
    if (found.name === "prekeys_stock") usable(k, link);
    else {
      const ids = [...opks, ...pqks].map((one) => one.prekey.id);
      if (found.name === "error" && ids.length > 0) setRefused(k, then, Math.min(...ids));
      if (!isHeld(k, then, found, "stockHeldMs")) refuse(k.c, then, link, found);
    }
  });
}

function usable(k: KinState, link: Link): void {
  k.contradictions = 0;
  link.refusals = 0;
}

function signedOf(keys: readonly OwnPrekey[]): readonly Bytes[] {
  return keys.map((one) => one.prekey.signed);
}

/** What fills the stock: keys that were refused first, then new ones, as many as a day has (ID-50, SES-35). */
function missing(k: KinState, turn: Turn, kind: PrekeyKind, held: number, highest: number): readonly OwnPrekey[] {
  if (held >= REFILL_BELOW) return [];
  const again = refusedOf(k, turn.nowMs, kind, highest).slice(0, STOCK - held);
  freeFrom(k.stock, turn.nowMs, DAY_MS, MAX_STOCK_A_DAY);
  const wanted = Math.min(STOCK - held - again.length, MAX_STOCK_A_DAY - k.stock.used);
  const made = Array.from({ length: Math.max(wanted, 0) }, () => {
    k.stock.used += 1;
    // Ids from the clock: an older copy of the store goes on above what was uploaded (ID-30).
    const id = Math.min(Math.max(k.row.stockId + 1, Math.floor(turn.nowMs / 1_000)), MAX_U32);
    setRow(k, turn, { stockId: id });
    return make(k.c, turn, kind, id);
  });
  return [...again, ...made];
}

/** Those of a refused upload that are ours still, of the last day, above all that the relay has had (ID-50). */
function refusedOf(k: KinState, nowMs: number, kind: PrekeyKind, highest: number): readonly OwnPrekey[] {
  if (k.refusedId === 0) return [];
  return prekeysOf(k.c, kind).filter(({ prekey, record }) => {
    const madeMs = prekey.notAfterMs - PREKEY_LIFE_MS;
    const isOfToday = madeMs <= nowMs && nowMs < madeMs + DAY_MS && same(record.hash, k.c.own.record.hash);
    return prekey.id >= k.refusedId && prekey.id > highest && isOfToday;
  });
}

/** The relay does not have our entry: an old backup was put back there. */
function publishAnew(k: KinState, turn: Turn, link: Link, answer: Answer): void {
  if (isContradicted(k, turn, link, answer)) return;
  setRow(k, turn, { publishedSeq: 0 });
  publish(k, turn, link);
}

/** Whether the relay has denied our entry again and again: then the connection ends (SES-35). */
function isContradicted(k: KinState, turn: Turn, link: Link, answer: Answer): boolean {
  k.contradictions += 1;
  if (k.contradictions <= MAX_CONTRADICTIONS) return false;
  k.contradictions = 0;
  refuse(k.c, turn, link, answer);
  return true;
}

/** For tests and screens: whether the directory has our newest list. */
export function isPublished(k: KinState): boolean {
  return k.row.publishedSeq === k.c.own.list.seq && hex(k.c.own.list.hash) !== "";
}
