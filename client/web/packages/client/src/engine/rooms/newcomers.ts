/** What goes to who has the room now and did not have it when we wrote that (ROOM-35, ROOM-61, ROOM-65). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { same } from "@sealroom/core/bytes.ts";
import { DAY_MS } from "@sealroom/core/constants.ts";
import { ERASED, FROZEN, OPEN, WITHDRAWN } from "@sealroom/core/rooms/state.ts";
import { peersNamed } from "../state.ts";
import { teamOrNone } from "../team.ts";
import { receivedThen } from "./admitting.ts";
import type { Draft } from "./draft.ts";
import {
  actsOf,
  condition,
  isContent,
  KIND_WITHDRAW,
  knownDevices,
  payloadOf,
  phaseCode,
  recipients,
  takenBack,
  transcript,
} from "./judging.ts";
import type { Kept } from "./model.ts";
import { postedEntry } from "./writing.ts";

const RANK_DESK = 2;
const KIND_ERASE = 5;
const ORDERS: readonly number[] = [KIND_ERASE, KIND_WITHDRAW, 15];
const KIND_REACH = 14;
const KIND_IDENTIFY = 17;
const MAX_UNDER_WAY = 64;
const MAX_ORDERS = 64;
const MAX_AWAY = 64;
const TOLD_FOR_MS = 31 * DAY_MS;

/**
 * Post what was under way when the room was given to others to those who have it now, and our orders; these, our
 * newest address and sign-out also to who is in force again.
 */
export function postToNewcomers(d: Draft, before: readonly Bytes[]): void {
  const newcomers = without(d.room.shown?.members ?? [], before);
  if (newcomers.length > 0) {
    for (const kept of [...underWay(d), ...orders(d)]) {
      give(
        d,
        kept,
        newcomers.filter((id) => !receivedThen(d.room, id, kept.followed)),
      );
    }
  }
  const returned = returnedNow(d);
  if (returned.length === 0) return;
  const { phase } = condition(d.c, d.room, d.judged());
  const isOver = phase === WITHDRAWN || phase === ERASED;
  for (const kept of [...orders(d), ...(isOver ? [] : newest(d))]) {
    const served = recipients(d.room, d.judged(), kept.entry.header.kind, teamOrNone(d.c, d.turn));
    give(d, kept, without(returned, without(returned, served)));
  }
}

/**
 * Our `open`, and behind it our acts, wait again where all who could hear us are struck off, and the room is open or
 * frozen or a person writes there: they go to the desks in force (ROOM-75).
 */
export function openAnew(d: Draft, byPerson = false): void {
  const { phase } = condition(d.c, d.room, d.judged());
  if (!byPerson && phase !== OPEN && phase !== FROZEN) return;
  const isOurs = (kept: Kept | null) => kept !== null && same(kept.entry.author.deviceId, d.c.own.record.deviceId);
  const root = d.find(d.room.root);
  if (!isOurs(root)) return;
  const team = teamOrNone(d.c, d.turn);
  const agents = team.filter(({ rank }) => rank < RANK_DESK).map(({ record }) => record.deviceId);
  const deaf = without(agents, d.judged().head?.state.members ?? []);
  const known = without(knownDevices(d.room, d.judged()), deaf);
  const isHeard = peersNamed(d.c).some(({ deviceId }) => without([deviceId], known).length === 0);
  if (isHeard || team.length === agents.length) return;
  const acts = actsOf(d.room)
    .map(({ hash }) => d.find(hash))
    .filter(isOurs);
  for (const kept of [root, ...acts.slice(-MAX_ORDERS)])
    d.keep({ ...(kept as Kept), waitingFor: [], delivery: "waiting" });
}

function give(d: Draft, kept: Kept, ids: readonly Bytes[]): void {
  const to = without(ids, kept.waitingFor);
  if (to.length === 0) return;
  const delivery = kept.delivery === "failed" ? "waiting" : kept.delivery;
  d.keep({ ...kept, waitingFor: [...kept.waitingFor, ...to], delivery });
  d.post(postedEntry(kept.entry), to);
}

function without(ids: readonly Bytes[], others: readonly Bytes[]): readonly Bytes[] {
  return ids.filter((id) => !others.some((one) => same(one, id)));
}

/** Whom erasures go to again, who was out of force when this was asked last; nobody where that is not known (ROOM-65). */
function returnedNow(d: Draft): readonly Bytes[] {
  const team = teamOrNone(d.c, d.turn);
  if (team.length === 0) return [];
  const { served, away } = d.room;
  const here = recipients(d.room, d.judged(), KIND_ERASE, team);
  const gone = without([...away, ...without(served, away)], here).slice(-MAX_AWAY);
  d.set({ served: here, away: gone });
  return without(away, gone);
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

/** Our newest address and our newest sign-out, if they were not erased (ROOM-65). */
function newest(d: Draft): readonly Kept[] {
  const ours = [...d.room.entries.values()].filter(({ delivery }) => delivery !== null);
  const addresses = ours.filter(({ entry }) => entry.header.kind === KIND_REACH);
  const signedOut = ours.filter((one) => one.entry.header.kind === KIND_IDENTIFY && payloadOf(one) === null);
  return [...addresses.slice(-1), ...signedOut.slice(-1)].filter(({ hidden, entry }) => !hidden && entry.body !== null);
}

/** Our erasures, withdrawals and marks of a month, whoever has confirmed them: what they name may be handed over (ROOM-61). */
function orders(d: Draft): readonly Kept[] {
  const ours = [...d.room.entries.values()].filter(({ delivery, entry, receivedMs }) => {
    const isRecent = receivedMs > d.turn.nowMs - TOLD_FOR_MS && entry.body !== null;
    return delivery !== null && ORDERS.includes(entry.header.kind) && isRecent;
  });
  const newest = ORDERS.flatMap((kind) => ours.filter(({ entry }) => entry.header.kind === kind).slice(-MAX_ORDERS));
  return ours.filter((one) => newest.includes(one));
}
