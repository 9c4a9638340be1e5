/** Rows of files: what is on its way to the relay, and what became of those that entries have announced. */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex } from "@sealroom/core/bytes.ts";
import { DAY_MS } from "@sealroom/core/constants.ts";
import type { FileKey } from "@sealroom/core/secret.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { bytesOf, RowReader, row, stored } from "../engine/codec.ts";
import type { Context } from "../engine/context.ts";
import type { Turn } from "../engine/turn.ts";
import { fileKey } from "./file_key.ts";
import type { FilesHost } from "./host.ts";

export const KEY_B = 32;
/** An end that is later counts as this (FIL-15). */
export const LONGEST_MS: number = 31 * DAY_MS;

/** A device whose mailbox may pay for a blob, with the token that writes to it (FIL-11). */
export interface Payer {
  readonly deviceId: Bytes;
  readonly mailbox: Bytes;
  readonly token: Bytes;
}

/**
 * A file that is sealed here: on its way, or announced by `entry`; with `isOver` its blob is to be dropped.
 * `recipients` are those to whom the entry went, `heldBy` those of them that hold it.
 */
export interface FileOut {
  readonly id: Bytes;
  readonly room: Bytes;
  readonly name: string;
  readonly mediaType: string;
  readonly sizeB: number;
  readonly paddedB: number;
  readonly hash: Bytes;
  readonly key: FileKey;
  readonly blob: Bytes;
  readonly secret: Bytes;
  readonly createdMs: number;
  readonly payer: Payer | null;
  readonly entry: Bytes | null;
  readonly expiresMs: number;
  readonly recipients: readonly Bytes[];
  readonly heldBy: readonly Bytes[];
  readonly isOver: boolean;
  /** The code with which it failed; "" while it goes on. */
  readonly failure: string;
  /** The number of the receipt under which it began: a withdrawal of at least that number takes it back (CNS-09). */
  readonly seq: number;
}

/** What became of the file of an entry; `parts` names its sealed parts, ours as the upload left them. */
export interface FileIn {
  readonly entry: Bytes;
  readonly room: Bytes;
  readonly parts: string;
  readonly isHeld: boolean;
  readonly isRight: boolean;
  /** 1: that it ends soon was said; 2: that it is over. */
  readonly told: number;
  readonly heldBy: readonly Bytes[];
}

/** What is kept of a file that is over: what it takes to drop its blob, until that has ended by itself (FIL-30). */
export function over(one: FileOut, nowMs: number): FileOut {
  const nothing = { name: "", mediaType: "", hash: new Uint8Array(0), key: fileKey(new Uint8Array(KEY_B)) };
  return { ...one, ...nothing, expiresMs: one.expiresMs || nowMs + LONGEST_MS, isOver: true };
}

export const WARNED = 1;
export const OVER = 2;

export function outName(id: Bytes): string {
  return `out-${hex(id)}`;
}

export function inName(entry: Bytes): string {
  return `in-${hex(entry)}`;
}

function encodeOut(one: FileOut): Bytes {
  const payer: Value = one.payer && [one.payer.deviceId, one.payer.mailbox, one.payer.token];
  const said = [one.id, one.room, one.name, one.mediaType, one.sizeB, one.paddedB, one.hash, one.key.expose()];
  const known = [one.blob, one.secret, one.createdMs, payer, one.entry, one.expiresMs];
  return row(...said, ...known, one.recipients, one.heldBy, one.isOver, one.failure, one.seq);
}

function decodeOut(data: Bytes): FileOut {
  const reader = new RowReader(data);
  return {
    id: reader.bytes(),
    room: reader.bytes(),
    name: reader.text(),
    mediaType: reader.text(),
    sizeB: reader.uint(),
    paddedB: reader.uint(),
    hash: reader.bytes(),
    key: fileKey(reader.bytes()),
    blob: reader.bytes(),
    secret: reader.bytes(),
    createdMs: reader.uint(),
    payer: reader.orNull((value) => {
      const [deviceId, mailbox, token] = (value as readonly Value[]).map(bytesOf);
      return { deviceId, mailbox, token } as Payer;
    }),
    entry: reader.orNull(bytesOf),
    expiresMs: reader.uint(),
    recipients: reader.list(bytesOf),
    heldBy: reader.list(bytesOf),
    isOver: reader.flag(),
    failure: reader.text(),
    // A row of an earlier version names none: whatever was withdrawn takes it back.
    seq: reader.isAtEnd ? 0 : reader.uint(),
  };
}

function decodeIn(data: Bytes): FileIn {
  const reader = new RowReader(data);
  const [entry, room] = [reader.bytes(), reader.bytes()];
  const [parts, isHeld, isRight] = [reader.text(), reader.flag(), reader.flag()];
  return { entry, room, parts, isHeld, isRight, told: reader.uint(), heldBy: reader.list(bytesOf) };
}

/** The rows, in memory as well; a change is in both, or in none. */
export class FileRows {
  readonly out = new Map<string, FileOut>();
  readonly incoming = new Map<string, FileIn>();
  readonly #host: FilesHost;

  constructor(host: FilesHost) {
    this.#host = host;
  }

  async load(): Promise<void> {
    for (const { key, value } of await this.#host.rows("file_out")) {
      this.out.set(
        hex(key),
        stored(() => decodeOut(value)),
      );
    }
    for (const { key, value } of await this.#host.rows("file_in")) {
      this.incoming.set(
        hex(key),
        stored(() => decodeIn(value)),
      );
    }
  }

  /** The file of an entry; where nothing is stored of it yet, nothing has happened. */
  in(room: Bytes, entry: Bytes): FileIn {
    const none = { entry, room, parts: inName(entry), isHeld: false, isRight: false, told: 0, heldBy: [] };
    return this.incoming.get(hex(entry)) ?? none;
  }

  /** One step: `work` puts rows by what it is given. What is refused, or not stored, changes nothing. */
  async change<T>(work: (put: PutRows, c: Context, turn: Turn) => T): Promise<T> {
    const before = [new Map(this.out), new Map(this.incoming)] as const;
    try {
      return await this.#host.step((c, turn) => work(this.#puts(turn), c, turn));
    } catch (error) {
      for (const [i, map] of [this.out, this.incoming].entries())
        restore<unknown>(map, before[i] as Map<string, unknown>);
      throw error;
    }
  }

  #puts(turn: Turn): PutRows {
    return {
      out: (one) => {
        this.out.set(hex(one.id), one);
        turn.put("file_out", one.id, () => encodeOut(this.out.get(hex(one.id)) ?? one));
      },
      in: (one) => {
        const { entry, room, parts, isHeld, isRight, told, heldBy } = one;
        this.incoming.set(hex(entry), one);
        turn.put("file_in", entry, () => row(entry, room, parts, isHeld, isRight, told, heldBy));
      },
      noOut: (id) => {
        this.out.delete(hex(id));
        turn.delete("file_out", id);
      },
      noIn: (entry) => {
        this.incoming.delete(hex(entry));
        turn.delete("file_in", entry);
      },
    };
  }
}

export interface PutRows {
  out(row: FileOut): void;
  in(row: FileIn): void;
  noOut(id: Bytes): void;
  noIn(entry: Bytes): void;
}

function restore<T>(map: Map<string, T>, before: ReadonlyMap<string, T>): void {
  map.clear();
  for (const [key, value] of before) map.set(key, value);
}
