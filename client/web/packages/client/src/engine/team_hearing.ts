/** Takes in what the company says of its team: rosters, lists, cards. */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same } from "@sealroom/core/bytes.ts";
import { decodeAgentCard } from "@sealroom/core/company/agent_card.ts";
import { verifyMandate } from "@sealroom/core/company/mandate.ts";
import { verifyRoster } from "@sealroom/core/company/roster.ts";
import { asRosterContent } from "@sealroom/core/company/roster_content.ts";
import { verifyNotice } from "@sealroom/core/consent/notice.ts";
import { RemoteError } from "@sealroom/core/errors.ts";
import type { DeviceList } from "@sealroom/core/identity/list.ts";
import { followChain, verifyList } from "@sealroom/core/identity/list.ts";
import { decodeRecord } from "@sealroom/core/identity/record.ts";
import { checkIdentity } from "@sealroom/core/identity/signed.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { named, row } from "./codec.ts";
import type { Context } from "./context.ts";
import { catchUp } from "./directory.ts";
import { pin } from "./lists.ts";
import { teamNow } from "./team.ts";
import { changed, keep, learn, learnNotice, quietly } from "./team_learning.ts";
import type { Turn } from "./turn.ts";

/** Take a content of type 12 of a device of the company (ACC-12). */
export function learnContent(c: Context, turn: Turn, payload: Value): void {
  const content = asRosterContent(payload);
  const { accountId } = c.company;
  const mandate = verifyMandate(accountId, content.mandate);
  const roster = verifyRoster(mandate, content.roster);
  const lists = content.lists.map((one) => verifyList(accountId, one));
  const records = content.records.map(decodeRecord);
  checkIdentity(
    records.every((record) => same(record.accountId, accountId)),
    "a record of another account",
  );
  takeLists(c, turn, lists);
  keep(c, turn, lists, records);
  learn(c, turn, mandate, roster);
  for (const signed of content.notices) quietly(() => learnNotice(c, turn, verifyNotice(accountId, signed), []));
  changed(c, turn);
}

/** Follow newer lists as from a directory (ID-07). */
function takeLists(c: Context, turn: Turn, lists: readonly DeviceList[]): void {
  const pinned = c.company.list;
  const newer = lists.filter((one) => pinned === null || one.seq > pinned.seq);
  if (newer.length === 0) return;
  try {
    pin(c, turn, followChain(pinned, newer));
  } catch (error) {
    if (!(error instanceof RemoteError) || error.code !== "remote.list_gap") throw error;
    catchUp(c, turn);
  }
}

/** Take a card that a state gives; one that is not that of a device in force is passed over (ACC-14). */
export function learnCard(c: Context, turn: Turn, bytes: Bytes): void {
  quietly(() => {
    const card = decodeAgentCard(bytes);
    checkIdentity(same(card.accountId, c.company.accountId), "a card of another account");
    const member = teamNow(c, turn).find(({ record }) => same(record.deviceId, card.deviceId));
    checkIdentity(member !== undefined && same(member.named.cardHash, card.hash), "another card than the roster names");
    c.team.cards.set(hex(card.deviceId), card);
    turn.put("team", named("card:", card.deviceId), () => row(card.bytes));
  });
}
