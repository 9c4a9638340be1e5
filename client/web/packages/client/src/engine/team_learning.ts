/** What is learned of the company, and from where (ACC-05, ACC-11, ACC-12, ACC-22). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { compare, hex, same } from "@sealroom/core/bytes.ts";
import type { Mandate } from "@sealroom/core/company/mandate.ts";
import { counts, isLearned } from "@sealroom/core/company/mandate.ts";
import type { Roster } from "@sealroom/core/company/roster.ts";
import { verifySlot } from "@sealroom/core/company/roster.ts";
import type { Notice } from "@sealroom/core/consent/notice.ts";
import { checkText } from "@sealroom/core/consent/notice.ts";
import { CoreError } from "@sealroom/core/errors.ts";
import type { DeviceList } from "@sealroom/core/identity/list.ts";
import { names, verifyList } from "@sealroom/core/identity/list.ts";
import type { DeviceRecord } from "@sealroom/core/identity/record.ts";
import { decodeRecord } from "@sealroom/core/identity/record.ts";
import type { LookupResult } from "@sealroom/core/relay/answers.ts";
import { named, row } from "./codec.ts";
import type { Context } from "./context.ts";
import { companyChanged } from "./rooms/rooms.ts";
import { recordsOf, review } from "./team.ts";
import type { Turn } from "./turn.ts";

const MAX_NOTICES = 64;
const MAX_SUSPENDED = 64;
const MAX_LINKS = 16;

// --- what is learned ---

/** Learn a mandate, and a roster of it; what is issued ahead of the tolerance is not learned (ACC-04, ACC-05). */
export function learn(c: Context, turn: Turn, mandate: Mandate, roster: Roster | null): void {
  if (!isLearned(mandate, turn.nowMs)) return;
  const before = c.team.mandate;
  const after = counts(before, mandate);
  if (before === null || !same(before.hash, after.hash)) {
    c.team.mandate = after;
    turn.put("team", named("mandate"), () => row((c.team.mandate as Mandate).signed));
    setSuspended(c, turn, []);
  }
  if (roster === null || !isLearned(roster, turn.nowMs) || c.team.rosters.has(hex(roster.hash))) return;
  c.team.rosters.set(hex(roster.hash), { one: roster, learnedMs: turn.nowMs });
  const { nowMs } = turn;
  turn.put("team", named("roster:", roster.hash), () => row(roster.mandate.signed, roster.signed, nowMs));
  if (same(roster.mandate.hash, after.hash)) setSuspended(c, turn, [...c.team.suspended, ...roster.suspended]);
}

/** Of ids that neither the mandate nor a known record has, the 64 smallest are kept (ACC-22). */
function setSuspended(c: Context, turn: Turn, ids: readonly Bytes[]): void {
  const distinct = [...new Map(ids.map((id) => [hex(id), id])).values()].sort(compare);
  const isKnown = (id: Bytes): boolean => recordsOf(c).some((record) => same(record.deviceId, id));
  const others = distinct.filter((id) => !isKnown(id)).slice(0, MAX_SUSPENDED);
  c.team.suspended = [...distinct.filter(isKnown), ...others];
  turn.put("team", named("suspended"), () => row(c.team.suspended));
}

/** Learn from a directory entry whose lists and records have been checked: from each slot that holds (ACC-11). */
export function noteEntry(c: Context, turn: Turn, result: LookupResult): void {
  const { accountId } = c.company;
  const lists = result.lists.slice(-MAX_LINKS).map((one) => verifyList(accountId, one));
  keep(c, turn, lists, result.records.map(decodeRecord));
  for (const slot of result.slots) {
    quietly(() => {
      const roster = verifySlot(accountId, slot);
      learn(c, turn, roster.mandate, roster);
    });
  }
  changed(c, turn);
}

/** Another list of the company is the pinned one. */
export function noteList(c: Context, turn: Turn, list: DeviceList): void {
  keep(c, turn, [list], []);
  review(c, turn);
}

export function changed(c: Context, turn: Turn): void {
  c.received?.prune(c, turn);
  review(c, turn);
  companyChanged(c, turn);
}

/** Do `step`; what does not hold is left out. */
export function quietly(step: () => void): void {
  try {
    step();
  } catch (error) {
    if (!(error instanceof CoreError)) throw error;
  }
}

export function keep(c: Context, turn: Turn, lists: readonly DeviceList[], records: readonly DeviceRecord[]): void {
  for (const list of [...lists, ...(c.company.list === null ? [] : [c.company.list])]) {
    if (c.team.lists.has(hex(list.hash))) continue;
    const { nowMs } = turn;
    c.team.lists.set(hex(list.hash), { one: list, learnedMs: nowMs });
    turn.put("team", named("list:", list.hash), () => row(list.signed, nowMs));
  }
  const peers = [...c.peers.values()].map((peer) => peer.record);
  for (const record of [...records, ...peers]) {
    const isListed = [...c.team.lists.values()].some(({ one }) => names(one, record));
    if (!isListed || c.team.records.has(hex(record.hash))) continue;
    c.team.records.set(hex(record.hash), record);
    turn.put("team", named("record:", record.hash), () => row(record.bytes));
  }
}

/** Keep a notice, with texts that were shown or came (ACC-23, CNS-05). */
export function learnNotice(
  c: Context,
  turn: Turn,
  notice: Notice,
  texts: readonly { readonly locale: string; readonly text: string }[],
): void {
  const utf8 = new TextEncoder();
  for (const { locale, text } of texts) checkText(notice, locale, utf8.encode(text));
  const known = c.team.notices.get(hex(notice.hash));
  const all = new Map([...(known?.texts ?? []), ...texts.map(({ locale, text }) => [locale, text] as const)]);
  c.team.notices.set(hex(notice.hash), { notice, texts: all });
  turn.put("team", named("notice:", notice.hash), () => row(notice.signed, [...all]));
  const byAge = [...c.team.notices.values()].sort((a, b) => b.notice.number - a.notice.number);
  for (const { notice: old } of byAge.slice(MAX_NOTICES)) {
    c.team.notices.delete(hex(old.hash));
    turn.delete("team", named("notice:", old.hash));
  }
}
