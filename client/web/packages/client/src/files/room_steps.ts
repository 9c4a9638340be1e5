/** Steps of the engine that files take: who pays, when a file is announced, who is told that it is held (FIL-11 to FIL-14). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same } from "@sealroom/core/bytes.ts";
import { MAX_TIME_MS } from "@sealroom/core/constants.ts";
import { SIGNAL } from "@sealroom/core/content.ts";
import type { Announced } from "@sealroom/core/files.ts";
import { dropBlob } from "@sealroom/core/relay/requests.ts";
import { WITHDRAWN } from "@sealroom/core/rooms/state.ts";
import type { FileKey } from "@sealroom/core/secret.ts";
import type { Context } from "../engine/context.ts";
import { ask as askLink } from "../engine/links.ts";
import { checkWriting } from "../engine/rooms/consenting.ts";
import { Draft } from "../engine/rooms/draft.ts";
import { checkPhase, payloadOf, recipients } from "../engine/rooms/judging.ts";
import type { Kept, Room } from "../engine/rooms/model.ts";
import { stepIn } from "../engine/rooms/rooms.ts";
import { write } from "../engine/rooms/writing.ts";
import { teamOrNone } from "../engine/team.ts";
import type { Turn } from "../engine/turn.ts";
import { ClientError } from "../errors.ts";
import { FileError } from "./file_error.ts";
import { fileKey } from "./file_key.ts";
import type { FileOut, Payer } from "./rows.ts";

export const KIND_FILE = 7;
const SIGNAL_HELD = 5;

/** What an entry says of its file. */
export interface FileOfEntry {
  readonly blob: Bytes;
  readonly key: FileKey;
  readonly announced: Announced;
  readonly name: string;
  readonly mediaType: string;
  readonly expiresMs: number;
  readonly payer: Bytes;
}

export interface RoomSteps {
  readonly c: Context;
  readonly turn: Turn;
}

function roomOf({ c }: RoomSteps, id: Bytes): Room {
  const room = c.rooms.get(hex(id));
  if (room === undefined) throw new FileError("local.file", "the room is gone");
  return room;
}

/** A look at a room that changes nothing. */
function look(steps: RoomSteps, id: Bytes): Draft {
  return new Draft(steps.c, steps.turn, roomOf(steps, id));
}

type Begun = Pick<FileOut, "room" | "seq">;

/**
 * Refuse a file where its entry would be refused now.
 *
 * @throws ClientError `account.replaced`, LocalError `local.consent`, RemoteError of the phase, FileError
 *   `file.cancelled`
 */
export function checkFiles(steps: RoomSteps, file: Begun): void {
  const { room } = file;
  if (steps.c.isReplaced) throw new ClientError("account.replaced", "another device has this account now");
  checkWriting(steps.c, steps.turn, roomOf(steps, room), KIND_FILE);
  checkPhase(look(steps, room), KIND_FILE);
  if (isLeft(steps.c, file)) throw new FileError("file.cancelled", "given up");
}

/** Whether a room was erased, or withdrawn from since a file was begun: nothing of that leaves any more (FIL-29). */
export function isLeft(c: Context, { room, seq }: Begun): boolean {
  const found = c.rooms.get(hex(room));
  if (found === undefined || (found.shown?.phase ?? 0) >= WITHDRAWN) return true;
  return (found.consent.withdrawal?.seq ?? -1) >= seq;
}

/** The devices to which the entry of a file goes now (ROOM-15). */
export function recipientsOf(steps: RoomSteps, room: Bytes): readonly Bytes[] {
  const d = look(steps, room);
  return recipients(d.room, d.judged(), KIND_FILE, teamOrNone(steps.c, steps.turn));
}

/** Whose mailboxes may pay, in turn: recipients at the company's relay (FIL-11). */
export function payers(steps: RoomSteps, room: Bytes): readonly Payer[] {
  const { peers, company } = steps.c;
  return recipientsOf(steps, room).flatMap((deviceId) => {
    const way = peers.get(hex(deviceId))?.wayBack ?? null;
    if (way === null || way.relayUrl !== company.relayUrl) return [];
    return [{ deviceId, mailbox: way.mailbox, token: way.token }];
  });
}

/** Write the entry of a file that the relay has until `expiresMs` (FIL-12); returns its hash. */
export function announce(steps: RoomSteps, row: FileOut, expiresMs: number, payer: Bytes): Bytes {
  const { blob, key, paddedB, hash, sizeB, name, mediaType } = row;
  const values = [blob, key.expose(), paddedB, hash, sizeB, name, mediaType, Math.min(expiresMs, MAX_TIME_MS), payer];
  const payload = new Map(values.map((value, i) => [i + 1, value] as const));
  checkFiles(steps, row);
  return stepIn(steps.c, steps.turn, row.room, (d) => write(d, KIND_FILE, payload)).hash;
}

/** What an entry says of its file; null for none, or where it was erased. Its form was checked when it came. */
export function fileOf(kept: Kept): FileOfEntry | null {
  const { entry, hidden, stands } = kept;
  if (entry.header.kind !== KIND_FILE || entry.body === null || hidden || stands === "refused") return null;
  const payload = payloadOf(kept) as ReadonlyMap<number, unknown>;
  const field = (key: number): unknown => payload.get(key);
  const [blob, key, hash, payer] = [1, 2, 4, 9].map(field) as [Bytes, Bytes, Bytes, Bytes];
  const [paddedB, sizeB, expiresMs] = [3, 5, 8].map((one) => Number(field(one))) as [number, number, number];
  const [name, mediaType] = [6, 7].map((one) => String(field(one))) as [string, string];
  return { blob, key: fileKey(key), announced: { sizeB, paddedB, hash }, name, mediaType, expiresMs, payer };
}

/** Tell writer and payer that this device holds a file (FIL-14). */
export function sayHeld(steps: RoomSteps, room: Bytes, entry: Bytes, to: readonly Bytes[]): void {
  const { c, turn } = steps;
  const known = recipientsOf(steps, room).filter((id) => to.some((one) => same(one, id)));
  const signal = new Map<number, Bytes | number>([
    [1, room],
    [2, SIGNAL_HELD],
    [3, entry],
  ]);
  stepIn(c, turn, room, (d) => d.signal(SIGNAL, signal, known), false);
}

/** Drop a blob that our mailbox pays for, by its connection (RLY-246); whether it was there or not, nothing follows. */
export function dropPaid({ c, turn }: RoomSteps, blob: Bytes): void {
  const link = c.links.all.get("mailbox");
  if (link?.state === "ready") askLink(turn, link, dropBlob(blob, null), () => {});
}
