/** A list of our own account that somebody gives us (CON-05, ID-40, ACC-67). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same } from "@sealroom/core/bytes.ts";
import { CoreError } from "@sealroom/core/errors.ts";
import type { DeviceList } from "@sealroom/core/identity/list.ts";
import { hasReplaced, isRecovered, names, verifyList } from "@sealroom/core/identity/list.ts";
import type { Context } from "./context.ts";
import { redated, takeList } from "./own_lists.ts";
import { setReplaced } from "./state_ends.ts";
import type { Turn } from "./turn.ts";

/**
 * Whether somebody else with the code has signed a list: its number is that of our first list or a higher one, also below
 * that of the newest, which may leave its device out again (ACC-75).
 */
export function isNotOurs(c: Context, list: DeviceList): boolean {
  const [first] = c.ownLists as [DeviceList];
  return c.code !== "none" && list.seq >= first.seq && !c.ownLists.some((one) => same(one.hash, list.hash));
}

/** Whether a list that we are shown names just what our list in use names: it tells of no other device (ACC-78). */
export function namesOurs(c: Context, list: DeviceList): boolean {
  return String(list.recordHashes) === String(c.own.list.recordHashes);
}

/** Go on from a newer list of ours, or be replaced by it; one may be shown us instead (ACC-78). False: not ours. */
export function takeBack(c: Context, turn: Turn, signed: Bytes, isShown = false): boolean {
  const { record, list: ours } = c.own;
  let list: DeviceList;
  try {
    list = verifyList(record.accountId, signed);
  } catch (error) {
    if (error instanceof CoreError) return false;
    throw error;
  }
  if (c.kin !== null) c.kin.given(turn, list, isShown);
  else {
    const own = [record, redated(record, list.issuedMs)];
    const named = own.find((one) => names(list, one));
    const known = new Set([...ours.recordHashes, ...own.map((one) => one.hash)].map(hex));
    // All lists are signed here: one that names a device which this one does not know was signed beside it (ACC-75).
    const isKnown = named !== undefined && list.recordHashes.every((one) => known.has(hex(one)));
    const isOurs = isShown ? namesOurs(c, list) : isKnown;
    const isOut =
      c.code === "none" ? named === undefined && hasReplaced(list, ours, []) : !isOurs && isNotOurs(c, list);
    if (isOut) {
      setReplaced(c, turn, c.code !== "none" || isRecovered(list));
    } else if (named !== undefined && list.seq > ours.seq) takeList(c, turn, list, { ...c.own, record: named });
  }
  return true;
}
