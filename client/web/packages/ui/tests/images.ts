/** Images of any size that they say, without a coder: containers alone. */

import { concat } from "@sealroom/core/bytes.ts";

const utf8 = new TextEncoder();

export function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

export function big(value: number, sizeB: number): Uint8Array {
  return Uint8Array.from({ length: sizeB }, (_, at) => Math.floor(value / 256 ** (sizeB - 1 - at)) % 256);
}

export function little(value: number, sizeB: number): Uint8Array {
  return big(value, sizeB).reverse();
}

// --- PNG ---

export const PNG_BEGINS = latin1("\x89PNG\r\n\x1a\n");
export const IEND = chunk("IEND");
export const IDAT = chunk("IDAT", Uint8Array.of(1, 2, 3));

export function chunk(kind: string, body: Uint8Array = new Uint8Array(0)): Uint8Array {
  return concat(big(body.length, 4), utf8.encode(kind), body, new Uint8Array(4));
}

export function header(width: number, height: number): Uint8Array {
  return chunk("IHDR", concat(big(width, 4), big(height, 4), Uint8Array.of(8, 2, 0, 0, 0)));
}

export function control(width: number, height: number, left = 0, top = 0): Uint8Array {
  return chunk("fcTL", concat(...[0, width, height, left, top].map((one) => big(one, 4)), new Uint8Array(6)));
}

export function png(width: number, height: number, frames = 0): Uint8Array {
  const controls = Array.from({ length: frames }, () => control(width, height));
  return concat(PNG_BEGINS, header(width, height), ...controls, IDAT, IEND);
}

// --- JPEG ---

export const START = Uint8Array.of(0xff, 0xd8);
export const END = Uint8Array.of(0xff, 0xd9);
export const SCAN = concat(segment(0xda, new Uint8Array(10)), Uint8Array.of(7, 0xff, 0, 8, 0xff, 0xd0, 9));

export function segment(code: number, body: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(0xff, code), big(body.length + 2, 2), body);
}

export function frame(width: number, height: number, code = 0xc0): Uint8Array {
  return segment(code, concat(Uint8Array.of(8), big(height, 2), big(width, 2), Uint8Array.of(1, 1, 0x11, 0)));
}

export function jpeg(width: number, height: number): Uint8Array {
  return concat(START, segment(0xe1, START), frame(width, height), SCAN, SCAN, END);
}

// --- GIF ---

export const TRAILER = Uint8Array.of(0x3b);

export function screen(width: number, height: number): Uint8Array {
  return concat(latin1("GIF89a"), little(width, 2), little(height, 2), Uint8Array.of(0x80, 0, 0), new Uint8Array(6));
}

export function picture(width: number, height: number, left = 0): Uint8Array {
  const extension = Uint8Array.of(0x21, 0xf9, 4, 0, 0, 0, 0, 0);
  const sides = concat(...[left, 0, width, height].map((one) => little(one, 2)));
  return concat(extension, Uint8Array.of(0x2c), sides, Uint8Array.of(0, 2, 1, 0x44, 0));
}

export function extension(label: number, ...blocks: readonly Uint8Array[]): Uint8Array {
  const said = blocks.map((one) => concat(Uint8Array.of(one.length), one));
  return concat(Uint8Array.of(0x21, label), ...said, Uint8Array.of(0));
}

export function gif(width: number, height: number, frames = 1): Uint8Array {
  const pictures = Array.from({ length: frames }, () => picture(width, height));
  return concat(screen(width, height), ...pictures, TRAILER);
}

// --- WebP ---

export function riff(...chunks: readonly Uint8Array[]): Uint8Array {
  const body = concat(latin1("WEBP"), ...chunks);
  return concat(latin1("RIFF"), little(body.length, 4), body);
}

export function piece(kind: string, body: Uint8Array): Uint8Array {
  return concat(latin1(kind), little(body.length, 4), body, new Uint8Array(body.length % 2));
}

export function lossy(width: number, height: number): Uint8Array {
  return piece("VP8 ", concat(Uint8Array.of(0x10, 0, 0, 0x9d, 1, 0x2a), little(width, 2), little(height, 2)));
}

export function lossless(width: number, height: number): Uint8Array {
  return piece("VP8L", concat(Uint8Array.of(0x2f), little((width - 1) | ((height - 1) << 14), 4)));
}

export function extended(width: number, height: number, flags = 0): Uint8Array {
  return piece("VP8X", concat(little(flags, 4), little(width - 1, 3), little(height - 1, 3)));
}

export function moving(width: number, height: number, pixels: Uint8Array, left = 0): Uint8Array {
  const sides = [left / 2, 0, width - 1, height - 1, 0].map((one) => little(one, 3));
  return piece("ANMF", concat(...sides, Uint8Array.of(0), pixels));
}
