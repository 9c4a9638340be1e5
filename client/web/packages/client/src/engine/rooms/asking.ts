/** What is missing: shown, asked for and asked for again; what others ask us for (TRN-13 to TRN-15, TRN-19, TRN-33). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same } from "@sealroom/core/bytes.ts";
import { DAY_MS, HOUR_MS, MAX_TIME_MS, MINUTE_MS } from "@sealroom/core/constants.ts";
import { FORWARD, SIGNAL } from "@sealroom/core/content.ts";
import { RemoteError } from "@sealroom/core/errors.ts";
import { draw } from "@sealroom/core/ports.ts";
import { deviceTagOf } from "@sealroom/core/rooms/entry.ts";
import { lineOf, readLine } from "@sealroom/core/rooms/entry_reading.ts";
import type { WantedRange } from "@sealroom/core/rooms/forward.ts";
import { asForward } from "@sealroom/core/rooms/forward.ts";
import type { TakenState } from "@sealroom/core/rooms/head.ts";
import { missing } from "@sealroom/core/rooms/missing.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { cborMap, encode } from "@sealroom/core/wire/cbor.ts";
import { ranksBy, signerOf, teamOrNone } from "../team.ts";
import { isOurs, receivedThen } from "./admitting.ts";
import type { Draft } from "./draft.ts";
import { rangeKey } from "./draft.ts";
import { isContent, KIND_ACT, KIND_STATE, recipients, takenBack } from "./judging.ts";
import type { Kept } from "./model.ts";
import { NOT_ASKING } from "./model.ts";
import { fromLine } from "./taking.ts";

const GAP_AFTER_MS = MINUTE_MS;
const GIVEN_UP_AFTER_MS = 7 * DAY_MS;
/** Times of ROOM-22. */
const REPEATS_MS = [MINUTE_MS, 10 * MINUTE_MS, HOUR_MS, 6 * HOUR_MS] as const;
const AGAIN_AFTER_MS = 10_000;
const MAX_RANGES = 64;
const MAX_ASKED = 256;
const MAX_LINES = 64;
const MAX_FORWARD_B = 48 * 1_024;
const MAX_QUESTIONS = 8;
/** States of which the roster is asked for at a time, and how often a held state is at least (ROOM-53). */
const MAX_ROSTERS = 16;
const SOUGHT_TIMES = 8;
/** The number of questions of a state that is given up: it stays below 0. */
const OVER = -1e9;
/** Open, states and consent: no history, and given to whoever has a place in the room. */
export const GROUND: readonly number[] = [1, 2, 8, 9];
const WANT = 2;

/** What is asked for: first what is here and held for its roster, which is no gap. */
function ranges(d: Draft): readonly WantedRange[] {
  return [...withoutRoster(d), ...lacking(d)].slice(0, MAX_RANGES);
}

/** What is missing of devices of the company, which has not been given up. */
function lacking(d: Draft): readonly WantedRange[] {
  const own = deviceTagOf(d.room.id, d.c.own.record.deviceId);
  const found = missing(d.room.view).filter(({ tag, ...range }) => {
    const since = d.room.missing.get(rangeKey({ tag, ...range })) ?? d.turn.nowMs;
    return !same(tag, own) && d.turn.nowMs < since + GIVEN_UP_AFTER_MS;
  });
  return [...stewardRanges(d), ...found].map(limited).slice(0, MAX_RANGES);
}

/** States that are held because their roster is not known, which an answer brings, of each author in turn (ROOM-51, ROOM-53). */
function withoutRoster(d: Draft): readonly WantedRange[] {
  const lacking = held(d).filter(({ state }) => ranksBy(d.c, state.roster) === null);
  const turnOf = (one: TakenState): number => lacking.filter(({ author }) => same(author, one.author)).indexOf(one);
  return [...lacking]
    .sort((a, b) => turnOf(a) - turnOf(b))
    .slice(0, MAX_ROSTERS)
    .map(({ author, n }) => only(d, author, n));
}

/** The states that are held and have not been given up (ROOM-53). */
function held(d: Draft): readonly TakenState[] {
  return allHeld(d).filter(({ hash }) => (d.room.sought.get(hex(hash))?.[1] ?? 0) >= 0);
}

function allHeld(d: Draft): readonly TakenState[] {
  return d.room.states.filter(({ hash }) => d.judged().verdicts.get(hex(hash)) === "held");
}

function only(d: Draft, author: Bytes, n: number): WantedRange {
  return { tag: deviceTagOf(d.room.id, author), first: n, last: n };
}

function limited({ tag, first, last }: WantedRange): WantedRange {
  return { tag, first: Math.max(first, last - MAX_RANGES + 1), last };
}

/**
 * While a state is held because one before it is not here, or an early entry names one: all numbers of stewards that are
 * not here, and those below that entry (TRN-33).
 */
function stewardRanges(d: Draft): readonly WantedRange[] {
  const { early } = d.room;
  const lacking = early.filter(({ entry }) => isLacking(d, entry.header.state));
  if (lacking.length === 0 && !held(d).some(({ state }) => isLacking(d, state.parent))) return [];
  const authors = new Map(lacking.map(({ entry: { author } }) => [hex(author.deviceId), author.deviceId]));
  const below = [...authors.values()].map((id) => {
    const theirs = early.filter(({ entry }) => same(entry.author.deviceId, id));
    return rangeOf(d, id, Math.min(...theirs.map(({ entry }) => entry.header.n)) - 1);
  });
  const stewards = teamOrNone(d.c, d.turn).filter(({ rank }) => rank >= 2);
  const theirs = stewards.map(({ record }) => rangeOf(d, record.deviceId));
  return [...theirs, ...below.filter(({ first, last }) => first <= last)];
}

function isLacking({ room: { states, root } }: Draft, hash: Bytes | null): boolean {
  return hash !== null && !same(hash, root) && !states.some((one) => same(one.hash, hash));
}

/** The numbers of a device above those that are here, up to `most`. */
function rangeOf(d: Draft, deviceId: Bytes, most = MAX_TIME_MS): WantedRange {
  const ofDevice = [...d.room.entries.values()].filter((one) => same(one.entry.author.deviceId, deviceId));
  const first = Math.max(-1, ...ofDevice.map((one) => one.entry.header.n)) + 1;
  return { tag: deviceTagOf(d.room.id, deviceId), first, last: Math.min(first + MAX_RANGES - 1, most) };
}

/** Note what is missing since when, ask in a minute for what is new, and show gaps that are a minute old. */
export function plan(d: Draft): void {
  const [found, missed] = [ranges(d), lacking(d)];
  const since = new Map(missed.map((one) => [rangeKey(one), d.room.missing.get(rangeKey(one)) ?? d.turn.nowMs]));
  d.set({ missing: since });
  if (found.length === 0) {
    d.set({ asking: NOT_ASKING });
  } else if (d.room.asking.dueMs === null || !covers(d.room.asking.ranges, found)) {
    const dueMs = Math.min(d.room.asking.dueMs ?? Number.POSITIVE_INFINITY, d.turn.nowMs + GAP_AFTER_MS);
    d.set({ asking: { ranges: found, times: 0, dueMs } });
  }
  show(d, missed, since);
}

function covers(asked: readonly WantedRange[], found: readonly WantedRange[]): boolean {
  return found.every(({ tag, first, last }) => {
    return asked.some((one) => same(one.tag, tag) && one.first <= first && last <= one.last);
  });
}

function show(d: Draft, found: readonly WantedRange[], since: ReadonlyMap<string, number>): void {
  const old = found.filter((one) => d.turn.nowMs >= (since.get(rangeKey(one)) ?? d.turn.nowMs) + GAP_AFTER_MS);
  const fresh = old.filter((one) => !d.room.shownGaps.has(rangeKey(one)));
  for (const one of fresh) gap(d, one);
  d.set({ shownGaps: new Set(old.map(rangeKey)) });
}

function gap(d: Draft, { tag, first, last }: WantedRange): void {
  d.tell({ type: "gap", room: hex(d.room.id), author: hex(tag), first, last });
}

/** Ask the devices of the room, and those in force whose entries are missing (TRN-14). */
export function tickAsking(d: Draft): void {
  const { asking } = d.room;
  if (asking.dueMs === null || asking.dueMs > d.turn.nowMs) return;
  count(d);
  const found = ranges(d);
  if (found.length === 0) {
    d.set({ asking: NOT_ASKING });
    return;
  }
  const times = asking.times + 1;
  const waitMs = REPEATS_MS[Math.min(times - 1, REPEATS_MS.length - 1)] as number;
  const asked = [...new Map([...found, ...d.room.asked].map((one) => [`${rangeKey(one)}:${one.first}`, one])).values()];
  d.set({ asking: { ranges: found, times, dueMs: d.turn.nowMs + waitMs }, asked: asked.slice(0, MAX_ASKED) });
  const value = cborMap([
    [1, d.room.id],
    [2, WANT],
    [3, found.map(({ tag, first, last }) => [tag, first, last])],
  ]);
  d.signal(SIGNAL, value, whom(d, found));
}

/** Count the questions of each held state, and ask no longer for what it lacks after enough of them (ROOM-53). */
function count(d: Draft): void {
  const { nowMs } = d.turn;
  const sought = allHeld(d).map(({ hash, author, n }) => {
    const [before, times] = d.room.sought.get(hex(hash)) ?? [nowMs, 0];
    const since = Math.min(before, nowMs);
    const isOver = times >= SOUGHT_TIMES && nowMs >= since + GIVEN_UP_AFTER_MS;
    if (isOver) gap(d, only(d, author, n));
    return [hex(hash), [since, isOver ? OVER : times + 1]] as const;
  });
  d.set({ sought: new Map(sought) });
}

function whom(d: Draft, found: readonly WantedRange[]): readonly Bytes[] {
  const team = teamOrNone(d.c, d.turn);
  const authors = team
    .map(({ record }) => record.deviceId)
    .filter((id) => found.some(({ tag }) => same(tag, deviceTagOf(d.room.id, id))));
  const all = [...recipients(d.room, d.judged(), KIND_ACT, team), ...authors, ...(d.c.kin?.ids() ?? [])];
  return [...new Map(all.map((id) => [hex(id), id])).values()];
}

/** We are back: ask for what is missing, as if for the first time. */
export function askAgain(d: Draft): void {
  if (d.room.asking.dueMs !== null) d.set({ asking: { ...d.room.asking, times: 0, dueMs: d.turn.nowMs } });
}

// --- what others miss ---

/**
 * Answer a want with what the asker may have, at most 8 times a minute (TRN-15).
 *
 * @throws RemoteError `remote.budget`
 */
export function answerWant(d: Draft, deviceId: Bytes, wanted: readonly WantedRange[]): void {
  countQuestion(d, deviceId);
  const team = teamOrNone(d.c, d.turn);
  const lines: Value[] = [];
  let sizeB = 0;
  const gone = takenBack(d.room);
  const stays = (kept: Kept): boolean => {
    return isContent(kept.entry.header.kind) && (kept.delivery === "failed" || gone.includes(kept));
  };
  for (const kept of [...d.room.entries.values()].reverse()) {
    if (lines.length >= MAX_LINES || !isWanted(d, kept, wanted) || !mayHave(d, kept, deviceId, team)) continue;
    const isCommitment = kept.hidden || (!isOurs(d, deviceId) && stays(kept));
    const shown = isCommitment ? { ...kept.entry, body: null } : kept.entry;
    const line = lineOf(shown);
    sizeB += encode(line).length;
    if (sizeB > MAX_FORWARD_B) break;
    lines.unshift(line);
  }
  if (lines.length === 0) return;
  const payload = cborMap([
    [1, d.room.id],
    [2, lines],
  ]);
  d.post({ contentId: draw(d.c.rng, 16), sentMs: d.turn.nowMs, type: FORWARD, payload }, [deviceId]);
}

function countQuestion(d: Draft, deviceId: Bytes): void {
  const key = hex(deviceId);
  const known = d.room.askedBy.get(key);
  const runs = known !== undefined && known.sinceMs <= d.turn.nowMs && d.turn.nowMs < known.sinceMs + MINUTE_MS;
  const now = runs ? { ...known, count: known.count + 1 } : { sinceMs: d.turn.nowMs, count: 1 };
  if (now.count > MAX_QUESTIONS) throw new RemoteError("remote.budget", "more questions than are answered in a minute");
  d.set({ askedBy: new Map([...d.room.askedBy, [key, now]]) });
}

function isWanted(d: Draft, kept: Kept, wanted: readonly WantedRange[]): boolean {
  const { author, header } = kept.entry;
  const isNamed = covers(wanted, [only(d, author.deviceId, header.n)]);
  return isNamed && (kept.stands === "taken" || kept.entry.header.kind === KIND_STATE) && kept.stands !== "refused";
}

function mayHave(d: Draft, kept: Kept, deviceId: Bytes, team: ReturnType<typeof teamOrNone>): boolean {
  const { kind } = kept.entry.header;
  if (isOurs(d, deviceId)) return d.c.kin?.mayHave(d.room, kept, deviceId) ?? false;
  const now = recipients(d.room, d.judged(), kind, team).some((id) => same(id, deviceId));
  if (!now) return false;
  if (GROUND.includes(kind) || same(kept.entry.author.deviceId, deviceId)) return true;
  return !kept.marked && receivedThen(d.room, deviceId, kept.followed);
}

// --- what we are given ---

/**
 * Take lines that a device of the company gives us, each by itself (TRN-17, TRN-19).
 *
 * @throws RemoteError `remote.content`, `room.unlogged` where they were not asked for; nothing of it stays
 */
export function takeForward(d: Draft, deviceId: Bytes, payload: Value): void {
  const { lines } = asForward(payload);
  const { id: roomId, company, customer } = d.room;
  const entries = lines.flatMap((line) => {
    try {
      return [readLine(line, { roomId, company, customer }, (deviceId) => signerOf(d.c, deviceId))];
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error;
      d.tell({ type: "entry-refused", room: hex(roomId), entry: "", code: error.code });
      return [];
    }
  });
  // What another device of ours wrote stands where that device gives it; of others it is hearsay (TRN-17, TRN-19).
  const byUs = isOurs(d, deviceId);
  const theirs = entries.filter(({ author }) => {
    return same(author.accountId, company) || (byUs && same(author.deviceId, deviceId));
  });
  const news = (byUs ? [] : theirs).filter(
    (entry) => d.find(entry.hash) === null && !GROUND.includes(entry.header.kind),
  );
  for (const { author, header } of news) {
    const isAsked = covers(d.room.asked, [only(d, author.deviceId, header.n)]);
    if (!isAsked) throw new RemoteError("room.unlogged", "lines that nobody asked for");
  }
  let brought = false;
  for (const entry of theirs) {
    try {
      brought = fromLine(d, entry) || brought;
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error;
      d.tell({ type: "entry-refused", room: hex(roomId), entry: hex(entry.hash), code: error.code });
    }
  }
  const { asking } = d.room;
  if (!brought || asking.dueMs === null) return;
  d.set({ asking: { ...asking, dueMs: Math.min(asking.dueMs, d.turn.nowMs + AGAIN_AFTER_MS) } });
}
