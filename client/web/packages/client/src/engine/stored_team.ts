/** Who of the company may act, from rows (chapter 15). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex } from "@sealroom/core/bytes.ts";
import { decodeAgentCard } from "@sealroom/core/company/agent_card.ts";
import { verifyMandate } from "@sealroom/core/company/mandate.ts";
import { verifyRoster } from "@sealroom/core/company/roster.ts";
import { verifyNotice } from "@sealroom/core/consent/notice.ts";
import { verifyList } from "@sealroom/core/identity/list.ts";
import { decodeRecord } from "@sealroom/core/identity/record.ts";
import { bytesOf, RowReader, stored } from "./codec.ts";
import type { Row } from "./ports.ts";
import type { Team } from "./team.ts";
import { newTeam } from "./team.ts";

export function loadTeam(accountId: Bytes, rows: readonly Row[]): Team {
  const team = newTeam();
  for (const { key, value } of rows) stored(() => loadRow(team, accountId, key, new RowReader(value)));
  return team;
}

function loadRow(team: Team, accountId: Bytes, key: Bytes, reader: RowReader): void {
  const name = String.fromCharCode(...key.subarray(0, 9));
  if (name === "mandate") team.mandate = verifyMandate(accountId, reader.bytes());
  else if (name === "suspended") team.suspended = reader.list(bytesOf);
  else if (name.startsWith("roster:")) {
    const roster = verifyRoster(verifyMandate(accountId, reader.bytes()), reader.bytes());
    team.rosters.set(hex(roster.hash), { one: roster, learnedMs: reader.uint() });
  } else if (name.startsWith("list:")) {
    const list = verifyList(accountId, reader.bytes());
    team.lists.set(hex(list.hash), { one: list, learnedMs: reader.uint() });
  } else if (name.startsWith("record:")) {
    const record = decodeRecord(reader.bytes());
    team.records.set(hex(record.hash), record);
  } else if (name.startsWith("notice:")) {
    const notice = verifyNotice(accountId, reader.bytes());
    const texts = new Map(reader.list((pair) => pair as unknown as readonly [string, string]));
    team.notices.set(hex(notice.hash), { notice, texts });
  } else if (name.startsWith("card:")) {
    const card = decodeAgentCard(reader.bytes());
    team.cards.set(hex(card.deviceId), card);
  }
}
