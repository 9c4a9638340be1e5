/** Files that an agent sends: their bytes go to the process, which seals and sends them; until then they stand last. */

import type { FileOfMessage, Message } from "@sealroom/ui/backend.ts";
import type { Desk } from "./desk.ts";
import { DeskFailure } from "./link.ts";
import type { EntryRow, FileRow, ToPage, Upload } from "./messages.ts";
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
}

/** What is sent again, while this page has it. */
interface Given {
  readonly file: File;
  readonly strips: boolean;
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
  /** Files that are on their way no more: news of them may come before the answer to their bytes, or after it. */
  const over = new Set<string>();
  /** What this page has handed over; another page of the desk may have begun the others. */
  const given = new Map<string, Given>();
  /** Files whose bytes are under way to the process: they stand nowhere yet, and `send` says of what they fail. */
  const handed = new Set<string>();

  function keep(one: One): void {
    if (over.has(one.id)) return;
    const known = all.some(({ id }) => id === one.id);
    all = known ? all.map((other) => (other.id === one.id ? one : other)) : [...all, one];
  }

  function end(id: string): void {
    over.add(id);
    given.delete(id);
    all = all.filter((one) => one.id !== id);
  }

  async function send(file: File, strips: boolean): Promise<void> {
    const { name, size: sizeB } = file;
    const { file: id, path } = await offered(desk, { room, name, sizeB, strips });
    keep({ id, name, sizeB, doneB: 0, atMs: desk.nowMs(), failure: null });
    given.set(id, { file, strips });
    handed.add(id);
    try {
      await handOver(path, file);
    } catch (refusal) {
      end(id);
      throw refusal;
    } finally {
      handed.delete(id);
    }
    changed();
  }

  async function cancel(id: string): Promise<void> {
    const one = all.find((other) => other.id === id);
    if (one?.failure === null) await desk.ask({ type: "cancelFile", room, file: id });
    end(id);
    changed();
  }

  /** Whether an entry is that of a file; by its name alone where the process does not know any more as what it left. */
  function isOf({ id, name, atMs, failure }: One, file: FileRow, writtenMs: number): boolean {
    if (file.upload !== null) return id === file.upload;
    return name === file.name && failure === null && writtenMs >= atMs;
  }

  return {
    items: (author) =>
      all
        .filter(({ id, doneB, failure }) => !handed.has(id) || (doneB > 0 && failure === null))
        .map((one) => messageOf(one, author, given.has(one.id))),
    send,
    cancel,
    async retry(id) {
      const again = given.get(id);
      if (again === undefined) return;
      end(id);
      changed();
      await send(again.file, again.strips);
    },
    take(message) {
      if (message.type === "moved" && message.room === room && message.name !== null) {
        const { file: id, name, sizeB } = message;
        const known = all.find((one) => one.id === id) ?? { atMs: desk.nowMs(), sizeB };
        // The process counts what is sealed, which is more than the file has.
        const doneB = Math.floor((known.sizeB * message.doneB) / Math.max(1, sizeB));
        keep({ ...known, id, name, doneB, failure: null });
        return true;
      }
      if (message.type !== "fileLost" || message.room !== room) return false;
      const lost = all.find((one) => one.id === message.file);
      if (message.code === CANCELLED) end(message.file);
      else if (lost !== undefined) keep({ ...lost, failure: message.code });
      return lost !== undefined;
    },
    arrived(rows) {
      for (const { id, kind, author, file, writtenMs } of rows) {
        if (kind !== "file" || !author.isThis || file === null || seen.has(id)) continue;
        seen.add(id);
        const one = all.find((other) => isOf(other, file, writtenMs));
        const upload = file.upload ?? one?.id;
        if (upload !== undefined) end(upload);
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

/** Ask where the bytes may go, and under which id the file will be. */
async function offered(desk: Desk, offer: Offer): Promise<Upload> {
  const nameB = new TextEncoder().encode(offer.name).length;
  if (nameB === 0 || nameB > MAX_NAME_B) throw refused("local.file_name");
  if (offer.sizeB > MAX_FILE_B) throw refused("local.file_too_large");
  const answer = await desk.ask({ type: "sendFile", ...offer });
  if (answer.type !== "upload") throw refused("local.file_unusable");
  return answer;
}

/** Send the bytes there. */
async function handOver(path: string, file: File): Promise<void> {
  const done = await fetch(ours(path), { method: "POST", body: file }).catch(() => null);
  const said: unknown = await done?.json().catch(() => null);
  const { file: id, code } = (said ?? {}) as { readonly file?: unknown; readonly code?: unknown };
  if (typeof id === "string") return;
  throw refused(typeof code === "string" ? code : "local.file_unusable");
}

function refused(code: string): DeskFailure {
  return new DeskFailure({ code, retryable: false, notBeforeMs: null });
}

function messageOf({ id, name, sizeB, doneB, atMs, failure }: One, author: string, canRetry: boolean): Message {
  const file: FileOfMessage = {
    canRetry,
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
