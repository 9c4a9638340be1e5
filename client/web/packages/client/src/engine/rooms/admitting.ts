/** Whose entries are taken, and who received which (ROOM-16, TRN-15). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { same } from "@sealroom/core/bytes.ts";
import type { InForce } from "@sealroom/core/company/team.ts";
import { RANK_DESK } from "@sealroom/core/company/team.ts";
import { RemoteError } from "@sealroom/core/errors.ts";
import { isOwn, peerOf } from "../state.ts";
import type { Draft } from "./draft.ts";
import type { Judged } from "./judging.ts";
import { has, KIND_ERASED, KIND_STATE, pathTo } from "./judging.ts";
import type { Room } from "./model.ts";

/** What a steward answers with, or logs, member or not (ROOM-16). */
const ANSWERS: readonly number[] = [6, 16, 22];

/** Whether a device is another one of our account. */
export function isOurs(d: Draft, deviceId: Bytes): boolean {
  const peer = d.c.kin && peerOf(d.c, deviceId);
  return peer !== null && isOwn(d.c, peer.record);
}

/** Whether a device was a recipient by a state that an author followed (TRN-15). */
export function receivedThen(room: Room, deviceId: Bytes, followed: Bytes | null): boolean {
  const written = followed === null ? null : (room.states.find((one) => same(one.hash, followed)) ?? null);
  const path = pathTo(written, room.states);
  const last = path.at(-1);
  if (last !== undefined && last.state.members.length > 0) return has(last.state.members, deviceId);
  return has([...path.flatMap((one) => one.state.members), ...room.openedTo], deviceId);
}

/**
 * Whether an entry of the company's device is taken, as what it owes who was a member, or kept unshown until a state
 * names it (ROOM-16).
 *
 * @throws RemoteError `room.suspended`, `room.not_member`
 */
export function admit(
  judged: Judged,
  sender: Bytes,
  kind: number,
  team: readonly InForce[],
): "taken" | "owed" | "early" {
  const device = team.find(({ record }) => same(record.deviceId, sender));
  if (device === undefined) throw new RemoteError("room.suspended", "the device is not in force");
  const members = judged.head?.state.members ?? [];
  const isSteward = device.rank >= RANK_DESK;
  if (kind === KIND_STATE || has(members, sender)) return "taken";
  if (isSteward && (members.length === 0 || ANSWERS.includes(kind))) return "taken";
  if (judged.path.some((one) => has(one.state.members, sender))) {
    if (kind === KIND_ERASED) return "owed";
    throw new RemoteError("room.not_member", "the device is no member of the room any more");
  }
  return "early";
}
