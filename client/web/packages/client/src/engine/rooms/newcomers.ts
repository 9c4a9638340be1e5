/** What goes to who has the room now and did not have it when we wrote that (ROOM-35, ROOM-61). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { same } from "@sealroom/core/bytes.ts";
import { DAY_MS } from "@sealroom/core/constants.ts";
import type { Draft } from "./draft.ts";
import { isContent, phaseCode, receivedThen, takenBack, transcript } from "./judging.ts";
import type { Kept } from "./model.ts";
import { postedEntry } from "./writing.ts";

const ORDERS: readonly number[] = [5, 15];
const MAX_UNDER_WAY = 64;
const MAX_ORDERS = 64;
const TOLD_FOR_MS = 31 * DAY_MS;

/** Post what was under way when the room was given to others to those who have it now, and our orders. */
export function postToNewcomers(d: Draft, newcomers: readonly Bytes[]): void {
  if (newcomers.length === 0) return;
  for (const kept of [...underWay(d), ...orders(d)]) {
    const to = newcomers.filter((id) => {
      return !kept.waitingFor.some((one) => same(one, id)) && !receivedThen(d.room, id, kept.followed);
    });
    if (to.length === 0) continue;
    const delivery = kept.delivery === "failed" ? "waiting" : kept.delivery;
    d.keep({ ...kept, waitingFor: [...kept.waitingFor, ...to], delivery });
    d.post(postedEntry(kept.entry), to);
  }
}

/** Of our newest contents those that nobody has confirmed, or that stand after the state in force (ROOM-35). */
function underWay(d: Draft): readonly Kept[] {
  const all = transcript(d.room);
  const ours = all
    .slice(takenBack(d.room).length)
    .filter((one) => one.delivery !== null && isContent(one.entry.header.kind));
  const { head } = d.judged();
  const headAt = all.findIndex(({ entry }) => head !== null && same(entry.hash, head.hash));
  return ours.slice(-MAX_UNDER_WAY).filter((kept) => {
    const isAfter = headAt >= 0 && all.indexOf(kept) > headAt;
    if (kept.hidden || kept.marked || kept.entry.body === null) return false;
    return phaseCode(d, kept.entry.header.kind) === undefined && (kept.delivery !== "delivered" || isAfter);
  });
}

/** Our erasures and marks of a month, whoever has confirmed them: what they name may be handed over (ROOM-61). */
function orders(d: Draft): readonly Kept[] {
  const ours = [...d.room.entries.values()].filter(({ delivery, entry, receivedMs }) => {
    const isRecent = receivedMs > d.turn.nowMs - TOLD_FOR_MS && entry.body !== null;
    return delivery !== null && ORDERS.includes(entry.header.kind) && isRecent;
  });
  const newest = ORDERS.flatMap((kind) => ours.filter(({ entry }) => entry.header.kind === kind).slice(-MAX_ORDERS));
  return ours.filter((one) => newest.includes(one));
}
