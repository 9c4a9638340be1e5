/** The directory: the company's newest list, addresses, prekeys and rosters (ID-07, ID-16, ID-37, ACC-11). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { concat, hex, readU32, same } from "@sealroom/core/bytes.ts";
import { CLOCK_TOLERANCE_MS, DAY_MS, HOUR_MS, PREKEY_GRACE_MS } from "@sealroom/core/constants.ts";
import { RemoteError } from "@sealroom/core/errors.ts";
import type { Address } from "@sealroom/core/identity/address.ts";
import { verifyAddress } from "@sealroom/core/identity/address.ts";
import { verifyBundle } from "@sealroom/core/identity/bundle.ts";
import type { DeviceList } from "@sealroom/core/identity/list.ts";
import { checkListed, checkListTime, followChain, verifyList } from "@sealroom/core/identity/list.ts";
import type { DeviceRecord } from "@sealroom/core/identity/record.ts";
import { checkRecordTime, decodeRecord } from "@sealroom/core/identity/record.ts";
import { checkIdentity } from "@sealroom/core/identity/signed.ts";
import type { Answer, LookupResult } from "@sealroom/core/relay/answers.ts";
import * as requests from "@sealroom/core/relay/requests.ts";
import type { Context } from "./context.ts";
import { ask, linkOf, MAX_RETRY_AFTER_MS, withWork } from "./links.ts";
import { alarm, pin } from "./lists.ts";
import type { Peer } from "./records.ts";
import { start, tryStart } from "./renewal.ts";
import { companyChanged } from "./rooms/rooms.ts";
import { pump } from "./sending.ts";
import { isOwn, listOf, newPeer, peerOf, peersNamed, setCompany, setPeer } from "./state.ts";
import { noteEntry } from "./team_learning.ts";
import type { Turn } from "./turn.ts";

const LATEST_MS = 7 * DAY_MS - 2 * HOUR_MS;
const JITTER_MS = 2 * DAY_MS;
const RETRY_MS = 15_000;
const RETRY_LIST_MS = 600_000;
const CLAIMS_APART_MS = 600_000;
const MAX_PAGES = 64;
const RETRY_AWAY_MS = 6 * HOUR_MS;
const TIMER = "look up";

/** The first pause, doubled after each further failure, and the longest one (ID-44). */
type Pauses = readonly [firstMs: number, mostMs: number];
const OF_LISTS: Pauses = [RETRY_MS, RETRY_LIST_MS];
const OF_A_LIST_THAT_IS_OVER: Pauses = [RETRY_MS, RETRY_AWAY_MS];
/** A device is shown before its prekeys can be there. */
const OF_PREKEYS: Pauses = [1_000, RETRY_AWAY_MS];

/** A lookup under way: the lists seen so far and how many pages they took. */
interface Search {
  readonly links: readonly Bytes[];
  readonly pages: number;
}

export interface Directory {
  search: Search | null;
  /** To be asked when the connection stands. */
  postponed: boolean;
  /** Devices whose prekeys are being fetched. */
  readonly fetching: Set<string>;
  readonly addresses: Map<string, Address>;
  /** How often in a row it failed: "" is the company, a device its prekeys, `-` and a device its address. */
  readonly failed: Map<string, number>;
  caughtUpMs: number;
  /** How much sooner than in a week it is asked; drawn anew after each lookup. */
  soonerMs: number | null;
  told: string;
  /** Delivery tokens for which the relay asks for work. */
  readonly needsWork: Set<string>;
}

export function newDirectory(): Directory {
  const sets = { fetching: new Set<string>(), addresses: new Map<string, Address>(), needsWork: new Set<string>() };
  const times = { caughtUpMs: 0, soonerMs: null };
  return { search: null, postponed: false, failed: new Map(), ...times, told: "", ...sets };
}

// --- when ---

/** Look the company up if the last time is more than a day ago; nothing waits for it (ID-37). */
export function refresh(c: Context, turn: Turn): void {
  if (turn.nowMs > Math.min(c.company.lookedUpMs, turn.nowMs) + DAY_MS) find(c, turn);
}

/** Look the company up; where that did not help before, only after its pause (ID-44). */
export function find(c: Context, turn: Turn): void {
  if (!c.timers.isWaiting(TIMER, turn.nowMs)) lookUp(c, turn);
}

/** Look for the address of a device: of ours in our entry (ACC-39), of the company's after its pause (ID-44). */
export function seek(c: Context, turn: Turn, device: string): void {
  const peer = c.peers.get(device);
  if (peer !== undefined && isOwn(c, peer.record)) c.kin?.compare(turn);
  else if (!c.timers.isWaiting(`${TIMER}-${device}`, turn.nowMs)) find(c, turn);
}

/** Every five to seven days, and within the week at the latest; the moment says nothing of who it is (ID-37). */
export function weekly(c: Context, turn: Turn): void {
  const sooner = c.directory.soonerMs ?? readU32(c.rng(4), 0) % JITTER_MS;
  c.directory.soonerMs = sooner;
  if (turn.nowMs > Math.min(c.company.lookedUpMs, turn.nowMs) + LATEST_MS - sooner) find(c, turn);
}

/** Look it up because it says that it has something newer, at most once in ten minutes (CON-13). */
export function catchUp(c: Context, turn: Turn): void {
  if (turn.nowMs < Math.min(c.directory.caughtUpMs, turn.nowMs) + CLAIMS_APART_MS) return;
  c.directory.caughtUpMs = turn.nowMs;
  lookUp(c, turn);
}

export function lookUp(c: Context, turn: Turn): void {
  if (c.directory.search !== null) return;
  const link = linkOf(c, turn, "send");
  if (link.state !== "ready") {
    c.directory.postponed = true;
    return;
  }
  c.directory.postponed = false;
  c.directory.search = { links: [], pages: 0 };
  askLists(c, turn, c.company.list?.seq ?? 0);
}

/** The sending connection is ready: ask what could not be asked before. */
export function connected(c: Context, turn: Turn): void {
  if (c.directory.postponed) lookUp(c, turn);
}

/** The connection is gone: what was asked there has to be asked again. */
export function lostConnection(c: Context): void {
  if (c.directory.search !== null) c.directory.postponed = true;
  c.directory.search = null;
  c.directory.fetching.clear();
}

/** Ask for this no sooner than after a while, twice as long after each failure (ID-44). */
function hold(c: Context, turn: Turn, what: string, answer: Answer | null, [firstMs, mostMs]: Pauses): void {
  const failed = c.directory.failed.get(what) ?? 0;
  const doubled = firstMs * 2 ** failed;
  c.directory.failed.set(what, failed + 1);
  const retryMs = answer?.name === "error" ? Math.min(answer.retryAfterMs, MAX_RETRY_AFTER_MS) : 0;
  c.timers.set(TIMER + what, turn.nowMs + Math.max(Math.min(doubled, mostMs), retryMs), (later) => {
    lookUp(c, later);
    pump(c, later);
  });
}

/** What was asked for is here: the next failure is the first one again. */
function over(c: Context, what: string): void {
  c.directory.failed.delete(what);
  c.timers.drop(TIMER + what);
}

/** A device of the company has sent what opened: it is there again, and a long pause ends (ID-44). */
export function heardAgain(c: Context, turn: Turn): void {
  for (const what of c.directory.failed.keys()) {
    if (c.timers.isWaiting(TIMER + what, turn.nowMs + RETRY_LIST_MS)) {
      over(c, what);
      lookUp(c, turn);
    }
  }
}

// --- lists and addresses ---

function askLists(c: Context, turn: Turn, afterSeq: number): void {
  const link = linkOf(c, turn, "send");
  ask(turn, link, requests.lookUp(c.company.accountId, afterSeq), (later, answer) => lists(c, later, answer));
}

function lists(c: Context, turn: Turn, answer: Answer): void {
  const { search } = c.directory;
  if (search === null) return;
  if (answer.name !== "lookup_result") {
    c.directory.search = null;
    hold(c, turn, "", answer, OF_LISTS);
    return;
  }
  try {
    const links = [...search.links, ...answer.lists];
    const pages = search.pages + 1;
    if (answer.more && answer.lists.length > 0 && pages < MAX_PAGES) {
      c.directory.search = { links, pages };
      askLists(c, turn, verifyList(c.company.accountId, answer.lists.at(-1) as Bytes).seq);
      return;
    }
    c.directory.search = null;
    const list = verifiedList(c, links, turn.nowMs);
    const devices = devicesOf(list, answer, turn.nowMs);
    for (const { record } of devices) checkKeys(peerOf(c, record.deviceId), record);
    found(c, turn, list, devices, answer);
  } catch (error) {
    c.directory.search = null;
    if (!(error instanceof RemoteError)) throw error;
    const isBehind = c.company.list !== null && /_(gap|expired)$/.test(error.code);
    refused(c, turn, "", error, isBehind ? OF_A_LIST_THAT_IS_OVER : OF_LISTS);
  }
}

function verifiedList(c: Context, links: readonly Bytes[], nowMs: number): DeviceList {
  const pinned = c.company.list;
  if (links.length === 0 && pinned === null) throw new RemoteError("remote.list_gap", "the directory gave no list");
  const verified = links.map((one) => verifyList(c.company.accountId, one));
  const list = verified.length === 0 ? (pinned as DeviceList) : followChain(pinned, verified);
  checkListTime(list, nowMs, CLOCK_TOLERANCE_MS);
  return list;
}

interface Device {
  readonly record: DeviceRecord;
  readonly address: Address;
}

/** The devices that take messages, with their addresses (ID-20). */
function devicesOf(list: DeviceList, result: LookupResult, nowMs: number): readonly Device[] {
  const devices = result.records.flatMap((bytes, i) => {
    const signed = result.addresses[i] ?? null;
    if (signed === null) return [];
    const record = decodeRecord(bytes);
    checkListed(list, record);
    checkRecordTime(record, nowMs);
    return [{ record, address: verifyAddress(record, signed) }];
  });
  checkIdentity(devices.length > 0, "no device of this account takes messages");
  return devices;
}

/** A device id stands for one pair of keys (ID-27). */
export function checkKeys(known: Peer | null, record: DeviceRecord): void {
  if (known === null) return;
  const { signPublic, dhPublic } = known.record;
  const isSame = same(signPublic, record.signPublic) && same(dhPublic, record.dhPublic);
  checkIdentity(isSame, "a known device with other keys");
}

function found(c: Context, turn: Turn, list: DeviceList, devices: readonly Device[], result: LookupResult): void {
  c.directory.soonerMs = null;
  c.directory.told = "";
  over(c, "");
  setCompany(c, turn, { ...c.company, lookedUpMs: turn.nowMs });
  pin(c, turn, list);
  for (const one of devices) learn(c, turn, one);
  noteEntry(c, turn, result);
  const seek = (device: string) => hold(c, turn, `-${device}`, null, OF_LISTS);
  for (const [device, lane] of c.outbox.lanes()) {
    if (lane.waiting.length > 0 && !c.peers.has(device)) seek(device);
  }
  for (const { deviceId, pair, record } of peersNamed(c)) {
    const device = hex(deviceId);
    const isLacking = pair.wanted !== null && !c.directory.addresses.has(device) && !isOwn(c, record);
    if (isLacking) seek(device);
    tryStart(c, turn, deviceId);
  }
  companyChanged(c, turn);
  pump(c, turn);
}

/** Keep how to reach a device; one of the company is written to only to post to it (TRN-31). */
function learn(c: Context, turn: Turn, { record, address }: Device): void {
  const peer = peerOf(c, record.deviceId) ?? newPeer(record);
  const device = hex(record.deviceId);
  c.directory.addresses.set(device, address);
  over(c, `-${device}`);
  const isNewer = address.issuedMs >= peer.wayBackMs || peer.wayBack === null || peer.pair.sessions.length === 0;
  const wayBack = { mailbox: address.mailbox, token: address.token, relayUrl: c.company.relayUrl };
  const way = isNewer ? { wayBack, wayBackMs: Math.min(address.issuedMs, turn.nowMs) } : {};
  setPeer(c, turn, { ...peer, record, ...way });
}

/**
 * A list, address or bundle does not hold. Two lists signed for one number stop the conversation; everything else is a
 * fault of the relay, told once and tried again (ID-07, ID-37).
 */
function refused(c: Context, turn: Turn, what: string, error: RemoteError, pauses: Pauses): void {
  if (error.code === "remote.list_fork") alarm(c, turn, error.code);
  else if (c.directory.told !== error.code) {
    c.directory.told = error.code;
    turn.notify({ type: "rejected", code: error.code });
  }
  hold(c, turn, what, null, pauses);
}

// --- prekeys ---

/** Ask for prekeys of a device, to start a session with it; whether that could be asked. */
export function fetchPrekeys(c: Context, turn: Turn, peer: Peer): boolean {
  const device = hex(peer.deviceId);
  if (c.timers.isWaiting(TIMER + device, turn.nowMs) || c.directory.fetching.has(device)) return false;
  const address = c.directory.addresses.get(device);
  if (address === undefined) seek(c, turn, device);
  const link = linkOf(c, turn, "send");
  const { hello } = link;
  if (address === undefined || link.state !== "ready" || hello === null) return false;
  c.directory.fetching.add(device);
  const { accountId, hash: recordHash } = peer.record;
  withWork(turn, link, concat(hello.nonce, accountId, recordHash), hello.powBitsFetch, (later, work) => {
    const request = requests.fetchPrekeys(accountId, recordHash, address.token, work);
    ask(later, link, request, (at, answer) => bundle(c, at, peer.deviceId, answer));
  });
  return true;
}

function bundle(c: Context, turn: Turn, deviceId: Bytes, answer: Answer): void {
  const peer = peerOf(c, deviceId);
  if (!c.directory.fetching.delete(hex(deviceId)) || peer === null) return;
  if (answer.name !== "prekeys_bundle") {
    doubt(c, turn, peer);
    hold(c, turn, hex(deviceId), answer, OF_PREKEYS);
    return;
  }
  try {
    const verified = verifyBundle(answer.bundle, {
      accountId: peer.record.accountId,
      pinned: listOf(c, peer.record),
      links: [],
      nowMs: turn.nowMs,
      graceMs: peer.pair.met ? PREKEY_GRACE_MS : 0,
    });
    checkIdentity(same(verified.record.hash, peer.record.hash), "a bundle of another device or record");
    start(c, turn, deviceId, verified);
    over(c, hex(deviceId));
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error;
    doubt(c, turn, peer);
    refused(c, turn, hex(deviceId), error, OF_PREKEYS);
  }
}

/** Prekeys that were not given may be due to an older address. Ours is looked for too seldom to wait for it (ACC-39). */
function doubt(c: Context, turn: Turn, { deviceId, record }: Peer): void {
  if (isOwn(c, record)) c.kin?.compare(turn);
  else c.directory.addresses.delete(hex(deviceId));
}
