/**
 * Images without what says where, when and by what they were taken (FIL-17): JPEG, PNG, WebP.
 *
 * A small parser of containers: nothing is decoded, so that pixels stay as they are. What is not built like its
 * container is refused.
 */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { concat } from "@sealroom/core/bytes.ts";

const KEPT_CHUNKS = "IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP sBIT bKGD pHYs acTL fcTL fdAT cICP mDCv cLLi";
const KEPT_RIFF: readonly string[] = ["VP8 ", "VP8L", "VP8X", "ALPH", "ANIM", "ANMF", "ICCP"];
const KEPT_IN_FRAME: readonly string[] = ["VP8 ", "VP8L", "ALPH"];
const FRAME_HEAD_B = 16;
const ORIENTATION = 0x0112;
/** The EXIF and XMP flags of VP8X. */
const WITH_METADATA = 0x0c;
const VP8X_B = 10;
const MOST_ENTRIES = 512;

/**
 * A file without its metadata.
 *
 * @throws MetadataKept: its type has some that cannot be removed here, or it is not built as it should be
 */
export function stripped(data: Uint8Array, mediaType: string): Bytes {
  const work = BY_TYPE[mediaType];
  if (work === undefined) throw new MetadataKept("not of a file of this type");
  const kept: Uint8Array[] = [];
  work(source(data), (part) => void kept.push(part));
  return concat(...kept);
}

/** Metadata cannot be removed from this file. */
export class MetadataKept extends Error {
  override readonly name = "MetadataKept";
  readonly code = "file.metadata";
  readonly retryable = false;
}

type Yield = (part: Uint8Array) => void;

interface Source {
  /** Exactly so many bytes. */
  read(sizeB: number): Uint8Array;
  /** What stands before the next FF. */
  untilMarker(): Uint8Array;
}

function source(data: Uint8Array): Source {
  let at = 0;
  const read = (sizeB: number): Uint8Array => {
    if (at + sizeB > data.length) throw new MetadataKept("the image is cut short");
    at += sizeB;
    return data.subarray(at - sizeB, at);
  };
  return {
    read,
    untilMarker: () => {
      const found = data.indexOf(0xff, at);
      return read((found < 0 ? data.length + 1 : found) - at);
    },
  };
}

function number(data: Uint8Array, isLittle = false): number {
  const bytes = isLittle ? [...data].reverse() : [...data];
  return bytes.reduce((value, byte) => value * 256 + byte, 0);
}

function letters(data: Uint8Array): string {
  return String.fromCharCode(...data);
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new MetadataKept(what);
}

// --- JPEG ---

function jpeg(from: Source, give: Yield): void {
  const start = from.read(2);
  check(number(start) === 0xffd8, "not a JPEG");
  give(start);
  let code = marker(from);
  while (code !== 0xd9) {
    const sizeB = number(from.read(2));
    check(sizeB >= 2 && (isApplication(code) || isImage(code)), "not a segment of a JPEG");
    segment(code, from.read(sizeB - 2), give);
    code = code === 0xda ? scan(from, give) : marker(from);
  }
  give(Uint8Array.of(0xff, 0xd9));
}

/** Segments of applications, and comments. */
function isApplication(code: number): boolean {
  return (code >= 0xe0 && code < 0xf0) || code === 0xfe;
}

/** Segments that make the image: tables, frames and scans. */
function isImage(code: number): boolean {
  return code >= 0xc0 && code < 0xe0 && code !== 0xc8 && !(code >= 0xd0 && code < 0xda);
}

function marker(from: Source): number {
  check(number(from.read(1)) === 0xff, "not a marker of a JPEG");
  let code = 0xff;
  while (code === 0xff) code = number(from.read(1));
  return code;
}

/** A segment as it is, the orientation alone of EXIF, and nothing of other metadata. */
function segment(code: number, body: Uint8Array, give: Yield): void {
  const begins = letters(body.subarray(0, 12));
  if (code === 0xe1) {
    const orientation = orientationOf(body);
    if (orientation !== null) give(framed(code, orientation));
  } else if (code === 0xe0) {
    // A thumbnail of the image before it was cut stands behind these 14 bytes.
    if (begins.startsWith("JFIF\0"))
      give(framed(code, concat(body.subarray(0, 12), new Uint8Array(14)).subarray(0, 14)));
  } else if (isKept(code, begins)) give(framed(code, body));
}

function isKept(code: number, begins: string): boolean {
  if (code === 0xe2) return begins.startsWith("ICC_PROFILE\0");
  return isImage(code) || (code === 0xee && begins.startsWith("Adobe"));
}

function framed(code: number, body: Uint8Array): Bytes {
  return concat(Uint8Array.of(0xff, code, (body.length + 2) >> 8, (body.length + 2) & 255), body);
}

/** The coded pixels behind a scan's header; returns the marker that ends them. */
function scan(from: Source, give: Yield): number {
  for (;;) {
    give(from.untilMarker());
    const code = marker(from);
    if (code !== 0 && !(code >= 0xd0 && code <= 0xd7)) return code;
    give(Uint8Array.of(0xff, code));
  }
}

/** An EXIF segment that holds nothing but the orientation of this one; null for none. */
function orientationOf(body: Uint8Array): Bytes | null {
  const tiff = letters(body.subarray(0, 6)) === "Exif\0\0" ? body.subarray(6) : body.subarray(0, 0);
  const order = letters(tiff.subarray(0, 2));
  if ((order !== "II" && order !== "MM") || tiff.length < 8) return null;
  const at = (offset: number, sizeB: number) => number(tiff.subarray(offset, offset + sizeB), order === "II");
  const first = at(4, 4);
  const count = Math.min(at(first, 2), MOST_ENTRIES);
  for (let entry = first + 2; entry < first + 2 + 12 * count && entry + 12 <= tiff.length; entry += 12) {
    const value = at(entry + 8, 2);
    if (at(entry, 2) !== ORIENTATION || value < 2 || value > 8) continue;
    const head = [...new TextEncoder().encode("Exif\0\0MM\0*\0\0\0\x08\0\x01")];
    return Uint8Array.of(...head, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, value, 0, 0, 0, 0, 0, 0);
  }
  return null;
}

// --- PNG ---

function png(from: Source, give: Yield): void {
  give(from.read(8));
  let kind = "";
  while (kind !== "IEND") {
    const head = from.read(8);
    const sizeB = number(head.subarray(0, 4)) + 4;
    kind = letters(head.subarray(4));
    check(kind !== "IEND" || sizeB === 4, "something stands in the end of a PNG");
    const body = from.read(sizeB);
    if (KEPT_CHUNKS.split(" ").includes(kind)) {
      give(head);
      give(body);
    } else check(!/^[A-Z]/.test(kind), "a chunk of a PNG that is not known");
  }
}

// --- WebP ---

function webp(from: Source, give: Yield): void {
  const kept: Uint8Array[] = [];
  let leftB = number(from.read(12).subarray(4, 8), true) - 4;
  while (leftB >= 8) {
    const head = from.read(8);
    const kind = letters(head.subarray(0, 4));
    const sizeB = number(head.subarray(4), true);
    const bodyB = sizeB + (sizeB % 2);
    leftB -= 8 + bodyB;
    check(leftB >= 0 && sizeB > 0 && (kind !== "VP8X" || sizeB === VP8X_B), "a chunk of another size than its place");
    const body = from.read(bodyB);
    if (kind === "ANMF") checkFrame(body.subarray(0, sizeB));
    if (KEPT_RIFF.includes(kind)) kept.push(head, kind === "VP8X" ? withoutFlags(body) : body);
  }
  const body = concat(...kept);
  const head = new Uint8Array(12);
  head.set(new TextEncoder().encode("RIFF    WEBP"));
  new DataView(head.buffer).setUint32(4, body.length + 4, true);
  give(head);
  give(body);
}

/** A frame holds pixels and nothing that could say more (FIL-17). */
function checkFrame(body: Uint8Array): void {
  let at = FRAME_HEAD_B;
  while (at + 8 <= body.length) {
    check(KEPT_IN_FRAME.includes(letters(body.subarray(at, at + 4))), "a frame holds something else than pixels");
    const sizeB = number(body.subarray(at + 4, at + 8), true);
    at += 8 + sizeB + (sizeB % 2);
  }
  check(at === body.length, "a frame of another size than its place");
}

function withoutFlags(body: Uint8Array): Bytes {
  return concat(Uint8Array.of((body[0] as number) & ~WITH_METADATA), body.subarray(1));
}

const BY_TYPE: Readonly<Record<string, (from: Source, give: Yield) => void>> = {
  "image/jpeg": jpeg,
  "image/png": png,
  "image/webp": webp,
};
