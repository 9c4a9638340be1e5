/** What the code of files is given, and what it gives. It is a part of the page that is fetched with the first file. */

import type { Bytes } from "@sealroom/core/bytes.ts";
import type { Context } from "../engine/context.ts";
import type { CustomerEvent } from "../engine/events.ts";
import type { Kind, Ports, Row, SealedParts } from "../engine/ports.ts";
import type { Turn } from "../engine/turn.ts";

export interface FilesHost {
  readonly ports: Pick<Ports, "connect" | "clock" | "random">;
  readonly parts: SealedParts;
  /** An image without its metadata (FIL-17). @throws `file.metadata` */
  stripped(data: Uint8Array, mediaType: string): Promise<Bytes>;
  /** Ends all pauses: the network is back. */
  readonly wakes: Set<() => void>;
  context(): Context;
  /** Change something in the engine; it is on disk when this resolves. */
  step<T>(work: (c: Context, turn: Turn) => T): Promise<T>;
  rows(kind: Kind): Promise<readonly Row[]>;
  tell(event: CustomerEvent): void;
}

export interface SendOptions {
  /** Remove what an image says of where, when and by what it was taken (FIL-17). */
  readonly removeMetadata: boolean;
}

/** How far a file is; `offered`: not here, and nothing is on its way. */
export interface FileStatus {
  readonly state: "offered" | "moving" | "here" | "failed" | "gone";
  readonly movedB: number;
  /** A code of the registry, where it failed. */
  readonly code: string | null;
  /** It was opened, and is of the type that its entry says. */
  readonly isRight: boolean;
  /** It can be fetched until then, which is soon (FIL-15). */
  readonly untilMs: number | null;
}

/** A file of ours of which nothing is said to anybody yet (FIL-12). */
export interface UploadView extends FileStatus {
  readonly id: string;
  readonly name: string;
  readonly mediaType: string;
  readonly sizeB: number;
  readonly createdMs: number;
}

/** A file in the clear, all of which is known to be right (FIL-06). */
export interface OpenedFile {
  readonly name: string;
  readonly mediaType: string;
  readonly blob: Blob;
}

export interface FileService {
  /** Files on their way out of a room, the oldest first. */
  uploads(room: string): readonly UploadView[];
  /** The file of an entry. */
  status(room: string, entry: string): FileStatus;
  /** Seal a file here and put it on its way; resolves to its id when that is stored. */
  send(room: string, file: Blob, name: string, options: SendOptions): Promise<string>;
  /** Resolves to the entry of a file that was sent; rejects when it is given up. */
  announced(id: string): Promise<string>;
  /** Give a file up that is not announced, or stop fetching one. */
  cancel(id: string): Promise<void>;
  /** Go on with a file that has failed, with the stored ciphertext (FIL-07). */
  retry(id: string): Promise<void>;
  /** Fetch the file of an entry. */
  fetch(room: string, entry: string): Promise<void>;
  /** The file of an entry in the clear; it is fetched first if it is not here. */
  open(room: string, entry: string): Promise<OpenedFile>;
  /** Take notice of what the engine tells. */
  heard(event: CustomerEvent): void;
  /** End all transfers; what is stored goes on with the next start. */
  end(): Promise<void>;
}

/** Parts of the page that files need. */
export interface LoadFiles {
  service(): Promise<FilesModule>;
  /** Only where metadata are to be removed. */
  stripping(): Promise<StrippingModule>;
}

export interface StrippingModule {
  stripped(data: Uint8Array, mediaType: string): Bytes;
}

export interface FilesModule {
  startFiles(host: FilesHost): Promise<FileService>;
}
