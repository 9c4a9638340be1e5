/** What is kept of the company (ACC-23, ACC-41). */

import { hex } from "@sealroom/core/bytes.ts";
import type { Roster } from "@sealroom/core/company/roster.ts";
import { DAY_MS } from "@sealroom/core/constants.ts";
import { names } from "@sealroom/core/identity/list.ts";
import { named } from "./codec.ts";
import type { Context } from "./context.ts";
import { rostersNamed } from "./rooms/rooms.ts";
import { counting, review } from "./team.ts";
import type { Turn } from "./turn.ts";

const KEPT_MS = 8 * DAY_MS;
const WITNESS_MS = 6 * DAY_MS;
const MAX_WITNESSES = 256;
const MAX_UNNAMED = 64;
const MAX_NAMED = 1_024;
const MAX_NAMED_BY_MANDATE = 256;
const MAX_OTHER_LISTS = 16;
/** What is over, or not known any more, is looked at once an hour. */
export function maintain(c: Context, turn: Turn): void {
  prune(c, turn);
  review(c, turn);
}

// --- what is kept ---

/** Throw away rosters and lists that nobody needs (ACC-23, ACC-41). */
export function prune(c: Context, turn: Turn): void {
  const rosters = [...c.team.rosters];
  const needed = new Set(namedByStates(c).map(({ hash }) => hex(hash)));
  const counted = counting(c);
  if (counted !== null) needed.add(hex(counted.hash));
  const recent = rosters.filter(([, { learnedMs }]) => turn.nowMs < learnedMs + KEPT_MS).slice(-MAX_UNNAMED);
  const firsts = new Map(
    [...rosters].reverse().map(([key, { learnedMs }]) => [Math.floor(learnedMs / WITNESS_MS), key]),
  );
  const witnesses = [...firsts].sort(([a], [b]) => b - a).slice(0, MAX_WITNESSES);
  for (const key of [...recent.map(([one]) => one), ...witnesses.map(([, one]) => one)]) needed.add(key);
  for (const [key, { one }] of rosters) {
    if (needed.has(key)) continue;
    c.team.rosters.delete(key);
    turn.delete("team", named("roster:", one.hash));
  }
  pruneLists(c, turn);
}

/** Those that states name: the first 256 of a mandate, so that no stolen key fills others' places; of all the newest. */
function namedByStates(c: Context): readonly Roster[] {
  const names = new Set(rostersNamed(c));
  const counts = new Map<number, number>();
  const first = [...c.team.rosters.values()].flatMap(({ one }) => {
    const count = counts.get(one.mandate.seq) ?? 0;
    if (!names.has(hex(one.hash)) || count >= MAX_NAMED_BY_MANDATE) return [];
    counts.set(one.mandate.seq, count + 1);
    return [one];
  });
  return first.sort((a, b) => a.mandate.seq - b.mandate.seq || a.seq - b.seq).slice(-MAX_NAMED);
}

function pruneLists(c: Context, turn: Turn): void {
  const needed = new Set([...c.team.rosters.values()].map(({ one }) => hex(one.list.hash)));
  if (c.company.list !== null) needed.add(hex(c.company.list.hash));
  const others = [...c.team.lists].filter(([key]) => !needed.has(key));
  const fresh = others.filter(([, { learnedMs }]) => turn.nowMs < learnedMs + KEPT_MS).slice(-MAX_OTHER_LISTS);
  for (const [key, { one }] of others) {
    if (fresh.some(([kept]) => kept === key)) continue;
    c.team.lists.delete(key);
    turn.delete("team", named("list:", one.hash));
  }
  for (const [key, record] of [...c.team.records]) {
    if ([...c.team.lists.values()].some(({ one }) => names(one, record))) continue;
    c.team.records.delete(key);
    turn.delete("team", named("record:", record.hash));
  }
}
