/**
 * Files on their way out: sealed to this device, put at the relay, announced; dropped when all hold them.
 *
 *     begin: seal --FileOut--> put the blob --> the entry --> the sealed parts stay as what this device holds
 */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same, unhex } from "@sealroom/core/bytes.ts";
import { DAY_MS } from "@sealroom/core/constants.ts";
import { LocalError } from "@sealroom/core/errors.ts";
import { isFileName } from "@sealroom/core/rooms/payloads.ts";
import type { Context } from "../engine/context.ts";
import type { Turn } from "../engine/turn.ts";
import { Dropping } from "./dropping.ts";
import { BlobRefused, FileError, fileCodeOf, unlessFull } from "./file_error.ts";
import { fileKey } from "./file_key.ts";
import type { FilesHost, SendOptions, UploadView } from "./host.ts";
import { isStep, patiently } from "./patience.ts";
import { announce, checkFiles, isLeft, payers, recipientsOf } from "./room_steps.ts";
import type { FileOut, FileRows, Payer } from "./rows.ts";
import { KEY_B, LONGEST_MS, OVER, outName, over } from "./rows.ts";
import { isWhole, sealBlob, sealedB } from "./sealing.ts";
import { drop, partsOf, put } from "./transfer.ts";
import { findFile } from "./wanted.ts";

export const MOST_WAITING = 64;
const AT_ONCE = 2;
const ID_B = 16;
const MAX_NAME_B = 128;
const FULL: readonly string[] = ["quota", "too_large"];
/** What ends with the page, and goes on with the next one. */
const STOPPED: readonly string[] = ["client.closed", "file.cancelled"];

interface Job {
  readonly end: AbortController;
  /** Fulfilled when it has ended, however. */
  readonly done: Promise<unknown>;
  /** The entry of the file. */
  readonly entry: Promise<Bytes>;
}

export class FileSending {
  readonly #host: FilesHost;
  readonly #rows: FileRows;
  readonly #jobs = new Map<string, Job>();
  readonly #dropping: Dropping;
  readonly #moved = new Map<string, number>();
  /** What has failed since the start, also where the disk has no room to write it down (STO-41). */
  readonly #failed = new Map<string, string>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(host: FilesHost, rows: FileRows) {
    this.#host = host;
    this.#rows = rows;
    this.#dropping = new Dropping(host, rows);
  }

  // --- life ---

  /** Go on with what was under way, if its sealed parts are whole. */
  async start(): Promise<void> {
    for (const row of [...this.#rows.out.values()]) await unlessFull(this.#goOn(row));
  }

  async #goOn(row: FileOut): Promise<void> {
    if (this.#isPast(row)) await this.#rows.change((rows) => rows.noOut(row.id));
    else if (row.isOver || this.#isGone(row)) await this.#over(row);
    else if (row.entry !== null) return;
    else if (!(await isWhole(this.#host, outName(row.id), row))) await this.#fail(row, "local.file_unusable");
    else if (row.failure === "") this.#begin(row);
  }

  /** Its blob has ended by itself; one that is on its way has none that ends. */
  #isPast({ expiresMs, entry }: FileOut): boolean {
    return (expiresMs > 0 || entry !== null) && this.#host.ports.clock.nowMs() > expiresMs + DAY_MS;
  }

  /** Its entry was erased, or its room left, also while nothing of this was heard here. */
  #isGone(row: FileOut): boolean {
    const { room, entry } = row;
    return entry === null ? isLeft(this.#host.context(), row) : findFile(this.#host, room, entry) === null;
  }

  async end(): Promise<void> {
    const jobs = [...this.#jobs.values()];
    for (const { end } of jobs) end.abort();
    await Promise.all([...jobs.map(({ done }) => done), this.#dropping.end()]);
  }

  views(room: string): readonly UploadView[] {
    const rows = [...this.#rows.out.values()].filter((one) => one.entry === null && !one.isOver);
    return rows.filter((one) => hex(one.room) === room).map((one) => this.#view(one));
  }

  #view(row: FileOut): UploadView {
    const { name, mediaType, sizeB, createdMs } = row;
    const [id, code] = [hex(row.id), this.#failure(row) || null];
    const state = code === null ? "moving" : "failed";
    const status = { state, movedB: this.#moved.get(id) ?? 0, isRight: true, untilMs: null } as const;
    return { ...status, id, name, mediaType, sizeB, createdMs, code };
  }

  #failure(row: FileOut): string {
    return this.#failed.get(hex(row.id)) ?? row.failure;
  }

  // --- a file ---

  /**
   * Seal a file and put it on its way.
   *
   * @throws LocalError `local.file_name`, `local.file_too_large`; what `sealBlob` throws; what the room refuses
   */
  async begin(room: string, file: Blob, name: string, { removeMetadata }: SendOptions): Promise<FileOut> {
    const { ports } = this.#host;
    const isName = isFileName(name) && new TextEncoder().encode(name).length <= MAX_NAME_B;
    if (!isName) throw new LocalError("local.file_name", "no name of a file of a room");
    if (this.#jobs.size >= MOST_WAITING) throw new FileError("local.file_unusable", "too many files wait to be sent");
    const seq = this.#host.context().rooms.get(room)?.consent.receipt?.seq ?? 0;
    const begun = { room: unhex(room), createdMs: ports.clock.nowMs(), seq };
    await this.#host.step((c, turn) => {
      checkFiles({ c, turn }, begun);
      c.kin?.checkListed(turn.nowMs);
    });
    const id = new Uint8Array(ports.random(ID_B));
    const key = fileKey(new Uint8Array(ports.random(KEY_B)));
    const parts = outName(id);
    try {
      const { mediaType, announced } = await sealBlob(this.#host, { key, parts, name }, file, removeMetadata);
      const [blob, secret] = [new Uint8Array(ports.random(32)), new Uint8Array(ports.random(32))];
      const row: FileOut = {
        ...{ ...begun, id, name, mediaType, ...announced, key, blob, secret },
        ...{ payer: null, entry: null, expiresMs: 0 },
        ...{ recipients: [], heldBy: [], isOver: false, failure: "" },
      };
      await this.#rows.change((rows, c, turn) => {
        checkFiles({ c, turn }, row);
        rows.out(row);
      });
      this.#begin(row);
      return row;
    } catch (error) {
      await this.#host.parts.remove(parts);
      throw error;
    }
  }

  #begin(row: FileOut): void {
    const id = hex(row.id);
    const end = new AbortController();
    const entry = this.#send(row.id, end.signal).finally(() => this.#jobs.delete(id));
    this.#jobs.set(id, { end, entry, done: entry.catch(() => {}) });
    this.#tell(row, 0);
  }

  /** The entry of a file that is on its way, when it is announced. */
  async announced(id: string): Promise<Bytes> {
    const row = this.#rows.out.get(id);
    const found = row?.entry ?? (await this.#jobs.get(id)?.entry);
    if (found === undefined) throw new FileError("file.cancelled", "no file that is on its way");
    return found;
  }

  /** A file that has failed goes on with its ciphertext, at whoever takes it now (FIL-07). */
  async retry(id: string): Promise<void> {
    const row = this.#rows.out.get(id);
    if (row === undefined || this.#failure(row) === "" || this.#jobs.has(id)) return;
    await this.#rows.change((rows) => rows.out({ ...this.#row(row.id), failure: "" }));
    this.#failed.delete(id);
    this.#begin(row);
  }

  /** Give a file up, and its blob; one that is announced already stays (FIL-12). */
  async cancel(id: string): Promise<void> {
    const job = this.#jobs.get(id);
    job?.end.abort();
    await job?.done;
    const row = this.#rows.out.get(id);
    if (row === undefined || row.entry !== null) return;
    await this.#over(row);
    this.#host.tell({ type: "file-failed", room: hex(row.room), file: id, code: "file.cancelled" });
  }

  /** What is on its way in rooms that were erased or withdrawn from is given up (FIL-29). */
  async left(): Promise<void> {
    const c = this.#host.context();
    const gone = [...this.#rows.out.values()].filter((row) => row.entry === null && !row.isOver && isLeft(c, row));
    await Promise.all(gone.map(({ id }) => this.cancel(hex(id))));
  }

  async #send(id: Bytes, signal: AbortSignal): Promise<Bytes> {
    try {
      const expiresMs = await patiently(this.#host, signal, () => this.#inTurn(signal, () => this.#put(id, signal)));
      return await this.#announce(id, expiresMs);
    } catch (error) {
      const code = fileCodeOf(error);
      const row = this.#rows.out.get(hex(id));
      const isStopped = STOPPED.includes(code) || /^store\.(?!full)/.test(code) || signal.aborted;
      if (!isStopped && row !== undefined) await this.#fail(row, code === "" ? "local.file_unusable" : code);
      throw error;
    }
  }

  /** Two at a time: none of many holds up the next room's for long. */
  async #inTurn<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    while (this.#running >= AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (signal.aborted) {
      this.#waiting.shift()?.();
      throw new FileError("file.cancelled", "given up");
    }
    this.#running += 1;
    try {
      return await work();
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  /** What met a full disk goes on by itself with the next start. */
  async #fail(row: FileOut, code: string): Promise<void> {
    const id = hex(row.id);
    if (code !== "store.full")
      await unlessFull(this.#rows.change((rows) => rows.out({ ...this.#row(row.id), failure: code })));
    this.#failed.set(id, code);
    this.#host.tell({ type: "file-failed", room: hex(row.room), file: id, code });
  }

  // --- its blob ---

  /** Put the blob at the cost of the first recipient that takes it (FIL-11). */
  async #put(id: Bytes, signal: AbortSignal): Promise<number> {
    const row = this.#row(id);
    const refusals = new Set<string>();
    const found = await this.#host.step((c, turn) => payers({ c, turn }, row.room));
    const inTurn = [...found].sort((a, b) => Number(pays(row, b)) - Number(pays(row, a)));
    for (const payer of inTurn) {
      try {
        return await this.#putAt(id, payer, signal);
      } catch (error) {
        if (!(error instanceof BlobRefused) || !["denied", ...FULL].includes(error.reason)) throw error;
        refusals.add(error.reason);
      }
    }
    if (FULL.some((one) => refusals.has(one))) {
      throw new FileError("file.quota", "no mailbox of the room has room for the file");
    }
    throw new BlobRefused("denied");
  }

  #row(id: Bytes): FileOut {
    const row = this.#rows.out.get(hex(id));
    if (row === undefined || row.isOver) throw new FileError("file.cancelled", "given up");
    return row;
  }

  async #putAt(id: Bytes, payer: Payer, signal: AbortSignal): Promise<number> {
    const row = this.#row(id);
    const means = { host: this.#host, relayUrl: this.#host.context().company.relayUrl, signal };
    if (!pays(row, payer)) {
      // One blob has one payer: what another one has begun is given up.
      if (row.payer !== null) await drop(means, row.blob, row.secret);
      await this.#rows.change((rows) => rows.out({ ...this.#row(id), payer }));
    }
    const sizeB = sealedB(row.paddedB);
    const upload = { mailbox: payer.mailbox, token: payer.token, blob: row.blob, secret: row.secret, sizeB };
    const read = async (index: number) => {
      const [part] = await this.#host.parts.read(outName(id), index, 1);
      if (part === undefined) throw new FileError("local.file_unusable", "the sealed parts are gone");
      return part;
    };
    return await put(means, upload, read, (done) => this.#tell(row, done / partsOf(sizeB)));
  }

  /** So much has gone; the application is told of fifty steps at most. */
  #tell(row: FileOut, share: number): void {
    const doneB = Math.floor(row.sizeB * share);
    const id = hex(row.id);
    const isNews = isStep(this.#moved.get(id), doneB, row.sizeB);
    this.#moved.set(id, doneB);
    if (isNews)
      this.#host.tell({
        type: "file-progress",
        room: hex(row.room),
        file: id,
        doneB,
        sizeB: row.sizeB,
        isUpload: true,
      });
  }

  // --- announced ---

  /** Write the entry of a file that the relay has; this device holds the file from then on (FIL-12). */
  async #announce(id: Bytes, expiresMs: number): Promise<Bytes> {
    const entry = await this.#rows.change((rows, c, turn) => {
      const row = this.#row(id);
      const steps = { c, turn };
      const entry = announce(steps, row, expiresMs, row.payer?.deviceId ?? new Uint8Array(ID_B));
      const recipients = recipientsOf(steps, row.room);
      const endsMs = Math.min(expiresMs, turn.nowMs + LONGEST_MS);
      rows.out({ ...row, entry, expiresMs: endsMs, recipients });
      const held = { isHeld: true, isRight: true, told: OVER, heldBy: [] };
      rows.in({ entry, room: row.room, parts: outName(id), ...held });
      return entry;
    });
    this.#moved.delete(hex(id));
    return entry;
  }

  /** A device holds the file of an entry (FIL-14). */
  async held(entry: Bytes, by: Bytes): Promise<void> {
    const now = await this.#rows.change((rows, c, turn) => {
      const row = [...this.#rows.out.values()].find((one) => one.entry !== null && same(one.entry, entry));
      if (row === undefined || row.isOver || !has(row.recipients, by) || has(row.heldBy, by)) return null;
      const known = { ...row, heldBy: [...row.heldBy, by] };
      const then = this.#isHeldByAll(c, turn, known) ? over(known, turn.nowMs) : known;
      rows.out(then);
      return then;
    });
    if (!now?.isOver) return;
    this.#host.tell({ type: "file-dropped", room: hex(now.room), entry: hex(entry) });
    this.#dropping.begin(now);
  }

  #isHeldByAll(c: Context, turn: Turn, row: FileOut): boolean {
    const now = recipientsOf({ c, turn }, row.room).filter((id) => has(row.recipients, id));
    return now.every((id) => has(row.heldBy, id));
  }

  /** The entry was erased: so is the blob (FIL-14). */
  async erased(entry: Bytes): Promise<void> {
    for (const row of [...this.#rows.out.values()]) {
      if (row.entry !== null && same(row.entry, entry) && !row.isOver) await this.#over(row);
    }
  }

  async #over(row: FileOut): Promise<void> {
    const gone = over(row, this.#host.ports.clock.nowMs());
    await this.#rows.change((rows) => rows.out(gone));
    // From the entry on these are the parts of what this device holds.
    if (row.entry === null) await this.#host.parts.remove(outName(row.id));
    this.#dropping.begin(gone);
  }
}

function has(ids: readonly Bytes[], id: Bytes): boolean {
  return ids.some((one) => same(one, id));
}

function pays({ payer }: FileOut, other: Payer): boolean {
  return payer !== null && same(payer.mailbox, other.mailbox) && same(payer.token, other.token);
}
