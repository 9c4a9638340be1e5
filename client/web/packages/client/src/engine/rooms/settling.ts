/** After each step of a room: what holds is told, what waits goes, what is missing is asked for, what is due is timed. */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { compare, hex, same } from "@sealroom/core/bytes.ts";
import { FORWARD } from "@sealroom/core/content.ts";
import type { Phase } from "../events.ts";
import type { Posted } from "../outbox.ts";
import { findPosted } from "../posting.ts";
import { teamOrNone } from "../team.ts";
import type { Draft } from "./draft.ts";
import { condition, isContent, KIND_TEXT, knownDevices, recipients } from "./judging.ts";
import { earlyDueMs } from "./keeping.ts";
import type { Kept, Shown } from "./model.ts";
import { stepIn } from "./rooms.ts";
import { postUnsent, writeMark } from "./writing.ts";

const PHASES: readonly Phase[] = ["open", "closed", "frozen", "withdrawn", "erased"];
const CLOSED = 2;
const OPEN = 1;
const TICK_APART_MS = 1_000;

export function phaseName(phase: number): Phase {
  return PHASES[phase - 1] ?? "open";
}

/** Bring everything in line, and say when the room is to be looked at again. */
export function settle(d: Draft): void {
  const before = d.room.shown;
  d.c.received?.retryEarly(d);
  d.c.received?.shareFate(d);
  d.c.received?.openAnew(d);
  announce(d);
  takeBack(d);
  postUnsent(d);
  d.c.received?.postToNewcomers(d, before?.members ?? []);
  writeMark(d);
  d.c.received?.plan(d);
  wake(d);
}

/** Do what is due. */
export function tick(d: Draft): void {
  d.c.received?.tickAsking(d);
  d.c.received?.tickErasing(d);
  settle(d);
}

/** Tell what holds, if it is another than before. */
function announce(d: Draft): void {
  const { phase, sensitive } = condition(d.c, d.room, d.judged());
  const head = d.judged().head?.state ?? null;
  const members = [...(head?.members ?? [])].sort(compare);
  const shown: Shown = { phase, members, assigned: head?.assigned ?? null, sensitive };
  const before = d.room.shown;
  if (before !== null && isEqual(before, shown)) return;
  const isClosing = before !== null && before.phase === OPEN && phase === CLOSED;
  d.set({ shown, marksAtOnce: d.room.marksAtOnce || isClosing });
  const assigned = shown.assigned === null ? null : hex(shown.assigned);
  const state = head === null ? null : phaseName(phase);
  d.tell({ type: "room", room: hex(d.room.id), phase: state, members: members.map(hex), assigned, sensitive });
}

function isEqual(a: Shown, b: Shown): boolean {
  const names = (one: Shown): string => [...one.members, one.assigned ?? new Uint8Array(0)].map(hex).join();
  return a.phase === b.phase && a.sensitive === b.sensitive && names(a) === names(b);
}

/** What waits unsealed for a device that is no recipient any more is taken back (ROOM-36). */
function takeBack(d: Draft): void {
  const team = teamOrNone(d.c, d.turn);
  if (team.length === 0) return;
  const served = recipients(d.room, d.judged(), KIND_TEXT, team);
  const gone = knownDevices(d.room, d.judged()).filter((id) => !served.some((one) => same(one, id)));
  for (const deviceId of gone) {
    const inForce = team.some(({ record }) => same(record.deviceId, deviceId));
    const { waiting } = d.c.outbox.lane(deviceId);
    const goes = ({ contentId, type, payload }: Posted): boolean => {
      if (type === FORWARD) return payload instanceof Map && same(payload.get(1) as Bytes, d.room.id);
      const kept = keptBy(d, contentId);
      return kept !== undefined && (!inForce || isContent(kept.entry.header.kind));
    };
    const ids = waiting
      .map((one) => (one.shown && one.sendings === 0 ? findPosted(d.c, one.contentId) : null))
      .filter((one) => one !== null && goes(one))
      .map((one) => (one as Posted).contentId);
    d.recall(deviceId, (posted) => ids.some((id) => same(id, posted.contentId)));
    for (const id of ids) noLongerFor(d, id, deviceId);
  }
}

function keptBy(d: Draft, contentId: Bytes): Kept | undefined {
  return [...d.room.entries.entries()].find(([key]) => key.startsWith(hex(contentId)))?.[1];
}

/** A content of ours that is then for nobody waits anew. */
function noLongerFor(d: Draft, contentId: Bytes, deviceId: Bytes): void {
  const kept = keptBy(d, contentId);
  if (kept === undefined) return;
  const waitingFor = kept.waitingFor.filter((id) => !same(id, deviceId));
  const isForNobody = waitingFor.length === 0 && kept.delivery !== "delivered";
  d.keep({ ...kept, waitingFor, delivery: isForNobody ? "waiting" : kept.delivery });
}

function wake(d: Draft): void {
  const times = [d.room.asking.dueMs, earlyDueMs(d), d.c.received?.erasingDueMs(d)].filter((one) => one != null);
  const name = `room ${hex(d.room.id)}`;
  const { id } = d.room;
  if (times.length === 0) {
    d.c.timers.drop(name);
    return;
  }
  const atMs = Math.max(Math.min(...times), d.turn.nowMs + TICK_APART_MS);
  d.c.timers.set(name, atMs, (turn) => stepIn(d.c, turn, id, tick, false));
}
