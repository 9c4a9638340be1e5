/** What is done once an hour. */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { unhex } from "@sealroom/core/bytes.ts";
import { RELAY_RETENTION_MS } from "@sealroom/core/constants.ts";
import { inTime } from "@sealroom/core/ratchet/skipped.ts";
import { release } from "./contents.ts";
import type { Context } from "./context.ts";
import { sendLists } from "./lists.ts";
import { isAhead, isListDue, renewList } from "./own_lists.ts";
import { askWeekly } from "./renewal.ts";
import { lookAtAll, redoAhead } from "./renewal_time.ts";
import { sessionOf, setSession } from "./state.ts";
import { maintain as maintainTeam } from "./team_pruning.ts";
import type { Turn } from "./turn.ts";
import { remove, rotate } from "./upkeep.ts";

/** Look after what has to be renewed or goes at its time. */
export function maintain(c: Context, turn: Turn): void {
  sweep(c, turn);
  release(c, turn);
  if (c.kin === null && isListDue(c.own, turn.nowMs)) {
    const wasAhead = isAhead(c.own, turn.nowMs);
    renewList(c, turn);
    sendLists(c, turn);
    if (wasAhead) redoAhead(c, turn);
  }
  maintainTeam(c, turn);
  if (rotate(c, turn)) askWeekly(c, turn);
  lookAtAll(c, turn);
}

/** Let prekeys, replay entries and skipped keys go at their time (ID-18, HS-09, DR-16). */
export function sweep(c: Context, turn: Turn): void {
  for (const { prekey } of [...c.prekeys.values()]) {
    if (turn.nowMs > prekey.notAfterMs + RELAY_RETENTION_MS) remove(c, turn, prekey.kind, prekey.id);
  }
  for (const [key, { endsMs }] of [...c.flights]) {
    if (turn.nowMs <= endsMs) continue;
    c.flights.delete(key);
    turn.delete("replay", unhex(key));
  }
  for (const { pair } of c.peers.values()) {
    for (const { id } of pair.sessions) expireSkipped(c, turn, id);
  }
}

function expireSkipped(c: Context, turn: Turn, id: Bytes): void {
  const session = sessionOf(c, id);
  if (session === null) return;
  const skipped = inTime(session.ratchet.skipped, turn.nowMs);
  if (skipped.length === session.ratchet.skipped.length) return;
  setSession(c, turn, { ...session, ratchet: { ...session.ratchet, skipped } });
}
