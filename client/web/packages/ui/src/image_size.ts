/**
 * How many pixels an image has, by its container alone (FIL-21): GIF, JPEG, PNG, WebP.
 *
 * Nothing is decoded. Read strictly, so that a decoder finds no other size than the one that was judged: what is not
 * built as these containers are, or says two sizes, has none.
 */

import { check, type Source, source, Unreadable } from "./image_source.ts";

const MOST_A_SIDE = 16_384;
const MOST_PIXELS = 40_000_000;
const MOST_FRAMES = 1_024;
const MOST_PIXELS_OF_FRAMES = 200_000_000;
const MOST_SCANS = 100;

export interface ImageSize {
  readonly width: number;
  readonly height: number;
  /** 1 for one that does not move. */
  readonly frames: number;
}

/** Whether an image of this type is small enough to be shown (FIL-21). */
export function isShownSize(data: Uint8Array, mediaType: string): boolean {
  const size = imageSize(data, mediaType);
  if (size === null) return false;
  const { width, height, frames } = size;
  const pixels = width * height;
  const isSmall = width <= MOST_A_SIDE && height <= MOST_A_SIDE && pixels <= MOST_PIXELS;
  return pixels > 0 && isSmall && frames <= MOST_FRAMES && (frames === 1 || pixels * frames <= MOST_PIXELS_OF_FRAMES);
}

/** The size that an image of this type says; null where it says none, or is not built as it should be. */
export function imageSize(data: Uint8Array, mediaType: string): ImageSize | null {
  try {
    return Object.hasOwn(BY_TYPE, mediaType) ? (BY_TYPE[mediaType]?.(source(data)) ?? null) : null;
  } catch (error) {
    if (error instanceof Unreadable) return null;
    throw error;
  }
}

// --- PNG ---

function png(from: Source): ImageSize {
  check(from.letters(8) === "\x89PNG\r\n\x1a\n");
  check(from.big(4) === 13 && from.letters(4) === "IHDR");
  const canvas = { width: from.big(4), height: from.big(4) };
  from.skip(5 + 4);
  let frames = 0;
  let hasPixels = false;
  for (;;) {
    const sizeB = from.big(4);
    const kind = from.letters(4);
    check(kind !== "IHDR");
    const body = from.part(sizeB);
    from.skip(4);
    if (kind === "IEND") break;
    hasPixels ||= kind === "IDAT";
    if (kind !== "fcTL") continue;
    checkFrameOfPng(body, canvas);
    frames += 1;
  }
  check(hasPixels);
  return { ...canvas, frames: Math.max(1, frames) };
}

function checkFrameOfPng(from: Source, canvas: { readonly width: number; readonly height: number }): void {
  from.skip(4);
  const [width, height, left, top] = [from.big(4), from.big(4), from.big(4), from.big(4)];
  check(left + width <= canvas.width && top + height <= canvas.height);
}

// --- JPEG ---

const START_OF_IMAGE = 0xffd8;
const END_OF_IMAGE = 0xd9;
const START_OF_SCAN = 0xda;
/** Baseline, extended and progressive. */
const FRAMES: readonly number[] = [0xc0, 0xc1, 0xc2];
/** Tables of entropy coding and quantization, the interval of restarts. */
const TABLES: readonly number[] = [0xc4, 0xcc, 0xdb, 0xdd];

function jpeg(from: Source): ImageSize {
  check(from.big(2) === START_OF_IMAGE);
  let size: ImageSize | null = null;
  let scans = 0;
  let code = marker(from);
  while (code !== END_OF_IMAGE) {
    const sizeB = from.big(2);
    check(sizeB >= 2);
    const body = from.part(sizeB - 2);
    if (FRAMES.includes(code)) {
      check(size === null);
      size = frameOfJpeg(body);
    } else if (code === START_OF_SCAN) {
      scans += 1;
      check(size !== null && scans <= MOST_SCANS);
    } else check(TABLES.includes(code) || isApplication(code));
    code = code === START_OF_SCAN ? behindScan(from) : marker(from);
  }
  check(scans > 0);
  return size as ImageSize;
}

function frameOfJpeg(body: Source): ImageSize {
  body.skip(1);
  const height = body.big(2);
  return { width: body.big(2), height, frames: 1 };
}

/** Segments of applications, and comments. */
function isApplication(code: number): boolean {
  return (code >= 0xe0 && code < 0xf0) || code === 0xfe;
}

function marker(from: Source): number {
  check(from.big(1) === 0xff);
  let code = 0xff;
  while (code === 0xff) code = from.big(1);
  return code;
}

/** Pass over the coded pixels; returns the marker that ends them. */
function behindScan(from: Source): number {
  for (;;) {
    from.toMarker();
    const code = marker(from);
    if (code !== 0 && !(code >= 0xd0 && code <= 0xd7)) return code;
  }
}

// --- GIF ---

const TRAILER = 0x3b;
const EXTENSION = 0x21;
const IMAGE = 0x2c;
const CONTROL = 0xf9;
const CONTROL_B = 4;
const APPLICATION = 0xff;
const APPLICATION_B = 11;
const LOOPS: readonly string[] = ["NETSCAPE2.0", "ANIMEXTS1.0"];
const LOOP_B = 3;

function gif(from: Source): ImageSize {
  check(["GIF87a", "GIF89a"].includes(from.letters(6)));
  const [width, height] = [from.little(2), from.little(2)];
  const flags = from.big(1);
  from.skip(2 + tableB(flags));
  let frames = 0;
  let kind = from.big(1);
  while (kind !== TRAILER) {
    check(kind === EXTENSION || kind === IMAGE);
    if (kind === IMAGE) {
      const [left, top, frameWidth, frameHeight] = [from.little(2), from.little(2), from.little(2), from.little(2)];
      check(left + frameWidth <= width && top + frameHeight <= height);
      from.skip(tableB(from.big(1)));
      frames += 1;
    }
    const label = from.big(1); // how wide the codes are, or what the extension is
    if (kind === EXTENSION) skipExtension(from, label);
    else skipBlocks(from);
    kind = from.big(1);
  }
  check(frames > 0);
  return { width, height, frames };
}

/** A table of colours behind its flags. */
function tableB(flags: number): number {
  return (flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1);
}

/** A decoder may read the least size of these extensions whatever their blocks say, and go on behind it (FIL-21). */
function skipExtension(from: Source, label: number): void {
  if (label === CONTROL) {
    check(from.big(1) === CONTROL_B);
    from.skip(CONTROL_B);
    check(from.big(1) === 0);
  } else if (label === APPLICATION) {
    check(from.big(1) === APPLICATION_B);
    skipBlocks(from, LOOPS.includes(from.letters(APPLICATION_B)) ? LOOP_B : 1);
  } else skipBlocks(from);
}

function skipBlocks(from: Source, leastB = 1): void {
  for (let sizeB = from.big(1); sizeB !== 0; sizeB = from.big(1)) {
    check(sizeB >= leastB);
    from.skip(sizeB);
  }
}

// --- WebP ---

const ANIMATED = 0x02;
const FRAME_HEAD_B = 16;
const MOST_CHUNKS = MOST_FRAMES + 64;
const MOST_CHUNKS_OF_FRAME = 16;

type Chunks = readonly (readonly [kind: string, body: Source])[];

function webp(from: Source): ImageSize {
  check(from.letters(4) === "RIFF");
  const body = from.part(from.little(4));
  check(body.letters(4) === "WEBP");
  const found = chunks(body, MOST_CHUNKS);
  const [first] = found;
  if (first?.[0] !== "VP8X") return { ...pixelsOf(found), frames: 1 };
  const rest = found.slice(1);
  check(rest.every(([kind]) => kind !== "VP8X"));
  const flags = first[1].big(1);
  first[1].skip(3);
  const canvas = { width: first[1].little(3) + 1, height: first[1].little(3) + 1 };
  if ((flags & ANIMATED) !== 0) return { ...canvas, frames: framesOfWebp(rest, canvas) };
  check(rest.every(([kind]) => kind !== "ANMF"));
  checkSame(pixelsOf(rest), canvas);
  return { ...canvas, frames: 1 };
}

type Sides = Omit<ImageSize, "frames">;

function framesOfWebp(found: Chunks, canvas: Sides): number {
  const frames = found.filter(([kind]) => kind === "ANMF");
  check(frames.length > 0 && found.every(([kind]) => kind !== "VP8 " && kind !== "VP8L"));
  for (const [, body] of frames) {
    check(body.leftB >= FRAME_HEAD_B);
    const [left, top] = [2 * body.little(3), 2 * body.little(3)];
    const sides = { width: body.little(3) + 1, height: body.little(3) + 1 };
    check(left + sides.width <= canvas.width && top + sides.height <= canvas.height);
    body.skip(4);
    checkSame(pixelsOf(chunks(body, MOST_CHUNKS_OF_FRAME)), sides);
  }
  return frames.length;
}

function chunks(from: Source, most: number): Chunks {
  const found: [string, Source][] = [];
  while (from.leftB > 0) {
    check(found.length < most);
    const kind = from.letters(4);
    const sizeB = from.little(4);
    found.push([kind, from.part(sizeB)]);
    from.skip(sizeB % 2);
  }
  return found;
}

/** The sides that the one stream of pixels says by itself. */
function pixelsOf(found: Chunks): Sides {
  const [stream, another] = found.filter(([kind]) => kind === "VP8 " || kind === "VP8L");
  check(stream !== undefined && another === undefined);
  const [kind, body] = stream as Chunks[number];
  return kind === "VP8L" ? lossless(body) : lossy(body);
}

function lossy(body: Source): Sides {
  // A key frame; behind its 3 bytes stands a mark.
  check((body.little(3) & 1) === 0 && body.big(3) === 0x9d012a);
  return { width: body.little(2) & 0x3fff, height: body.little(2) & 0x3fff };
}

function lossless(body: Source): Sides {
  check(body.big(1) === 0x2f);
  const sides = body.little(4);
  return { width: (sides & 0x3fff) + 1, height: ((sides >>> 14) & 0x3fff) + 1 };
}

function checkSame(one: Sides, other: Sides): void {
  check(one.width === other.width && one.height === other.height);
}

const BY_TYPE: Readonly<Record<string, (from: Source) => ImageSize>> = {
  "image/gif": gif,
  "image/jpeg": jpeg,
  "image/png": png,
  "image/webp": webp,
};
