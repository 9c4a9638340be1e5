/** From a file in the clear to sealed parts of this device, and back, a megabyte at a time (FIL-03, FIL-06, FIL-16). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { MAX_FILE_B } from "@sealroom/core/constants.ts";
import { LocalError } from "@sealroom/core/errors.ts";
import type { FileContent } from "@sealroom/core/file_types.ts";
import { checkFileName, fileContent } from "@sealroom/core/file_types.ts";
import type { Announced } from "@sealroom/core/files.ts";
import {
  checkHash,
  checkSizes,
  corrupt,
  hashOfParts,
  openChunk,
  paddedSizeB,
  sealChunk,
} from "@sealroom/core/files.ts";
import type { FileKey } from "@sealroom/core/secret.ts";
import { FileError, fileCodeOf } from "./file_error.ts";
import type { FilesHost } from "./host.ts";

const CHUNK_B = 65_536;
const TAG_B = 16;
/** Chunks that are read, sealed and stored at a time. */
const BATCH = 16;
/** Pieces of a file are put into one blob when they have so many bytes: a browser may keep blobs on its disk. */
const PIECE_B = 8_388_608;

/** The size of all sealed chunks of a file: that of its blob. */
export function sealedB(paddedB: number): number {
  return paddedB + TAG_B * Math.ceil(paddedB / CHUNK_B);
}

export interface Sealed {
  readonly mediaType: string;
  readonly announced: Announced;
}

/**
 * Seal a file to parts of this device, under a key that nothing was sealed with (FIL-07, FIL-10, FIL-17).
 *
 * @throws LocalError `local.file_too_large`; RemoteError `file.type`; FileError `file.metadata`, `local.file_unusable`;
 *   StoreError `store.full`
 */
export async function sealBlob(
  host: FilesHost,
  { key, parts, name }: { readonly key: FileKey; readonly parts: string; readonly name: string },
  file: Blob,
  removeMetadata: boolean,
): Promise<Sealed> {
  if (file.size > MAX_FILE_B) throw new LocalError("local.file_too_large", "a file has at most 64 MiB");
  const from = removeMetadata ? await withoutMetadata(host, file, name) : file;
  const [sizeB, paddedB] = [from.size, paddedSizeB(from.size)];
  const [digest, content] = [hashOfParts(), fileContent()];
  const count = Math.ceil(paddedB / CHUNK_B);
  for (let first = 0; first < count; first += BATCH) {
    const block = await read(from, first * CHUNK_B, (first + BATCH) * CHUNK_B);
    content.take(block);
    const batch = Array.from({ length: Math.min(BATCH, count - first) }, (_, i) => {
      const part = sealChunk(key, sizeB, first + i, block.subarray(i * CHUNK_B, (i + 1) * CHUNK_B));
      digest.update(part);
      return part;
    });
    await host.parts.write(parts, first, batch);
  }
  const mediaType = content.mediaType();
  checkFileName(name, mediaType);
  return { mediaType, announced: { sizeB, paddedB, hash: digest.digest() } };
}

/** How metadata are read depends on the type, which is told first. */
async function withoutMetadata(host: FilesHost, file: Blob, name: string): Promise<Blob> {
  const data = await read(file, 0, file.size);
  const content = fileContent();
  content.take(data);
  const mediaType = content.mediaType();
  checkFileName(name, mediaType);
  return mediaType === "text/plain" ? file : new Blob([await host.stripped(data, mediaType)]);
}

async function read(file: Blob, from: number, to: number): Promise<Bytes> {
  const data = await file
    .slice(from, to)
    .arrayBuffer()
    .catch(() => null);
  if (data === null || data.byteLength !== Math.max(0, Math.min(to, file.size) - from)) {
    throw new FileError("local.file_unusable", "the file cannot be read, or changes meanwhile");
  }
  return new Uint8Array(data);
}

/** What it takes to open a file. */
export interface Ticket {
  readonly key: FileKey;
  readonly announced: Announced;
}

export interface Opened {
  readonly blob: Blob;
  readonly content: FileContent;
}

/**
 * Open sealed parts of this device; nothing of them is handed out unless all of it is right (FIL-05, FIL-06).
 *
 * @throws RemoteError `file.corrupt`
 */
export async function openParts(host: FilesHost, name: string, { key, announced }: Ticket): Promise<Opened> {
  checkSizes(announced);
  const [digest, content] = [hashOfParts(), fileContent()];
  const count = Math.ceil(announced.paddedB / CHUNK_B);
  let blobs: readonly Blob[] = [];
  let pieces: Bytes[] = [];
  for (let first = 0; first < count; first += BATCH) {
    const parts = await host.parts.read(name, first, Math.min(BATCH, count - first));
    if (parts.length !== Math.min(BATCH, count - first)) throw corrupt();
    for (const [i, part] of parts.entries()) {
      digest.update(part);
      const data = openChunk(key, announced, first + i, part);
      content.take(data);
      pieces.push(data);
    }
    if (pieces.length * CHUNK_B < PIECE_B && first + BATCH < count) continue;
    blobs = [...blobs, new Blob(pieces)];
    pieces = [];
  }
  checkHash(digest, announced);
  return { blob: new Blob([...blobs]), content };
}

/** Whether sealed parts that a stop has left are whole. */
export async function isWhole(host: FilesHost, name: string, announced: Announced): Promise<boolean> {
  const digest = hashOfParts();
  const count = Math.ceil(announced.paddedB / CHUNK_B);
  for (let first = 0; first < count; first += BATCH) {
    for (const part of await host.parts.read(name, first, Math.min(BATCH, count - first))) digest.update(part);
  }
  try {
    checkHash(digest, announced);
    return true;
  } catch (error) {
    if (fileCodeOf(error) === "file.corrupt") return false;
    throw error;
  }
}
