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

/**
 * Seal a file under a new key (FIL-01 to FIL-04).
 *
 * @throws LocalError `local.file_too_large`
 */
export function sealFile(key: FileKey, file: Uint8Array): SealedFile {
  if (file.length > MAX_FILE_B) throw new LocalError("local.file_too_large", "a file of more than 64 MiB");
  const paddedB = paddedSizeB(file.length);
  const chunks = Math.ceil(paddedB / CHUNK_B);
  const digest = new LabelledHash("SR1-file-hash");
  const parts = Array.from({ length: chunks }, (_, index) => {
    const plain = chunkOf(file, paddedB, index);
    const part = seal(keyOfChunk(key, index, index === chunks - 1), plain, new Uint8Array(0));
    digest.update(part);
    return part;
  });
  return { sizeB: file.length, paddedB, hash: digest.digest(), parts };
}

/** One chunk of the file, its mark and zero bytes. */
function chunkOf(file: Uint8Array, paddedB: number, index: number): Bytes {
  const start = index * CHUNK_B;
  const chunk = new Uint8Array(Math.min(CHUNK_B, paddedB - start));
  chunk.set(file.subarray(start, start + chunk.length));
  const mark = file.length - start;
  if (mark >= 0 && mark < chunk.length) chunk[mark] = MARK;
  return chunk;
}

function corrupt(): RemoteError {
  return new RemoteError("file.corrupt", "a sealed file is not the one that was announced");
}

/**
 * The file of its sealed parts; it is used when all of it is known to be right (FIL-05, FIL-06).
 *
 * @throws RemoteError `file.corrupt`, one code for all
 */
export function openFile(key: FileKey, announced: Announced, parts: readonly Uint8Array[]): Bytes {
  const { sizeB, paddedB, hash } = announced;
  const chunks = Math.ceil(paddedB / CHUNK_B);
  if (sizeB > MAX_FILE_B || paddedB !== paddedSizeB(sizeB) || parts.length !== chunks) throw corrupt();
  const digest = new LabelledHash("SR1-file-hash");
  const plain = concat(...parts.map((part, index) => openChunk(key, paddedB, chunks, index, part, digest)));
  const file = cut(plain, 0, sizeB);
  const padding = plain.subarray(sizeB);
  const padded = padding[0] === MARK && padding.subarray(1).every((byte) => byte === 0);
  if (!padded || !same(digest.digest(), hash)) throw corrupt();
  return file;
}

function openChunk(
  key: FileKey,
  paddedB: number,
  chunks: number,
  index: number,
  part: Uint8Array,
  digest: LabelledHash,
): Bytes {
  if (part.length !== Math.min(CHUNK_B, paddedB - index * CHUNK_B) + TAG_B) throw corrupt();
  digest.update(part);
  try {
    return open(keyOfChunk(key, index, index === chunks - 1), part, new Uint8Array(0));
  } catch (error) {
    if (error instanceof CoreError) throw corrupt();
    throw error;
  }
}
