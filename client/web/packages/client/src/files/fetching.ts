/**
 * Files on their way in: parts to this device, known to be right, held; in the clear only for a person.
 *
 *     fetch: parts in order --> all of it is right --> held, told to writer and payer
 */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same, unhex } from "@sealroom/core/bytes.ts";
import { checkFile } from "@sealroom/core/file_types.ts";
import { checkSizes } from "@sealroom/core/files.ts";
import { BlobRefused, FileError, fileCodeOf } from "./file_error.ts";
import type { FileStatus, FilesHost, OpenedFile } from "./host.ts";
import { isStep } from "./patience.ts";
import type { RoomSteps } from "./room_steps.ts";
import { dropPaid, recipientsOf, sayHeld } from "./room_steps.ts";
import type { FileIn, FileRows } from "./rows.ts";
import { OVER } from "./rows.ts";
import type { Opened } from "./sealing.ts";
import { openParts, sealedB } from "./sealing.ts";
import { get, partsOf } from "./transfer.ts";
import type { Wanted } from "./wanted.ts";
import { filesOf, findFile, WARNED_MS } from "./wanted.ts";

const MOST_HELD_BY = 16;
/** What will never be whole is not kept (FIL-18). */
const NEVER: readonly string[] = ["file.corrupt", "file.expired"];

interface Fetch {
  readonly end: AbortController;
  readonly opened: Promise<Opened>;
}

export class FileFetching {
  readonly #host: FilesHost;
  readonly #rows: FileRows;
  readonly #fetches = new Map<string, Fetch>();
  readonly #moved = new Map<string, number>();
  readonly #failed = new Map<string, string>();

  constructor(host: FilesHost, rows: FileRows) {
    this.#host = host;
    this.#rows = rows;
  }

  // --- life ---

  /** Delete what belongs to no entry and no upload (FIL-19). */
  async start(): Promise<void> {
    for (const row of [...this.#rows.incoming.values()]) {
      if (this.#find(row.room, row.entry) === null) await this.#forget(row);
    }
    const entries = filesOf(this.#host).map(({ room, entry }) => this.#rows.in(room, entry).parts);
    const known = new Set([...entries, ...[...this.#rows.out.values()].map((one) => `out-${hex(one.id)}`)]);
    for (const name of await this.#host.parts.names()) if (!known.has(name)) await this.#host.parts.remove(name);
  }

  async end(): Promise<void> {
    const fetches = [...this.#fetches.values()];
    for (const { end } of fetches) end.abort();
    await Promise.all(fetches.map(({ opened }) => opened.catch(() => {})));
  }

  #find(room: Bytes, entry: Bytes): Wanted | null {
    return findFile(this.#host, room, entry);
  }

  #wanted(room: string, entry: string): Wanted {
    const found = this.#find(unhex(room), unhex(entry));
    if (found === null) throw new FileError("local.file", "the entry has no file, or no longer");
    return found;
  }

  status(room: string, entry: string): FileStatus {
    const wanted = this.#find(unhex(room), unhex(entry));
    const row = wanted && this.#rows.in(wanted.room, wanted.entry);
    const code = this.#failed.get(entry) ?? null;
    const common = { movedB: this.#moved.get(entry) ?? 0, code, isRight: row?.isRight ?? false, untilMs: null };
    if (wanted === null || row === null) return { ...common, state: "gone" };
    if (row.isHeld) return { ...common, state: "here" };
    if (this.#fetches.has(entry)) return { ...common, state: "moving" };
    const nowMs = this.#host.ports.clock.nowMs();
    if (wanted.expiresMs <= nowMs || row.told === OVER) return { ...common, state: "gone" };
    const untilMs = wanted.expiresMs - WARNED_MS <= nowMs ? wanted.expiresMs : null;
    return { ...common, state: code === null ? "offered" : "failed", untilMs };
  }

  // --- for a person ---

  /** @throws FileError; RemoteError `file.corrupt`, `file.type` */
  async open(room: string, entry: string): Promise<OpenedFile> {
    const wanted = this.#wanted(room, entry);
    const { name, mediaType } = wanted;
    const { blob, content } = await this.#opened(wanted);
    checkFile(name, mediaType, content);
    return { name, mediaType, blob: blob.slice(0, blob.size, mediaType) };
  }

  async #opened(wanted: Wanted): Promise<Opened> {
    const row = this.#rows.in(wanted.room, wanted.entry);
    if (!row.isHeld) return await this.#fetch(wanted);
    try {
      return await openParts(this.#host, row.parts, wanted);
    } catch (error) {
      if (fileCodeOf(error) !== "file.corrupt" || wanted.isOurs) throw error;
    }
    // It was right when it came: the disk has damaged it (FIL-18).
    await this.#host.parts.remove(row.parts);
    await this.#rows.change((rows) => rows.in({ ...row, isHeld: false }));
    return await this.#fetch(wanted);
  }

  async fetch(room: string, entry: string): Promise<void> {
    const wanted = this.#wanted(room, entry);
    if (!this.#rows.in(wanted.room, wanted.entry).isHeld) await this.#fetch(wanted);
  }

  /** Stop a fetch; what came is kept. */
  cancel(entry: string): void {
    this.#fetches.get(entry)?.end.abort();
  }

  /** Fetch a file, together with whoever fetches it already. */
  #fetch(wanted: Wanted): Promise<Opened> {
    const key = hex(wanted.entry);
    const running = this.#fetches.get(key);
    if (running !== undefined) return running.opened;
    const end = new AbortController();
    this.#failed.delete(key);
    const opened = this.#bring(wanted, end.signal)
      .catch((error: unknown) => this.#notBrought(wanted, error))
      .finally(() => this.#fetches.delete(key));
    this.#fetches.set(key, { end, opened });
    return opened;
  }

  async #notBrought(wanted: Wanted, error: unknown): Promise<never> {
    const [code, entry] = [fileCodeOf(error), hex(wanted.entry)];
    // The screen reads the status when it hears of it, so the fetch is over by then.
    this.#fetches.delete(entry);
    if (NEVER.includes(code)) await this.#host.parts.remove(this.#rows.in(wanted.room, wanted.entry).parts);
    if (code === "file.expired") {
      await this.#rows.change((rows) => rows.in({ ...this.#rows.in(wanted.room, wanted.entry), told: OVER }));
    } else if (code !== "file.cancelled") this.#failed.set(entry, code === "" ? "local.file_unusable" : code);
    this.#host.tell({ type: "file-failed", room: hex(wanted.room), file: entry, code });
    throw error;
  }

  async #bring(wanted: Wanted, signal: AbortSignal): Promise<Opened> {
    const { parts } = this.#rows.in(wanted.room, wanted.entry);
    const wasBegun = (await this.#host.parts.count(parts)) > 0;
    let opened: Opened;
    try {
      opened = await this.#get(wanted, parts, signal);
    } catch (error) {
      if (!wasBegun || fileCodeOf(error) !== "file.corrupt") throw error;
      // Once more, from the beginning (FIL-18).
      await this.#host.parts.remove(parts);
      opened = await this.#get(wanted, parts, signal);
    }
    await this.#have(wanted, opened);
    return opened;
  }

  async #get(wanted: Wanted, name: string, signal: AbortSignal): Promise<Opened> {
    const { ports, context, parts } = this.#host;
    checkSizes(wanted.announced);
    const sizeB = sealedB(wanted.announced.paddedB);
    const count = partsOf(sizeB);
    const first = Math.min(await parts.count(name), count);
    if (first < count && wanted.expiresMs <= ports.clock.nowMs()) {
      throw new FileError("file.expired", "the file is past its end at the relay");
    }
    const write = async (index: number, got: readonly Bytes[]) => {
      await parts.write(name, index, got);
      this.#tell(wanted, (index + got.length) / count);
    };
    this.#tell(wanted, first / count);
    try {
      const means = { host: this.#host, relayUrl: context().company.relayUrl, signal };
      if (first < count) await get(means, { blob: wanted.blob, sizeB, first }, write);
    } catch (error) {
      if (!(error instanceof BlobRefused) || error.reason !== "not_found") throw error;
      throw new FileError("file.expired", "the relay does not have the file any more");
    }
    return await openParts(this.#host, name, wanted);
  }

  #tell(wanted: Wanted, share: number): void {
    const { sizeB } = wanted.announced;
    const doneB = Math.floor(sizeB * share);
    const file = hex(wanted.entry);
    const isNews = isStep(this.#moved.get(file), doneB, sizeB);
    this.#moved.set(file, doneB);
    if (isNews) this.#host.tell({ type: "file-progress", room: hex(wanted.room), file, doneB, sizeB, isUpload: false });
  }

  /** This device holds a file: writer and payer are told (FIL-14). */
  async #have(wanted: Wanted, { content }: Opened): Promise<void> {
    await this.#rows.change((rows, c, turn) => {
      const steps = { c, turn };
      if (this.#find(wanted.room, wanted.entry) === null) throw new FileError("local.file", "the file was erased");
      const row = this.#rows.in(wanted.room, wanted.entry);
      rows.in({ ...row, isHeld: true, isRight: isRight(wanted, content) });
      sayHeld(steps, wanted.room, wanted.entry, [wanted.writer, wanted.payer]);
      this.#dropAsPayer(wanted, steps);
    });
    this.#moved.delete(hex(wanted.entry));
    const device = hex(this.#host.context().own.record.deviceId);
    this.#host.tell({ type: "file-held", room: hex(wanted.room), entry: hex(wanted.entry), device });
  }

  /** Drop the blob that our mailbox pays for, when all others hold the file too (FIL-14). */
  #dropAsPayer(wanted: Wanted, steps: RoomSteps): void {
    const row = this.#rows.in(wanted.room, wanted.entry);
    if (!row.isHeld || !same(wanted.payer, steps.c.own.record.deviceId)) return;
    const others = recipientsOf(steps, wanted.room).filter((id) => !same(id, wanted.writer));
    if (others.every((id) => row.heldBy.some((one) => same(one, id)))) dropPaid(steps, wanted.blob);
  }

  // --- what others hold, what is erased ---

  async held(room: Bytes, entry: Bytes, by: Bytes): Promise<void> {
    const wanted = this.#find(room, entry);
    if (wanted === null || wanted.isOurs) return;
    const row = this.#rows.in(room, entry);
    const isOwn = same(by, this.#host.context().own.record.deviceId);
    if (isOwn || row.heldBy.some((one) => same(one, by))) return;
    await this.#rows.change((rows, c, turn) => {
      rows.in({ ...row, heldBy: [...row.heldBy, by].slice(-MOST_HELD_BY) });
      this.#dropAsPayer(wanted, { c, turn });
    });
  }

  /** With the body of an entry goes what is here of its file (FIL-16). */
  async destroyed(room: Bytes, entry: Bytes): Promise<void> {
    const running = this.#fetches.get(hex(entry));
    running?.end.abort();
    await running?.opened.catch(() => {});
    await this.#forget(this.#rows.in(room, entry));
  }

  async #forget(row: FileIn): Promise<void> {
    await this.#host.parts.remove(row.parts);
    if (this.#rows.incoming.has(hex(row.entry))) await this.#rows.change((rows) => rows.noIn(row.entry));
  }
}

function isRight({ name, mediaType }: Wanted, content: Opened["content"]): boolean {
  try {
    checkFile(name, mediaType, content);
    return true;
  } catch (error) {
    if (fileCodeOf(error) === "file.type") return false;
    throw error;
  }
}
