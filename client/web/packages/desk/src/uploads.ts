/** Files that an agent sends: their bytes go to the process, which seals and sends them; until then they stand last. */

import type { FileOfMessage, Message } from "@sealroom/ui/backend.ts";
import type { Desk } from "./desk.ts";
import { DeskFailure } from "./link.ts";
import type { EntryRow, ToPage } from "./messages.ts";
import { ours } from "./session.ts";

export const MAX_FILE_B = 67_108_864;
const MAX_NAME_B = 128;
const CANCELLED = "file.cancelled";

interface One {
  readonly id: string;
  readonly name: string;
  readonly sizeB: number;
  readonly doneB: number;
  readonly atMs: number;
  readonly failure: string | null;
  /** What is sent again, while this page has it. */
  readonly again: { readonly file: File; readonly strips: boolean } | null;
}

export interface Uploads {
  /** Messages of an author, the oldest first. */
  items(author: string): readonly Message[];
  send(file: File, strips: boolean): Promise<void>;
  cancel(id: string): Promise<void>;
  retry(id: string): Promise<void>;
  /** Whether a message changed anything. */
  take(message: ToPage): boolean;
  /** Entries that are here now: a file that is announced is on its way no more. */
  arrived(rows: readonly EntryRow[]): void;
}

/** Files on their way into a room; `changed` is called for what the process did not tell. */
export function roomUploads(desk: Desk, room: string, changed: () => void): Uploads {
  let all: readonly One[] = [];
  const seen = new Set<string>();
  /** Files whose entry is here: its news may come before the answer to their bytes. */
  const done = new Set<string>();
  /** Names of those that are not taken yet: why one never is, `send` says, before or after the process tells of it. */
  const untaken = new Set<string>();

  function keep(one: One): void {
    if (done.has(one.id)) return;
    const known = all.some(({ id }) => id === one.id);
    all = known ? all.map((other) => (other.id === one.id ? one : other)) : [...all, one];
  }

  function drop(id: string): void {
    all = all.filter((one) => one.id !== id);
  }

  async function send(file: File, strips: boolean): Promise<void> {
    const { name, size: sizeB } = file;
    const given = name.normalize("NFC");
    untaken.add(given);
    const id = await handOver(desk, { room, name, sizeB, strips }, file);
    untaken.delete(given);
    const known = all.find((one) => one.id === id);
    const fresh = { id, name, sizeB, doneB: 0, atMs: desk.nowMs(), failure: null };
    keep({ ...(known ?? fresh), again: { file, strips } });
    changed();
  }

  async function cancel(id: string): Promise<void> {
    const one = all.find((other) => other.id === id);
    if (one?.failure === null) await desk.ask({ type: "cancelFile", room, file: id });
    drop(id);
    changed();
  }

  return {
    items: (author) => all.map((one) => messageOf(one, author)),
    send,
    cancel,
    async retry(id) {
      const again = all.find((one) => one.id === id)?.again ?? null;
      drop(id);
      changed();
      if (again !== null) await send(again.file, again.strips);
    },
    take(message) {
      if (message.type === "moved" && message.room === room && message.name !== null) {
        const { file: id, name, sizeB } = message;
        const known = all.find((one) => one.id === id) ?? { again: null, atMs: desk.nowMs(), sizeB };
        // The process counts what is sealed, which is more than the file has.
        const doneB = Math.floor((known.sizeB * message.doneB) / Math.max(1, sizeB));
        keep({ ...known, id, name, doneB, failure: null });
        return true;
      }
      if (message.type !== "fileLost" || message.room !== room) return false;
      const lost = all.find((one) => one.id === message.file);
      const isRefused = lost?.again === null && untaken.has(lost.name);
      if (message.code === CANCELLED || isRefused) drop(message.file);
      else if (lost !== undefined) keep({ ...lost, failure: message.code });
      return lost !== undefined;
    },
    arrived(rows) {
      for (const { id, kind, author, file } of rows) {
        if (kind !== "file" || !author.isThis || file === null || seen.has(id)) continue;
        seen.add(id);
        const one = all.find(({ name, failure }) => name === file.name && failure === null);
        if (one === undefined) continue;
        done.add(one.id);
        drop(one.id);
      }
    },
  };
}

interface Offer {
  readonly room: string;
  readonly name: string;
  readonly sizeB: number;
  readonly strips: boolean;
}

/** Ask where the bytes may go, and send them there; returns the id of the file. */
async function handOver(desk: Desk, offer: Offer, file: File): Promise<string> {
  const nameB = new TextEncoder().encode(offer.name).length;
  if (nameB === 0 || nameB > MAX_NAME_B) throw refused("local.file_name");
  if (offer.sizeB > MAX_FILE_B) throw refused("local.file_too_large");
  const answer = await desk.ask({ type: "sendFile", ...offer });
  if (answer.type !== "upload") throw refused("local.file_unusable");
  const done = await fetch(ours(answer.path), { method: "POST", body: file }).catch(() => null);
  const said: unknown = await done?.json().catch(() => null);
  const { file: id, code } = (said ?? {}) as { readonly file?: unknown; readonly code?: unknown };
  if (typeof id === "string") return id;
  throw refused(typeof code === "string" ? code : "local.file_unusable");
}

function refused(code: string): DeskFailure {
  return new DeskFailure({ code, retryable: false, notBeforeMs: null });
}

function messageOf({ id, name, sizeB, doneB, atMs, failure }: One, author: string): Message {
  const file: FileOfMessage = {
    ...{ name, mediaType: "", sizeB, movedB: doneB, canPreview: false, failure, untilMs: null, isUpload: true },
    state: failure === null ? "moving" : "failed",
  };
  return {
    ...{ kind: "message", id, author, writtenMs: atMs, text: "", language: null, delivery: null, failure: null },
    ...{
      replyTo: null,
      isEdited: false,
      isErased: false,
      isSensitive: false,
      isByMachine: false,
      file,
      question: null,
    },
  };
}
