/** What stays of an entry: its place in chain and order, and what it does (TRN-09, TRN-17). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same } from "@sealroom/core/bytes.ts";
import { verifyReceipt, verifyWithdrawal, withReceipt, withWithdrawal } from "@sealroom/core/consent/receipt.ts";
import { DAY_MS } from "@sealroom/core/constants.ts";
import { RemoteError } from "@sealroom/core/errors.ts";
import { takeEntry } from "@sealroom/core/rooms/chain.ts";
import type { Entry } from "@sealroom/core/rooms/entry.ts";
import { KIND_OPEN } from "@sealroom/core/rooms/entry.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { Fields } from "@sealroom/core/wire/fields.ts";
import type { Draft } from "./draft.ts";
import { isContent, KIND_RATING, KIND_STATE, KIND_WITHDRAW, takenBack, transcript } from "./judging.ts";
import type { Kept } from "./model.ts";

export const EARLY_MS = DAY_MS;
const KIND_ERASE = 5;

export function earlyDueMs(d: Draft): number | null {
  const times = d.room.early.map((one) => one.receivedMs + EARLY_MS);
  return times.length === 0 ? null : Math.min(...times);
}

/** Put an entry into chain and order; what it shows about its device is told (TRN-09). */
export function place(d: Draft, entry: Entry, stands: Kept["stands"], extra: Partial<Kept> = {}): Kept {
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

/** Take an entry into chains and order, and do what it says; what stands before a withdrawal leaves no more (ROOM-66). */
export function keep(d: Draft, entry: Entry, payload: Value): Kept {
  const { kind } = entry.header;
  const ours = same(entry.author.accountId, d.room.customer);
  const unread = !ours && isContent(kind);
  const isMine = same(entry.author.deviceId, d.c.own.record.deviceId);
  const kept = place(d, entry, "taken", { unread, delivery: isMine ? "waiting" : null });
  if (kind === KIND_STATE && payload !== null) d.c.received?.takeState(d, entry, payload);
  if (kept.stands !== "taken") return followed(d, kept);
  // A rating gives a closed room no more time to be opened again (ROOM-18).
  const saidMs = Math.min(entry.header.sentMs, d.turn.nowMs);
  if (kind !== KIND_RATING) d.set({ lastMs: Math.max(d.room.lastMs, saidMs) });
  const last = transcript(d.room).at(-1)?.entry.hash ?? entry.hash;
  const late = !same(last, entry.hash);
  const author = hex(entry.author.deviceId);
  d.tell({ type: "entry", room: hex(d.room.id), entry: hex(entry.hash), kind, author, ours, late });
  if (payload !== null && ours) takeConsent(d, entry, payload);
  if (ours && kind === KIND_WITHDRAW) {
    d.takeBack(
      takenBack(d.room).filter((one) => isContent(one.entry.header.kind)),
      "room.consent_withdrawn",
    );
  }
  if (payload !== null && ours && kind === KIND_ERASE) d.c.received?.doesErase(d, entry, payload);
  if (payload !== null) d.c.received?.does(d, entry, payload);
  return followed(d, kept);
}

/** Before that code is here there is nothing that was erased or marked. */
function followed(d: Draft, kept: Kept): Kept {
  return d.c.received?.doesEarlier(d, kept) ?? kept;
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
