/** Files of rooms between a person, this device and the relay; what is under way goes on after a cut or a reload. */

import { hex, unhex } from "@sealroom/core/bytes.ts";
import type { CustomerEvent } from "../engine/events.ts";
import { FileFetching } from "./fetching.ts";
import { FileError, unlessFull } from "./file_error.ts";
import type { FileService, FilesHost } from "./host.ts";
import { KIND_FILE } from "./room_steps.ts";
import { FileRows } from "./rows.ts";
import { FileSending } from "./sending.ts";
import { Ending } from "./wanted.ts";

/** Go on with what was under way. The rows say what is to be done, the parts how far it is; nothing else is kept. */
export async function startFiles(host: FilesHost): Promise<FileService> {
  const rows = new FileRows(host);
  await rows.load();
  const sending = new FileSending(host, rows);
  const fetching = new FileFetching(host, rows);
  const ending = new Ending(host, rows);
  await unlessFull(fetching.start());
  await sending.start();
  await unlessFull(ending.look());

  /** What fails here is tried again with the next start. */
  const quietly = (work: Promise<unknown>): void => void work.catch(() => {});

  function heard(event: CustomerEvent): void {
    if (event.type === "file-held") {
      const [room, entry, device] = [unhex(event.room), unhex(event.entry), unhex(event.device)];
      quietly(sending.held(entry, device));
      quietly(fetching.held(room, entry, device));
    } else if (event.type === "erased") {
      quietly(sending.erased(unhex(event.entry)));
      if (event.destroyed) quietly(fetching.destroyed(unhex(event.room), unhex(event.entry)));
    } else if (event.type === "room") quietly(sending.left());
    else if (event.type === "entry" && event.kind === KIND_FILE && !event.ours) quietly(ending.look());
  }

  return {
    uploads: (room) => sending.views(room),
    status: (room, entry) => fetching.status(room, entry),
    send: async (room, file, name, options) => hex((await sending.begin(room, file, name, options)).id),
    announced: async (id) => hex(await sending.announced(id)),
    cancel: async (id) => (rows.out.has(id) ? await sending.cancel(id) : fetching.cancel(id)),
    retry: async (id) => {
      if (!rows.out.has(id)) throw new FileError("local.file", "no file of ours");
      await sending.retry(id);
    },
    fetch: (room, entry) => fetching.fetch(room, entry),
    open: (room, entry) => fetching.open(room, entry),
    heard,
    end: async () => {
      ending.end();
      await Promise.all([sending.end(), fetching.end()]);
    },
  };
}
