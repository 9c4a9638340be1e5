/**
 * The other devices of our account, as the engine sees them (ACC-37 to ACC-41). What does the work is a part of the page
 * of its own, which is fetched where the account has a directory entry; without one there is none.
 */

import type { Bytes } from "@sealroom/core/bytes.ts";
import type { Content, WayBack } from "@sealroom/core/content.ts";
import type { DeviceList } from "@sealroom/core/identity/list.ts";
import type { Taken } from "@sealroom/core/session_opening.ts";
import type { Context } from "./context.ts";
import type { Link } from "./links.ts";
import type { Row } from "./ports.ts";
import type { Kept, Room } from "./rooms/model.ts";
import type { Turn } from "./turn.ts";

/** Until when a device without the account key can write, and that it cannot any more. */
export interface Ending {
  readonly listUntilMs: number;
  readonly canWrite?: false;
  readonly canSendFiles?: false;
}

export interface Kin {
  /** The other devices that our list names and that can be reached. */
  ids(): readonly Bytes[];
  /** Whether a device of our account may have an entry that it asks for (TRN-48). */
  mayHave(room: Room, kept: Kept, deviceId: Bytes): boolean;
  /** The signing key of a device that our list names, or has named. */
  signerOf(deviceId: Bytes): Bytes | null;
  /** Where our other devices answer us. */
  wayBack(): WayBack;
  /** The rows of an account that is made now. */
  put(turn: Turn): void;
  /** Our mailbox is proved on a connection: its tokens, then our entry (ID-41). */
  greeted(turn: Turn, link: Link): void;
  /** Look after our list and entry, as once an hour. */
  maintain(turn: Turn): void;
  /** The entry may show other devices, or other addresses. */
  compare(turn: Turn): void;
  /** Somebody states the number of our list. */
  told(turn: Turn, seq: number): void;
  /** Somebody gives a list of ours, which may say that the account was recovered (ACC-67). */
  given(turn: Turn, list: DeviceList, isShown: boolean): void;
  /** @throws RemoteError `remote.identity` for a device that our list does not name */
  checkFlight(turn: Turn, taken: Taken): void;
  /** What the end of our list changes on a screen, from 12 days before it on, without the account key (ID-65). */
  ending(nowMs: number): Ending | null;
  /** @throws ClientError `account.list_over` where no content is accepted (ID-65) */
  checkListed(nowMs: number): void;
  /** The `open` of another device of ours, of a room that is not here (ROOM-38). @throws RemoteError */
  opened(turn: Turn, deviceId: Bytes, content: Content): boolean;
}

export interface KinModule {
  /** Of an account that is made now, or of what is stored of it. */
  kinOf(c: Context, rows: readonly Row[]): Kin;
}
