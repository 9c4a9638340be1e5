/** Files of a room, as an application drives them. */

import type { FileLoader } from "./file_loader.ts";
import type { FileStatus, OpenedFile } from "./files/host.ts";
import type { Sent } from "./room.ts";

export interface FileOptions {
  /** As the room sees it (FIL-08); that of the file where it has one. */
  readonly name?: string;
  /** Remove what an image says of where, when and by what it was taken (FIL-17). */
  readonly removeMetadata?: boolean;
}

/** A file on its way out; nothing is said of it before the relay has all of it (FIL-12). */
export interface SendingFile {
  readonly id: string;
  /** Resolves when it is announced to the room; rejects with what it failed of. */
  announced(): Promise<Sent>;
  /** Go on after it has failed. */
  retry(): Promise<void>;
  cancel(): Promise<void>;
}

/** The file of an entry. */
export interface RoomFile {
  status(): FileStatus;
  /** Fetch it to this device, where it stays sealed. */
  fetch(): Promise<void>;
  /** The file in the clear, all of which is right, to be given to a person; it is fetched first if it is not here. */
  save(): Promise<OpenedFile>;
  /** Stop a fetch; what came is kept. */
  cancel(): Promise<void>;
}

export function sendingFile(files: FileLoader, id: string, sent: (entry: string) => Sent): SendingFile {
  return {
    id,
    announced: async () => sent(await (await files.load()).announced(id)),
    retry: async () => await (await files.load()).retry(id),
    cancel: async () => await (await files.load()).cancel(id),
  };
}

export function roomFile(files: FileLoader, room: string, entry: string): RoomFile {
  return {
    status: () => files.status(room, entry),
    fetch: async () => await (await files.load()).fetch(room, entry),
    save: async () => await (await files.load()).open(room, entry),
    cancel: async () => await (await files.load()).cancel(entry),
  };
}
