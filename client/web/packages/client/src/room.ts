/** A room on the customer's side: the headless interface (web.md 5). */

import { hex, unhex } from "@sealroom/core/bytes.ts";
import type { ConsentState } from "@sealroom/core/consent/customer.ts";
import { contentIdOf } from "@sealroom/core/rooms/entry.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { cborMap } from "@sealroom/core/wire/cbor.ts";
import type { Context } from "./engine/context.ts";
import type { Delivery } from "./engine/events.ts";
import { checkWriting, consentOf, withdraw } from "./engine/rooms/consenting.ts";
import type { Draft } from "./engine/rooms/draft.ts";
import { KIND_RATING } from "./engine/rooms/judging.ts";
import type { Kept, Room as KeptRoom } from "./engine/rooms/model.ts";
import { stepIn } from "./engine/rooms/rooms.ts";
import { ABOUT_OTHERS, retry, write } from "./engine/rooms/writing.ts";
import { ClientError } from "./errors.ts";
import type { FileLoader } from "./file_loader.ts";
import type { UploadView } from "./files/host.ts";
import type { FileOptions, RoomFile, SendingFile } from "./room_files.ts";
import { roomFile, sendingFile } from "./room_files.ts";
import type { Shell } from "./shell.ts";
import type { EntryView, Person, RoomView } from "./views.ts";
import { entriesOf, person, roomView } from "./views.ts";

const TEXT = 3;
const EDIT = 4;
const ERASE = 5;
const ORDERS: readonly number[] = [ERASE, 9];
const ORDERS_APART_MS = 100;
const ACT = 10;
const REACH = 14;
const SENSITIVE = 15;
const IDENTIFY = 17;
const ANSWER = 19;
const ACTS = { close: 1, reopen: 2, freeze: 3, unfreeze: 4, call: 5 } as const;
const RANK: Readonly<Record<Delivery, number>> = { waiting: 0, failed: 0, sent: 1, delivered: 2 };

export interface Sent {
  readonly id: string;
  /** Resolves when the entry is at least so far; rejects with `client.wait` when the signal is aborted. */
  waitFor(state: Delivery, options?: { readonly signal?: AbortSignal }): Promise<void>;
}

export interface TextOptions {
  readonly replyTo?: string | null;
  readonly language?: string | null;
}

export class Room {
  readonly id: string;
  readonly #shell: Shell;
  readonly #files: FileLoader;

  constructor(shell: Shell, files: FileLoader, id: string) {
    this.#shell = shell;
    this.#files = files;
    this.id = id;
  }

  // --- reading ---

  /** What the engine knows, to be read. */
  get context(): Context {
    return this.#shell.context;
  }

  get kept(): KeptRoom {
    const room = this.#shell.context.rooms.get(this.id);
    if (room === undefined) throw new ClientError("client.closed", "the room is gone");
    return room;
  }

  view(): RoomView {
    return roomView(this.#shell.context, this.kept);
  }

  entries(): readonly EntryView[] {
    return entriesOf(this.context, this.kept);
  }

  person(id: string): Person {
    return person(this.#shell.context, this.kept, unhex(id));
  }

  consent(): ConsentState {
    return consentOf(this.#shell.context, this.kept);
  }

  // --- files ---

  get canSendFiles(): boolean {
    return this.#files.isSupported;
  }

  /**
   * Send a file; resolves when it is sealed and stored here.
   *
   * @throws what is not sent: `local.file_name`, `local.file_too_large`, `file.type`, `file.metadata`, `local.file_unusable`
   */
  async sendFile(file: Blob, { name, removeMetadata = false }: FileOptions = {}): Promise<SendingFile> {
    const files = await this.#files.load();
    const id = await files.send(this.id, file, name ?? (file instanceof File ? file.name : ""), { removeMetadata });
    return this.upload(id);
  }

  /** Files on their way out, the oldest first. */
  uploads(): readonly UploadView[] {
    return this.#files.uploads(this.id);
  }

  /** A file on its way out, by its id; also one that was begun before the last start. */
  upload(id: string): SendingFile {
    return sendingFile(this.#files, id, (entry) => this.#sent(entry));
  }

  /** The file of an entry. */
  file(entry: string): RoomFile {
    return roomFile(this.#files, this.id, entry);
  }

  // --- writing ---

  /** Write a text; resolves when it is stored here. */
  send(text: string, { replyTo = null, language = null }: TextOptions = {}): Promise<Sent> {
    const entries: [number, Value][] = [[1, text]];
    if (replyTo !== null) entries.push([2, unhex(replyTo)]);
    if (language !== null) entries.push([3, language]);
    return this.#write(TEXT, cborMap(entries));
  }

  /** Give a text of ours another wording; the earlier one stays in the transcript (TRN-23). */
  edit(id: string, text: string): Promise<Sent> {
    return this.#write(
      EDIT,
      cborMap([
        [1, unhex(id)],
        [2, text],
      ]),
    );
  }

  /** Have entries of this person erased, or with null the whole room, on all devices (ROOM-26). */
  erase(ids: readonly string[] | null): Promise<Sent> {
    return this.#write(ERASE, cborMap([[1, ids?.map(unhex) ?? null]]));
  }

  markSensitive(ids: readonly string[]): Promise<Sent> {
    return this.#write(SENSITIVE, cborMap([[1, ids.map(unhex)]]));
  }

  close(): Promise<Sent> {
    return this.#act("close");
  }

  /** Ask for the room to be opened again, within 90 days. */
  reopen(): Promise<Sent> {
    return this.#act("reopen");
  }

  /** Object: the company decides within 30 days, and takes nothing meanwhile. */
  freeze(): Promise<Sent> {
    return this.#act("freeze");
  }

  unfreeze(): Promise<Sent> {
    return this.#act("unfreeze");
  }

  callDesk(): Promise<Sent> {
    return this.#act("call");
  }

  /** Leave an address for a note without content that something waits, or take it back with null. */
  reach(email: string | null): Promise<Sent> {
    return this.#write(REACH, cborMap([[1, email]]));
  }

  /** Say how it was, 1 to 5; also in a closed room that may be opened again. */
  rate(stars: number, text: string | null = null): Promise<Sent> {
    const entries: [number, Value][] = [[1, stars]];
    if (text !== null) entries.push([2, text]);
    return this.#write(KIND_RATING, cborMap(entries));
  }

  /** Answer a form of the company: what was answered to each question that was. */
  answer(form: string, answers: readonly (readonly [question: number, answer: string | number])[]): Promise<Sent> {
    return this.#write(
      ANSWER,
      cborMap([
        [1, unhex(form)],
        [2, answers.map(([question, answer]) => [question, answer])],
      ]),
    );
  }

  /** A text that the page hands to the company's web server, where the person is logged in; it holds ten minutes. */
  async loginChallenge(): Promise<string> {
    const { challenge } = await this.#shell.later();
    return await this.#shell.do((c, turn) => stepIn(c, turn, unhex(this.id), challenge));
  }

  /** Tell the company who one is, by the token that its web server gave for a challenge of this device. */
  async identify(token: string): Promise<Sent> {
    const { identify } = await this.#shell.later();
    const entry = await this.#shell.do((c, turn) => {
      checkWriting(c, turn, this.kept, IDENTIFY);
      return stepIn(c, turn, unhex(this.id), (d) => identify(d, token));
    });
    return this.#sent(hex(entry.hash));
  }

  /** Withdraw the consent: the company takes nothing more, erases what it may, and confirms it here. */
  withdraw(): Promise<void> {
    return this.#shell.do((c, turn) => withdraw(c, turn, unhex(this.id)));
  }

  /** Entries were shown to the person; nobody is told. */
  async markRead(ids: readonly string[]): Promise<void> {
    await this.#shell.do((c, turn) => {
      const unread = ids.filter((id) => c.rooms.get(this.id)?.entries.get(id)?.unread);
      if (unread.length === 0) return;
      stepIn(c, turn, unhex(this.id), (d) => markRead(d, unread), false);
    });
  }

  #act(what: keyof typeof ACTS): Promise<Sent> {
    return this.#write(ACT, cborMap([[1, ACTS[what]]]));
  }

  async #write(kind: number, payload: Value): Promise<Sent> {
    if (ABOUT_OTHERS.includes(kind)) await this.#shell.received();
    const entry = await this.#shell.do((c, turn) => {
      checkWriting(c, turn, this.kept, kind);
      return stepIn(c, turn, unhex(this.id), (d) => write(d, kind, payload));
    });
    return this.#sent(hex(entry.hash));
  }

  #sent(id: string): Sent {
    return { id, waitFor: (state, { signal } = {}) => this.#waitFor(id, state, signal) };
  }

  /** Resolves when every copy of our withdrawals and orders to erase has left this device, and not all were lost (STO-37). */
  async ordersLeft(): Promise<void> {
    const stays = ({ entry, delivery }: Kept): boolean => {
      const isOpen = delivery === "waiting" || delivery === "failed";
      return ORDERS.includes(entry.header.kind) && (isOpen || this.context.outbox.isHere(contentIdOf(entry.hash)));
    };
    while ([...this.kept.entries.values()].some(stays)) {
      if (this.#shell.isOver) throw new ClientError("client.closed", "the client was closed");
      await new Promise((done) => setTimeout(done, ORDERS_APART_MS));
    }
  }

  /** Try a text again that has failed. */
  async retry(id: string): Promise<void> {
    await this.#shell.do((c, turn) => stepIn(c, turn, unhex(this.id), (d) => retry(d, unhex(id))));
  }

  /** How far an entry of ours has come. */
  delivery(id: string): Delivery {
    const delivery = this.kept.entries.get(id)?.delivery ?? null;
    if (delivery === null) throw new ClientError("client.unknown_entry", "no entry of ours");
    return delivery;
  }

  async #waitFor(id: string, state: Delivery, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const end = (): void => reject(new ClientError("client.wait", "the wait was ended"));
    const look = (): void => {
      try {
        if (isSoFar(this.delivery(id), state)) resolve();
      } catch (error) {
        reject(error);
      }
    };
    const unlisten = this.#shell.listen(look);
    signal?.addEventListener("abort", end);
    look();
    if (signal?.aborted) end();
    await promise.finally(() => {
      unlisten();
      signal?.removeEventListener("abort", end);
    });
  }
}

function isSoFar(now: Delivery, wanted: Delivery): boolean {
  return now === wanted || (now !== "failed" && RANK[now] >= RANK[wanted] && wanted !== "failed");
}

function markRead(d: Draft, ids: readonly string[]): void {
  for (const id of ids) {
    const kept = d.find(unhex(id));
    if (kept !== null) d.keep({ ...kept, unread: false });
  }
}
