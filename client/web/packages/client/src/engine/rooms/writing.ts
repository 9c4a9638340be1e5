/** Our own entries: links, the state that we follow, recipients, restarts (TRN-05 to TRN-07, ROOM-15). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same } from "@sealroom/core/bytes.ts";
import { DAY_MS, MAX_TIME_MS } from "@sealroom/core/constants.ts";
import { ENTRY } from "@sealroom/core/content.ts";
import { LocalError, RemoteError } from "@sealroom/core/errors.ts";
import { draw } from "@sealroom/core/ports.ts";
import { linksOf } from "@sealroom/core/rooms/chain.ts";
import type { Entry, Link } from "@sealroom/core/rooms/entry.ts";
import {
  BLIND_B,
  commitmentOf,
  contentIdOf,
  deviceTagOf,
  encodeBody,
  encodeHeader,
  entryHashOf,
  entryPayload,
  KIND_OPEN,
} from "@sealroom/core/rooms/entry.ts";
import { checkPayload, sideOf } from "@sealroom/core/rooms/payloads.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { Fields } from "@sealroom/core/wire/fields.ts";
import { ClientError } from "../../errors.ts";
import type { Posted } from "../outbox.ts";
import { receivedOf } from "../state.ts";
import { teamOrNone } from "../team.ts";
import type { Draft } from "./draft.ts";
import { checkPhase, isContent, KIND_MARK, KIND_TEXT, phaseCode, recipients, takenBack } from "./judging.ts";
import { keep } from "./keeping.ts";
import type { Kept } from "./model.ts";
import { lostTimer } from "./model.ts";

/** Wordings, erasures, marks and answers are about others: the code for what comes has come first. */
export const ABOUT_OTHERS: readonly number[] = [4, 5, 15, 19];
const KIND_FILE = 7;
const RESTART_MS = DAY_MS;
const MAX_LINKS = 15;
const MARK_AFTER = 20;

/**
 * Write an entry of ours, and post it; without a recipient it waits, unsealed (ROOM-15).
 *
 * @throws LocalError `local.argument` for a payload outside chapter 17, RemoteError where the phase lets it not pass
 */
export function write(d: Draft, kind: number, payload: Value): Entry {
  try {
    checkPayload(kind, payload);
  } catch (error) {
    if (error instanceof RemoteError) throw new LocalError("local.argument", error.message);
    throw error;
  }
  if (sideOf(kind) === "company") throw new RemoteError("room.right", "a kind that the company writes");
  if (d.c.isReplaced) throw new ClientError("account.replaced", "another device has this account now");
  if (kind !== KIND_OPEN) checkPhase(d, kind);
  // A file was accepted when it was given (`files/sending.ts`).
  if (isContent(kind) && kind !== KIND_FILE) d.c.kin?.checkListed(d.turn.nowMs);
  checkReply(d, kind, payload);
  const others = ABOUT_OTHERS.includes(kind) ? receivedOf(d.c) : null;
  others?.checkOurs(d, kind, payload);
  const entry = make(d, kind, payload);
  others?.checkErasing(d.room, entry, payload, []);
  if (kind !== KIND_MARK) d.c.received?.openAnew(d, true);
  if (d.room.restarts) d.set({ restarts: false, restartedMs: d.turn.nowMs });
  if (entry.header.state !== null) d.set({ named: entry.header.state });
  keep(d, entry, payload);
  postUnsent(d, kind !== KIND_MARK);
  if (d.c.kin !== null) d.post(postedEntry(entry), d.c.kin.ids());
  return entry;
}

/**
 * Whether an entry may be written that no person has asked for: our chain begins anew once in a day (TRN-07), and a
 * device that was replaced writes none (ACC-67).
 */
export function mayWriteQuietly(d: Draft): boolean {
  if (d.c.isReplaced) return false;
  return !d.room.restarts || d.turn.nowMs - d.room.restartedMs >= RESTART_MS;
}

/** What is answered is here (TRN-45). */
function checkReply(d: Draft, kind: number, payload: Value): void {
  if (kind !== KIND_TEXT) return;
  const fields = new Fields(payload, 4, [2, 3, 4]);
  if (fields.has(2)) here(d, fields.bytes(2, 32));
}

export function here(d: Draft, hash: Bytes): Kept {
  const kept = d.find(hash);
  if (kept === null || kept.stands !== "taken") throw new LocalError("local.argument", "no such entry in this room");
  return kept;
}

function make(d: Draft, kind: number, payload: Value): Entry {
  const { record } = d.c.own;
  const { id: roomId } = d.room;
  const last = newestOwn(d);
  const restarts = d.room.restarts;
  const n = restarts ? Math.max((last?.header.n ?? -1) + 1, d.turn.nowMs, 1) : (last?.header.n ?? -1) + 1;
  if (n > MAX_TIME_MS) throw new LocalError("local.counter_exhausted", "no number is left for this device");
  const head = kind <= 2 ? null : d.judged().head;
  const state = head !== null && (d.room.named === null || !same(head.hash, d.room.named)) ? head.hash : null;
  const seen = kind === KIND_OPEN ? [] : links(d);
  const header = { roomId, kind, n, prev: restarts ? null : (last?.hash ?? null), seen, state, sentMs: d.turn.nowMs };
  const headerBytes = encodeHeader(header);
  const body = encodeBody(draw(d.c.rng, BLIND_B), payload);
  const { accountId, deviceId } = record;
  const commitment = commitmentOf(body);
  const hash = entryHashOf(accountId, deviceId, commitment, headerBytes);
  const author = { accountId, deviceId, signPublic: null };
  return { author, headerBytes, header, body, commitment, signature: null, hash };
}

function own(d: Draft): readonly Kept[] {
  const { deviceId } = d.c.own.record;
  return [...d.room.entries.values()].filter((one) => same(one.entry.author.deviceId, deviceId));
}

function newestOwn(d: Draft): Entry | null {
  const entries = own(d).map((one) => one.entry);
  return entries.reduce<Entry | null>(
    (best, one) => (best === null || one.header.n > best.header.n ? one : best),
    null,
  );
}

/** Of each other device the newest entry up to which all is here, if we have not named it before (TRN-06). */
function links(d: Draft): readonly Link[] {
  const said = new Set(own(d).flatMap((one) => one.entry.header.seen.map((link) => hex(link.hash))));
  const tag = deviceTagOf(d.room.id, d.c.own.record.deviceId);
  return linksOf(d.room.view, tag)
    .filter((link) => !said.has(hex(link.hash)))
    .slice(0, MAX_LINKS);
}

// --- to whom ---

export function postedEntry(entry: Entry): Posted {
  const payload = entryPayload(entry.headerBytes, entry.body as Bytes, entry.signature);
  return { contentId: contentIdOf(entry.hash), sentMs: entry.header.sentMs, type: ENTRY, payload };
}

/** Post an entry of ours to its recipients; without one it waits, unsealed. What all of them have lost waits (ROOM-64). */
function postEntry(d: Draft, kept: Kept, evenLost: boolean): void {
  const to = audience(d, kept.entry.header.kind);
  const id = contentIdOf(kept.entry.hash);
  const isLost = (deviceId: Bytes): boolean => d.c.timers.isWaiting(lostTimer(id, deviceId), d.turn.nowMs);
  if (kept.entry.body === null || (!evenLost && to.length > 0 && to.every(isLost))) return;
  d.keep({ ...kept, waitingFor: to, delivery: "waiting" });
  if (kept.entry.header.kind === KIND_OPEN) d.set({ openedTo: to });
  if (to.length > 0) d.post(postedEntry(kept.entry), to);
}

function audience(d: Draft, kind: number): readonly Bytes[] {
  const team = teamOrNone(d.c, d.turn);
  if (kind !== KIND_OPEN) return recipients(d.room, d.judged(), kind, team);
  return team.filter(({ rank }) => rank >= 2).map(({ record }) => record.deviceId);
}

/** Try an entry of ours again that nobody took and that was not taken back (its id stays: who has it knows it). */
export function retry(d: Draft, hash: Bytes): void {
  const kept = d.find(hash);
  if (kept?.delivery === "failed" && !takenBack(d.room).includes(kept))
    d.keep({ ...kept, waitingFor: [], delivery: "waiting" });
}

/**
 * Post what has waited for a recipient, in order; an `open` that nobody got goes to the desks in force (ROOM-21). A
 * content that is hidden, or that the phase does not let pass any more, has failed (ROOM-52). What was lost goes when
 * something is written (ROOM-64).
 */
export function postUnsent(d: Draft, evenLost = false): void {
  for (const kept of own(d)) {
    const { hash, header } = kept.entry;
    if (kept.delivery !== "waiting" || kept.waitingFor.length > 0 || kept.stands !== "taken") continue;
    const code = kept.hidden ? "room.erased" : phaseCode(d, header.kind);
    if (code === undefined) postEntry(d, kept, evenLost);
    else {
      d.keep({ ...kept, delivery: "failed" });
      d.tell({ type: "delivery", room: hex(d.room.id), entry: hex(hash), state: "failed", code });
    }
  }
}

// --- marks (TRN-12) ---

/** A mark when the room closes, and after 20 entries of others without one of ours. */
export function writeMark(d: Draft): void {
  const { entries } = d.room;
  const newest = own(d).at(-1)?.place ?? -1;
  const unsaid = [...entries.values()].filter((one) => one.place > newest && one.entry.header.kind !== KIND_MARK);
  if ((unsaid.length < MARK_AFTER && !d.room.marksAtOnce) || !mayWriteQuietly(d)) return;
  if (audience(d, KIND_MARK).length === 0) return;
  d.set({ marksAtOnce: false });
  write(d, KIND_MARK, null);
}
