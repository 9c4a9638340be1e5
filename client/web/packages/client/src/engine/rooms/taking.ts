/** What an entry that comes goes through: checks in order, and what is refused or held (TRN-08 to TRN-10, TRN-17). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same } from "@sealroom/core/bytes.ts";
import { DAY_MS } from "@sealroom/core/constants.ts";
import type { Content } from "@sealroom/core/content.ts";
import type { RemoteCode } from "@sealroom/core/errors.ts";
import { CoreError, RemoteError } from "@sealroom/core/errors.ts";
import type { Entry } from "@sealroom/core/rooms/entry.ts";
import { decodeBody, KIND_OPEN } from "@sealroom/core/rooms/entry.ts";
import { readEntry } from "@sealroom/core/rooms/entry_reading.ts";
import { asHashes, checkPayload, sideOf } from "@sealroom/core/rooms/payloads.ts";
import type { RoomState } from "@sealroom/core/rooms/state.ts";
import { asState } from "@sealroom/core/rooms/state.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { Fields } from "@sealroom/core/wire/fields.ts";
import { ranksBy, signerOf, teamNow } from "../team.ts";
import { admit, isOurs } from "./admitting.ts";
import type { Draft } from "./draft.ts";
import { checkErasing, doesEarlier, isErasable, KIND_ERASE } from "./erasing.ts";
import { checkPhase, KIND_ERASED, KIND_STATE, KIND_WITHDRAW } from "./judging.ts";
import { consentAfter, EARLY_MS, keep, place, signersOf } from "./keeping.ts";
import type { Kept } from "./model.ts";

const DONE = 1;
const MAX_EARLY = 64;
const MAX_HELD = 16;
const MAX_REFUSED = 64;
const DAY_STATES = 64;
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
    if (admission === "owed" && !isOwed(d, entry, payload))
      throw new RemoteError("room.not_member", "an answer that a former member does not owe");
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

/** Whether a device answers an erasure that is here for the first time, or now with done (ROOM-16, ROOM-45). */
function isOwed(d: Draft, { author }: Entry, payload: Value): boolean {
  const [named, outcome] = answerOf(payload);
  const taken = [...d.room.entries.values()].flatMap(({ entry, stands }) => (stands === "taken" ? entry : []));
  const of = (kind: number): readonly Entry[] => taken.filter(({ header, body }) => header.kind === kind && body);
  const said = of(KIND_ERASED)
    .filter((one) => same(one.author.deviceId, author.deviceId))
    .map((one) => answerOf(decodeBody(one.body as Bytes)))
    .filter((one) => one[0] === named);
  const isNew = said.length === 0 || (outcome === DONE && said.every((one) => one[1] !== DONE));
  const isNamed = (one: Entry): boolean => named === (orderOf(one) ?? hex(one.hash));
  return isNew && (of(KIND_ERASE).some(isNamed) || of(KIND_WITHDRAW).some((one) => named === hex(one.hash)));
}

/** What an answer names, and its outcome. */
function answerOf(payload: Value): readonly [string | undefined, number] {
  const fields = new Fields(payload, 3, [3]);
  return [fields.orNull(1, asHashes)?.map(hex).join(), fields.uint(2)];
}

/** What an order names, if not the whole room. */
function orderOf({ body }: Entry): string | undefined {
  return new Fields(decodeBody(body as Bytes), 1).orNull(1, asHashes)?.map(hex).join();
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
  if (kind === KIND_STATE) checkRoomFor(d, entry.author.deviceId, asState(payload));
  // Looked at before anything of it stays (TRN-46).
  if (byUs) consentAfter(d.room.consent, entry, payload, signersOf(d.c));
  checkErasing(d.room, entry, payload, byUs ? [] : teamNow(d.c, d.turn));
  return payload;
}

/**
 * At most 64 states of a device in a day, 16 that are held and 64 that are refused at a time; what is held may wait for
 * the next one, and that for its roster (ROOM-29).
 */
function checkRoomFor(d: Draft, deviceId: Bytes, { parent, roster }: RoomState): void {
  const own = d.room.states.filter((one) => same(one.author, deviceId));
  const count = (verdict: string): number => {
    return own.filter((one) => d.judged().verdicts.get(hex(one.hash)) === verdict).length;
  };
  const recent = own.filter((one) => (d.find(one.hash)?.receivedMs ?? 0) > d.turn.nowMs - DAY_MS).length;
  const isNext = parent !== null && (same(parent, d.room.root) || d.judged().verdicts.get(hex(parent)) === "valid");
  const isJudged = isNext && ranksBy(d.c, roster) !== null;
  const isFull = count("held") >= MAX_HELD + Number(isNext) && !isJudged;
  if (isFull || count("refused") >= MAX_REFUSED || recent >= DAY_STATES) {
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

// --- lines of forwards ---

/**
 * Take an entry of the company that another device gave us: steps 4, 6 and 9 are not for lines (TRN-17). The commitment
 * alone of what nobody erases is refused: a state that is known so would not be followed when it comes (TRN-53).
 *
 * @throws RemoteError where it is refused and nothing of it stays
 */
export function fromLine(d: Draft, entry: Entry): boolean {
  if (entry.body === null && !isErasable(entry)) throw new RemoteError("remote.content", "a commitment alone");
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
