/** Rooms between devices of one customer: given to a new one, and begun on it (ACC-52, ROOM-38, TRN-19). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same } from "@sealroom/core/bytes.ts";
import type { Content } from "@sealroom/core/content.ts";
import { FORWARD } from "@sealroom/core/content.ts";
import { RemoteError } from "@sealroom/core/errors.ts";
import { draw } from "@sealroom/core/ports.ts";
import { decodeBody, KIND_OPEN, roomIdOf } from "@sealroom/core/rooms/entry.ts";
import { lineOf, readEntry } from "@sealroom/core/rooms/entry_reading.ts";
import { checkPayload } from "@sealroom/core/rooms/payloads.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { cborMap, encode } from "@sealroom/core/wire/cbor.ts";
import { Fields } from "@sealroom/core/wire/fields.ts";
import type { Context } from "../engine/context.ts";
import { GROUND } from "../engine/rooms/asking.ts";
import { Draft } from "../engine/rooms/draft.ts";
import { KIND_MARK } from "../engine/rooms/judging.ts";
import type { Kept, Room } from "../engine/rooms/model.ts";
import { newRoom } from "../engine/rooms/opening.ts";
import { stepIn } from "../engine/rooms/rooms.ts";
import { settle } from "../engine/rooms/settling.ts";
import { fromSession } from "../engine/rooms/taking.ts";
import { mayWriteQuietly, postedEntry, write } from "../engine/rooms/writing.ts";
import type { Turn } from "../engine/turn.ts";
import { idsOf } from "./devices.ts";
import type { KinState } from "./state.ts";
import { presentOf } from "./state.ts";

const ERASED = 5;
const NONCE_B = 16;
const MAX_LINES = 64;
/** Less than 48 KiB, with room for what stands around the lines (TRN-15). */
const MAX_FORWARD_B = 48_000;

/** Give each room that we have opened and not erased to another device of ours: its `open`, then all that is here. */
export function giveRooms(c: Context, turn: Turn, deviceId: Bytes): void {
  for (const { id, shown } of [...c.rooms.values()]) {
    if (shown?.phase !== ERASED) stepIn(c, turn, id, (d) => giveRoom(d, deviceId));
  }
}

function giveRoom(d: Draft, deviceId: Bytes): void {
  const root = d.find(d.room.root);
  const isMine = root !== null && same(root.entry.author.deviceId, d.c.own.record.deviceId);
  if (!isMine || root.entry.body === null) return;
  d.post(postedEntry(root.entry), [deviceId]);
  const kept = [...d.room.entries.values()].filter((one) => one.stands !== "refused");
  const lines = kept.map(({ entry, hidden }) => lineOf(hidden ? { ...entry, body: null } : entry));
  for (const part of parted(lines)) {
    const payload = cborMap([
      [1, d.room.id],
      [2, part],
    ]);
    d.post({ contentId: draw(d.c.rng, 16), sentMs: d.turn.nowMs, type: FORWARD, payload }, [deviceId]);
  }
}

/**
 * Whether another device of ours may have an entry that it asks for: not one that is being struck off (ACC-52), and what
 * is from before the list that named it first only where we sign our lists, or have posted it to that device (TRN-48).
 */
export function mayHave(k: KinState, { states }: Room, kept: Kept, deviceId: Bytes): boolean {
  const { entry, followed, waitingFor } = kept;
  if (!idsOf(k).some((id) => same(id, deviceId))) return false;
  if (waitingFor.some((id) => same(id, deviceId))) return true;
  if (k.c.own.accountSeed !== null || GROUND.includes(entry.header.kind)) return true;
  const state = followed === null ? undefined : states.find((one) => same(one.hash, followed))?.state;
  const named = presentOf(k).filter((one) => one.listed && same(one.record.deviceId, deviceId));
  return named.some(({ sinceSeq }) => sinceSeq <= (state?.list?.seq ?? 0));
}

/** Lines in as many contents as they need. */
function parted(lines: readonly Value[]): readonly (readonly Value[])[] {
  const parts: Value[][] = [];
  let sizeB = 0;
  for (const line of lines) {
    const lineB = encode(line).length;
    const last = parts.at(-1);
    if (last === undefined || last.length >= MAX_LINES || sizeB + lineB > MAX_FORWARD_B) {
      parts.push([line]);
      sizeB = lineB;
    } else {
      last.push(line);
      sizeB += lineB;
    }
  }
  return parts;
}

/**
 * Begin a room with the `open` of another device of ours, and write a mark, so that the company learns of this device.
 *
 * @throws RemoteError `remote.content` for anything else
 */
export function begin(c: Context, turn: Turn, deviceId: Bytes, content: Content): boolean {
  const value = content.payload.name === "room" ? content.payload.value : null;
  const { accountId } = c.own.record;
  const author = { accountId, deviceId, signPublic: null };
  const entry = readEntry(author, value, content.contentId, content.sentMs);
  const { kind, roomId } = entry.header;
  if (kind !== KIND_OPEN) throw new RemoteError("remote.content", "a room that is not known");
  const payload = decodeBody(entry.body as Bytes);
  checkPayload(kind, payload);
  const nonce = new Fields(payload, 2).bytes(1, NONCE_B);
  const company = c.company.accountId;
  if (hex(roomIdOf(company, accountId, nonce)) !== hex(roomId))
    throw new RemoteError("remote.content", "a room with a company that is not known");
  const d = new Draft(c, turn, { ...newRoom(roomId, company, accountId, nonce), root: entry.hash });
  if (!fromSession(d, deviceId, content)) throw new RemoteError("remote.content", "an open that does not hold");
  d.rejudge();
  settle(d);
  d.apply();
  stepIn(c, turn, roomId, (later) => {
    if (mayWriteQuietly(later)) write(later, KIND_MARK, null);
  });
  return true;
}
