/** All rooms of this device: steps in one, and what changes around them goes to all. */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex } from "@sealroom/core/bytes.ts";
import { RemoteError } from "@sealroom/core/errors.ts";
import type { Context } from "../context.ts";
import type { Turn } from "../turn.ts";
import { Draft } from "./draft.ts";
import { settle } from "./settling.ts";

const TIMER = "rooms";

/**
 * Carry out a step in a room; of one that is refused nothing stays.
 *
 * @throws RemoteError `remote.content` for a room that is not known, and what the step throws
 */
export function stepIn<T>(c: Context, turn: Turn, roomId: Bytes, work: (d: Draft) => T, settles = true): T {
  const room = c.rooms.get(hex(roomId));
  if (room === undefined) throw new RemoteError("remote.content", "a room that is not known");
  const d = new Draft(c, turn, room);
  const result = work(d);
  if (settles) settle(d);
  d.apply();
  return result;
}

// --- what changes around rooms ---

/** A list, a roster or a device was learned of: all rooms are looked at again, in this connection's next step. */
export function companyChanged(c: Context, turn: Turn): void {
  if (c.rooms.size === 0 || c.timers.atMs(TIMER) !== null) return;
  c.timers.set(TIMER, turn.nowMs, (later) => lookAtRooms(c, later));
}

function lookAtRooms(c: Context, turn: Turn): void {
  for (const { id } of [...c.rooms.values()]) stepIn(c, turn, id, (d) => d.rejudge());
}

/** We are back: what is missing is asked for. */
export function startRooms(c: Context, turn: Turn): void {
  for (const { id } of [...c.rooms.values()]) stepIn(c, turn, id, (d) => c.received?.askAgain(d));
}

/** The store may be an older copy: our chains begin anew (TRN-07). */
export function loseRooms(c: Context, turn: Turn): void {
  for (const { id } of [...c.rooms.values()]) stepIn(c, turn, id, (d) => d.set({ restarts: true }), false);
}

/** Rosters that states of rooms name (ACC-23). */
export function rostersNamed(c: Context): readonly string[] {
  return [...c.rooms.values()].flatMap((room) => room.states.map((one) => hex(one.state.roster.hash)));
}
