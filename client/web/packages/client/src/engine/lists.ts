/** Lists of the company that are pinned, and ours that are sent (CON-10, ID-07, ID-28). */

import { same } from "@sealroom/core/bytes.ts";
import { LIST } from "@sealroom/core/content.ts";
import type { DeviceList } from "@sealroom/core/identity/list.ts";
import type { Context } from "./context.ts";
import { askWeekly, isStale, sessionFor, struckOff } from "./renewal.ts";
import { companyChanged } from "./rooms/rooms.ts";
import { sendControl, strikeOff } from "./sending.ts";
import { isNamed, setCompany } from "./state.ts";
import { noteList } from "./team_learning.ts";
import type { Turn } from "./turn.ts";

/** Send our renewed list to every device with a session (CON-10). */
export function sendLists(c: Context, turn: Turn): void {
  for (const peer of [...c.peers.values()]) {
    const session = isNamed(c, peer.record) ? sessionFor(c, turn, peer) : null;
    if (session !== null) {
      sendControl(c, turn, peer.deviceId, session, LIST, { name: "list", list: c.own.list.signed });
    }
  }
}

/** Pin a list: who is not named is struck off, what was held is looked at (ID-28, ID-36). */
export function pin(c: Context, turn: Turn, list: DeviceList): void {
  const before = c.company.list;
  if (before !== null && before.seq === list.seq && same(before.hash, list.hash)) return;
  const wasStale = c.staleTold;
  setCompany(c, turn, { ...c.company, list });
  strikeOff(c, turn, (peer) => struckOff(c, turn, peer));
  c.received?.release(c, turn);
  noteList(c, turn, list);
  companyChanged(c, turn);
  if (wasStale && !isStale(c, turn)) {
    sendLists(c, turn);
    askWeekly(c, turn);
  }
}

/** Stop the conversation until a person has looked: two lists were signed for one number (ID-07). */
export function alarm(c: Context, turn: Turn, code: string): void {
  if (c.company.alarm === code) return;
  setCompany(c, turn, { ...c.company, alarm: code });
  turn.notify({ type: "identity-alarm", code });
}
