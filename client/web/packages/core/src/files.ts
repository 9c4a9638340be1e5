/** How a file is sealed so that it can lie at a relay (chapter 13). */

import type { Bytes } from "./bytes.ts";
import { concat, cut, same, u32 } from "./bytes.ts";
import { MAX_FILE_B } from "./constants.ts";
import { CoreError, LocalError, RemoteError } from "./errors.ts";
import { open, seal, TAG_B } from "./primitives/aead.ts";
import { LabelledHash } from "./primitives/hash.ts";
import { prf } from "./primitives/kdf.ts";
import type { FileKey } from "./secret.ts";
import { padmeB } from "./wire/padding.ts";

export const CHUNK_B = 65_536;
const MARK = 0x80;

/** What a message tells of a file beside its key (FIL-05). */
export interface Announced {
  readonly sizeB: number;
  readonly paddedB: number;
  readonly hash: Bytes;
}

/** The padded size of a file: PADME of the file and its mark, at least one chunk (FIL-02). */
export function paddedSizeB(sizeB: number): number {
  return Math.max(CHUNK_B, padmeB(sizeB + 1));
}

/** The key of a chunk: of its index, and of whether it is the last (FIL-03). */
export function keyOfChunk(key: FileKey, index: number, last: boolean): Bytes {
  return prf(key.expose(), "SR1-file-chunk", null, concat(u32(index), Uint8Array.of(last ? 1 : 0)), 32);
}

export interface SealedFile extends Announced {
  readonly parts: readonly Bytes[];
}

/** How many chunks a padded file has. */
export function chunksOf(paddedB: number): number {
  return Math.ceil(paddedB / CHUNK_B);
}

/** The hash over all sealed chunks, in their order (FIL-04). */
export function hashOfParts(): LabelledHash {
  return new LabelledHash("SR1-file-hash");
}

/**
 * Seal one chunk of a file of `sizeB` bytes: `data` is what the file has in its place, at most CHUNK_B bytes (FIL-03).
 *
 * @throws LocalError `local.file_too_large`
 */
export function sealChunk(key: FileKey, sizeB: number, index: number, data: Uint8Array): Bytes {
  if (sizeB > MAX_FILE_B) throw new LocalError("local.file_too_large", "a file of more than 64 MiB");
  const paddedB = paddedSizeB(sizeB);
  const start = index * CHUNK_B;
  const chunk = new Uint8Array(Math.min(CHUNK_B, paddedB - start));
  chunk.set(data);
  const mark = sizeB - start;
  if (mark >= 0 && mark < chunk.length) chunk[mark] = MARK;
  return seal(keyOfChunk(key, index, index === chunksOf(paddedB) - 1), chunk, new Uint8Array(0));
}

/**
 * Seal a file under a new key (FIL-01 to FIL-04).
 *
 * @throws LocalError `local.file_too_large`
 */
export function sealFile(key: FileKey, file: Uint8Array): SealedFile {
  const sizeB = file.length;
  const paddedB = paddedSizeB(sizeB);
  const digest = hashOfParts();
  const parts = Array.from({ length: chunksOf(paddedB) }, (_, index) => {
    const part = sealChunk(key, sizeB, index, file.subarray(index * CHUNK_B, (index + 1) * CHUNK_B));
    digest.update(part);
    return part;
  });
  return { sizeB, paddedB, hash: digest.digest(), parts };
}

export function corrupt(): RemoteError {
  return new RemoteError("file.corrupt", "a sealed file is not the one that was announced");
}

/**
 * Refuse sizes that do not belong together (FIL-05).
 *
 * @throws RemoteError `file.corrupt`
 */
export function checkSizes({ sizeB, paddedB }: Announced): void {
  if (sizeB > MAX_FILE_B || paddedB !== paddedSizeB(sizeB)) throw corrupt();
}

/**
 * What the file has in the place of a chunk; none of it is to be used before the hash of all is right (FIL-05, FIL-06).
 *
 * @throws RemoteError `file.corrupt`, one code for all
 */
export function openChunk(key: FileKey, { sizeB, paddedB }: Announced, index: number, part: Uint8Array): Bytes {
  const start = index * CHUNK_B;
  if (part.length !== Math.min(CHUNK_B, paddedB - start) + TAG_B) throw corrupt();
  const chunk = opened(keyOfChunk(key, index, index === chunksOf(paddedB) - 1), part);
  const length = Math.min(chunk.length, Math.max(0, sizeB - start));
  const padding = chunk.subarray(length);
  const begins = start + length === sizeB;
  const isPadding = padding.every((byte, at) => byte === (begins && at === 0 ? MARK : 0));
  if (!isPadding) throw corrupt();
  return cut(chunk, 0, length);
}

function opened(key: Bytes, part: Uint8Array): Bytes {
  try {
    return open(key, part, new Uint8Array(0));
  } catch (error) {
    if (error instanceof CoreError) throw corrupt();
    throw error;
  }
}

/**
 * Refuse parts whose hash is not the one that was announced (FIL-05).
 *
 * @throws RemoteError `file.corrupt`
 */
export function checkHash(digest: LabelledHash, { hash }: Announced): void {
  if (!same(digest.digest(), hash)) throw corrupt();
}

/**
 * The file of its sealed parts; it is used when all of it is known to be right (FIL-05, FIL-06).
 *
 * @throws RemoteError `file.corrupt`, one code for all
 */
export function openFile(key: FileKey, announced: Announced, parts: readonly Uint8Array[]): Bytes {
  checkSizes(announced);
  if (parts.length !== chunksOf(announced.paddedB)) throw corrupt();
  const digest = hashOfParts();
  const pieces = parts.map((part, index) => {
    digest.update(part);
    return openChunk(key, announced, index, part);
  });
  checkHash(digest, announced);
  return concat(...pieces);
}
