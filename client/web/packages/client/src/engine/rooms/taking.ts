/** What an entry goes through: checks in order, its place, what it does (TRN-08 to TRN-10, TRN-17). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same } from "@sealroom/core/bytes.ts";
import { verifyNotice } from "@sealroom/core/consent/notice.ts";
import { verifyReceipt, verifyWithdrawal, withReceipt, withWithdrawal } from "@sealroom/core/consent/receipt.ts";
import { DAY_MS } from "@sealroom/core/constants.ts";
import type { Content } from "@sealroom/core/content.ts";
import type { RemoteCode } from "@sealroom/core/errors.ts";
import { CoreError, RemoteError } from "@sealroom/core/errors.ts";
import { takeEntry } from "@sealroom/core/rooms/chain.ts";
import type { Entry } from "@sealroom/core/rooms/entry.ts";
import { decodeBody, KIND_OPEN, readEntry } from "@sealroom/core/rooms/entry.ts";
import { checkPayload, sideOf } from "@sealroom/core/rooms/payloads.ts";
import { asState } from "@sealroom/core/rooms/state.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { Fields } from "@sealroom/core/wire/fields.ts";
import { signerOf, teamNow } from "../team.ts";
import { learnCard, learnNotice } from "../team_learning.ts";
import type { Draft } from "./draft.ts";
import { checkErasing, doesEarlier, doesErase } from "./erasing.ts";
import { admit, checkPhase, isContent, isOurs, KIND_ERASED, KIND_RATING, KIND_STATE, transcript } from "./judging.ts";
import type { Kept } from "./model.ts";

const MAX_EARLY = 64;
const EARLY_MS = DAY_MS;
const MAX_HELD = 16;
const MAX_REFUSED = 64;
const DAY_STATES = 64;
const KIND_NOTICE = 12;
const KIND_REFUSAL = 22;
/** Who is in force is not known: nothing is decided, and the entry comes again. */
const NOT_NOW: readonly RemoteCode[] = [
  "room.roster_expired",
  "room.mandate",
  "remote.list_expired",
  "remote.list_gap",
  "remote.identity",
];

/**
 * Take an entry that came in a session with its author; whether it is to be confirmed (TRN-08).
 *
 * @throws RemoteError where it is refused and nothing of it stays
 */
export function fromSession(d: Draft, deviceId: Bytes, content: Content): boolean {
  const { company, customer, id } = d.room;
  const author = isOurs(d, deviceId)
    ? { accountId: customer, deviceId, signPublic: null }
    : { accountId: company, deviceId, signPublic: signerOf(d.c, deviceId) };
  const value = content.payload.name === "room" ? content.payload.value : null;
  const entry = readEntry(author, value, content.contentId, content.sentMs);
  if (!same(entry.header.roomId, id)) throw new RemoteError("remote.content", "an entry of another room");
  checkNew(d, entry);
  const known = d.find(entry.hash);
  if (known !== null) {
    complete(d, known, entry);
    return known.stands !== "refused";
  }
  if (d.room.early.some((one) => same(one.entry.hash, entry.hash))) return true;
  return checked(d, entry);
}

/** Two entries of a room under one content id are `remote.content`. */
function checkNew(d: Draft, entry: Entry): void {
  const start = hex(entry.hash).slice(0, 32);
  const other = [...d.room.entries.keys()].find((key) => key.startsWith(start));
  if (other !== undefined && other !== hex(entry.hash)) {
    throw new RemoteError("remote.content", "two entries under one content id");
  }
}

/** Steps 6 to 9; what is refused by them leaves its place, but for a state of somebody out of force (TRN-10). */
function checked(d: Draft, entry: Entry): boolean {
  const { kind } = entry.header;
  const byUs = isOurs(d, entry.author.deviceId);
  const team = byUs ? [] : teamNow(d.c, d.turn);
  try {
    const admission = byUs ? "taken" : admit(d.judged(), entry.author.deviceId, kind, team);
    const payload = readable(d, entry);
    if (!byUs) checkPhase(d, kind);
    if (admission === "early") keepEarly(d, entry);
    else keep(d, entry, payload);
    return true;
  } catch (error) {
    if (!(error instanceof RemoteError) || NOT_NOW.includes(error.code)) throw error;
    const isState = kind === KIND_STATE && error.code === "room.suspended";
    if (error.code === "room.too_many" || isState) throw error;
    refuse(d, entry, error.code);
    return false;
  }
}

/** Steps 7 and 8: form of the body, who writes the kind, our consent, what it does about other entries. */
function readable(d: Draft, entry: Entry): Value {
  const { kind } = entry.header;
  const payload = decodeBody(entry.body as Bytes);
  checkPayload(kind, payload);
  const byUs = entry.author.signPublic === null;
  const isSecond = kind === KIND_OPEN && !same(d.room.root, entry.hash);
  if (sideOf(kind) === (byUs ? "company" : "customer") || isSecond)
    throw new RemoteError("room.right", "a kind that the other side writes, or a second open");
  if (kind === KIND_STATE) checkRoomFor(d, entry.author.deviceId);
  // Looked at before anything of it stays (TRN-46).
  if (byUs) consentAfter(d.room.consent, entry, payload, signersOf(d.c));
  checkErasing(d.room, entry, payload, byUs ? [] : teamNow(d.c, d.turn));
  return payload;
}

/** At most 64 states of a device in a day, 16 that are held and 64 that are refused at a time (ROOM-29). */
function checkRoomFor(d: Draft, deviceId: Bytes): void {
  const own = d.room.states.filter((one) => same(one.author, deviceId));
  const count = (verdict: string): number => {
    return own.filter((one) => d.judged().verdicts.get(hex(one.hash)) === verdict).length;
  };
  const recent = own.filter((one) => (d.find(one.hash)?.receivedMs ?? 0) > d.turn.nowMs - DAY_MS).length;
  if (count("held") >= MAX_HELD || count("refused") >= MAX_REFUSED || recent >= DAY_STATES) {
    throw new RemoteError("room.too_many", "too many states of a device");
  }
}

/** Leave the place of an entry, and nothing else (TRN-10). */
function refuse(d: Draft, entry: Entry, code: string): void {
  place(d, { ...entry, body: null }, "refused");
  d.tell({ type: "entry-refused", room: hex(d.room.id), entry: hex(entry.hash), code });
}

// --- held until a state names the author ---

function keepEarly(d: Draft, entry: Entry): void {
  if (d.room.early.length >= MAX_EARLY)
    throw new RemoteError("room.too_many", "too many entries of devices that no state names");
  d.set({ early: [...d.room.early, { entry, receivedMs: d.turn.nowMs }] });
}

/** Take what was held early and is admitted now; after a day it goes (ROOM-16). */
export function retryEarly(d: Draft): void {
  const waiting = d.room.early;
  if (waiting.length === 0) return;
  d.set({ early: [] });
  for (const one of waiting) {
    if (d.turn.nowMs >= one.receivedMs + EARLY_MS) continue;
    try {
      if (d.find(one.entry.hash) === null) checked(d, one.entry);
      const early = d.room.early.map((again) => (again.entry === one.entry ? one : again));
      d.set({ early });
    } catch (error) {
      if (!(error instanceof CoreError)) throw error;
      d.set({ early: [...d.room.early, one] });
    }
  }
}

export function earlyDueMs(d: Draft): number | null {
  const times = d.room.early.map((one) => one.receivedMs + EARLY_MS);
  return times.length === 0 ? null : Math.min(...times);
}

// --- lines of forwards ---

/**
 * Take an entry of the company that another device gave us: steps 4, 6 and 9 are not for lines (TRN-17).
 *
 * @throws RemoteError where it is refused and nothing of it stays
 */
export function fromLine(d: Draft, entry: Entry): boolean {
  const known = d.find(entry.hash);
  if (known !== null) {
    complete(d, known, entry);
    return false;
  }
  checkNew(d, entry);
  if (entry.body === null) {
    keep(d, entry, null);
    return true;
  }
  let payload: Value = null;
  try {
    payload = readable(d, entry);
  } catch (error) {
    if (!(error instanceof RemoteError) || error.code === "room.too_many") throw error;
    refuse(d, entry, error.code);
    return true;
  }
  keep(d, entry, payload);
  return true;
}

/** A body that comes later for a commitment completes it, unless it was erased here (TRN-17). */
function complete(d: Draft, known: Kept, entry: Entry): void {
  if (known.hidden || known.stands === "refused" || known.entry.body !== null || entry.body === null) return;
  readable(d, entry);
  const now = { ...known, entry };
  d.keep(now);
  doesEarlier(d, now);
}

// --- what stays ---

/** Put an entry into chain and order; what it shows about its device is told (TRN-09). */
function place(d: Draft, entry: Entry, stands: Kept["stands"], extra: Partial<Kept> = {}): Kept {
  const before = d.room.view;
  const { view, findings } = takeEntry(before, entry);
  const isAside = stands === "taken" && findings.some((one) => isDouble(one, entry)) && !isFirst(d, entry);
  const kept: Kept = {
    entry,
    place: d.room.entries.size,
    receivedMs: d.turn.nowMs,
    followed: followedBy(d, entry),
    stands: isAside ? "aside" : stands,
    hidden: false,
    marked: false,
    unread: false,
    waitingFor: [],
    delivery: null,
    ...extra,
  };
  d.set({ view });
  d.keep(kept);
  for (const { name, tag, n } of findings) {
    d.tell({ type: "finding", room: hex(d.room.id), finding: name, author: hex(tag), n });
  }
  return kept;
}

function isDouble(finding: { readonly name: string; readonly n: number }, entry: Entry): boolean {
  return ["equivocation", "differ"].includes(finding.name) && finding.n === entry.header.n;
}

/** Whether no other entry stands under its number: the first one stays (TRN-09). */
function isFirst(d: Draft, entry: Entry): boolean {
  return ![...d.room.entries.values()].some((one) => {
    const isSame = same(one.entry.author.deviceId, entry.author.deviceId) && one.entry.header.n === entry.header.n;
    return isSame && one.stands !== "aside";
  });
}

/** The state that an author followed: the one it names, or that of the entry before. */
function followedBy(d: Draft, entry: Entry): Bytes | null {
  const { kind, state, prev } = entry.header;
  if (kind === KIND_STATE) return entry.hash;
  if (state !== null || prev === null) return state;
  return d.find(prev)?.followed ?? null;
}

/** Take an entry into chains and order, and do what it says. */
export function keep(d: Draft, entry: Entry, payload: Value): Kept {
  const { kind } = entry.header;
  const ours = same(entry.author.accountId, d.room.customer);
  const unread = !ours && isContent(kind);
  const newest = transcript(d.room).at(-1)?.entry.hash ?? null;
  const isMine = same(entry.author.deviceId, d.c.own.record.deviceId);
  const kept = place(d, entry, "taken", { unread, delivery: isMine ? "waiting" : null });
  if (kind === KIND_STATE && payload !== null) takeState(d, entry, payload);
  if (kept.stands !== "taken") return doesEarlier(d, kept);
  // A rating gives a closed room no more time to be opened again (ROOM-18).
  const saidMs = Math.min(entry.header.sentMs, d.turn.nowMs);
  if (kind !== KIND_RATING) d.set({ lastMs: Math.max(d.room.lastMs, saidMs) });
  const last = transcript(d.room).at(-1)?.entry.hash ?? entry.hash;
  const late = newest !== null && !same(last, entry.hash);
  const author = hex(entry.author.deviceId);
  d.tell({ type: "entry", room: hex(d.room.id), entry: hex(entry.hash), kind, author, ours, late });
  if (payload !== null) does(d, entry, payload);
  return doesEarlier(d, kept);
}

function takeState(d: Draft, entry: Entry, payload: Value): void {
  const state = asState(payload);
  for (const card of state.cards) learnCard(d.c, d.turn, card);
  const { hash, author, header } = entry;
  d.set({ states: [...d.room.states, { hash, author: author.deviceId, n: header.n, state }] });
}

/** Do what an entry says. */
function does(d: Draft, entry: Entry, payload: Value): void {
  const { kind } = entry.header;
  const room = hex(d.room.id);
  const ours = same(entry.author.accountId, d.room.customer);
  if (ours) takeConsent(d, entry, payload);
  if (kind === 5 && ours) doesErase(d, entry, payload);
  if (kind === KIND_NOTICE) takeNotice(d, payload);
  if (kind === KIND_ERASED) {
    const fields = new Fields(payload, 3, [3]);
    const hashes = fields.orNull(1, (value) => (value as readonly Bytes[]).map(hex));
    const outcome = (["done", "hold", "class"] as const)[fields.uint(2) - 1] ?? "done";
    d.tell({ type: "erasure", room, entries: hashes, outcome, untilMs: fields.has(3) ? fields.uint(3) : null });
  }
  if (kind === KIND_REFUSAL) {
    const fields = new Fields(payload, 2);
    d.tell({ type: "refusal", room, entry: hex(fields.bytesUpTo(1, 32)), code: fields.text(2, 64) });
  }
}

/** Our own receipts and withdrawals; the highest number counts (CNS-09). */
function takeConsent(d: Draft, entry: Entry, payload: Value): void {
  const consent = consentAfter(d.room.consent, entry, payload, signersOf(d.c));
  if (consent !== d.room.consent) d.set({ consent });
}

/** The signing keys of the devices of our account. */
export function signersOf(c: Draft["c"]): (deviceId: Bytes) => Bytes {
  const { deviceId: own, signPublic } = c.own.record;
  return (deviceId) => {
    const found = same(deviceId, own) ? signPublic : c.kin?.signerOf(deviceId);
    if (found == null) throw new RemoteError("remote.identity", "consent of a device that is not known");
    return found;
  };
}

export function consentAfter(
  consent: Draft["room"]["consent"],
  entry: Entry,
  payload: Value,
  signers: (deviceId: Bytes) => Bytes,
): Draft["room"]["consent"] {
  const { kind, roomId } = entry.header;
  if (kind !== KIND_OPEN && kind !== 8 && kind !== 9) return consent;
  const signPublic = signers(entry.author.deviceId);
  if (kind === KIND_OPEN)
    return withReceipt(consent, verifyReceipt(signPublic, new Fields(payload, 2).bytesUpTo(2, 8_192)));
  if (kind === 8) return withReceipt(consent, verifyReceipt(signPublic, payload as Bytes));
  if (kind === 9) return withWithdrawal(consent, verifyWithdrawal(signPublic, roomId, payload as Bytes));
  return consent;
}

/** A notice of the company with its text in one language (CNS-01, CNS-05). */
function takeNotice(d: Draft, payload: Value): void {
  const [signed, [pair]] = payload as readonly [Bytes, readonly [readonly [string, Bytes]]];
  try {
    const notice = verifyNotice(d.room.company, signed);
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(pair[1]);
    learnNotice(d.c, d.turn, notice, [{ locale: pair[0], text }]);
  } catch (error) {
    if (!(error instanceof CoreError) && !(error instanceof TypeError)) throw error;
    d.tell({ type: "rejected", code: "remote.content" });
  }
}
