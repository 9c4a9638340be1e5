import assert from "node:assert/strict";
import { test } from "node:test";
import { concat } from "@sealroom/core/bytes.ts";
import { type ImageSize, imageSize, isShownSize } from "../src/image_size.ts";
import * as of from "./images.ts";

const ANIMATED = 2;
const LOOP = of.extension(0xff, of.latin1("NETSCAPE2.0"), Uint8Array.of(1, 0, 0));
const COMMENT = of.extension(0xfe, of.latin1("a"));
const RIGHT: readonly (readonly [mediaType: string, data: Uint8Array, size: readonly number[]])[] = [
  ["image/png", of.png(300, 200), [300, 200, 1]],
  ["image/png", of.png(300, 200, 7), [300, 200, 7]],
  ["image/jpeg", of.jpeg(300, 200), [300, 200, 1]],
  ["image/jpeg", concat(of.jpeg(300, 200), of.jpeg(9, 9)), [300, 200, 1]],
  ["image/gif", of.gif(300, 200), [300, 200, 1]],
  ["image/gif", of.gif(300, 200, 7), [300, 200, 7]],
  ["image/gif", concat(of.screen(300, 200), LOOP, COMMENT, of.picture(300, 200), of.TRAILER), [300, 200, 1]],
  ["image/webp", of.riff(of.lossy(300, 200)), [300, 200, 1]],
  ["image/webp", of.riff(of.lossless(300, 200)), [300, 200, 1]],
  ["image/webp", of.riff(of.extended(300, 200), of.piece("ALPH", Uint8Array.of(0)), of.lossy(300, 200)), [300, 200, 1]],
  [
    "image/webp",
    of.riff(
      of.extended(300, 200, ANIMATED),
      of.moving(300, 200, of.lossy(300, 200)),
      of.moving(4, 2, of.lossless(4, 2), 296),
    ),
    [300, 200, 2],
  ],
];
const parts = (data: Uint8Array, at: number, value: readonly number[]) =>
  concat(data.subarray(0, at), Uint8Array.from(value), data.subarray(at + value.length));

test("width, height and frames are read from the container of each type (FIL-21)", () => {
  for (const [mediaType, data, [width, height, frames]] of RIGHT) {
    assert.deepEqual(imageSize(data, mediaType), { width, height, frames } as ImageSize, mediaType);
    assert.equal(isShownSize(data, mediaType), true, mediaType);
  }
});

test("an image of more pixels, a longer side, more frames or none of a pixel is not shown (FIL-21)", () => {
  const makes = { "image/png": of.png, "image/jpeg": of.jpeg, "image/gif": of.gif } as const;
  for (const [mediaType, make] of Object.entries(makes)) {
    assert.equal(isShownSize(make(16_384, 2_441), mediaType), true);
    assert.equal(isShownSize(make(16_384, 2_442), mediaType), false);
    assert.equal(isShownSize(make(16_385, 1), mediaType), false);
    assert.equal(isShownSize(make(1, 16_385), mediaType), false);
    assert.equal(isShownSize(make(30_000, 30_000), mediaType), false);
    assert.equal(isShownSize(make(0, 5), mediaType), false);
    assert.equal(isShownSize(make(5, 0), mediaType), false);
  }
  assert.equal(isShownSize(of.riff(of.lossless(16_384, 16_384)), "image/webp"), false);
  for (const [mediaType, make] of [["image/gif", of.gif] as const, ["image/png", of.png] as const]) {
    assert.equal(isShownSize(make(10, 10, 1_024), mediaType), true);
    assert.equal(isShownSize(make(10, 10, 1_025), mediaType), false);
    assert.equal(isShownSize(make(1_000, 1_000, 200), mediaType), true);
    assert.equal(isShownSize(make(1_000, 1_000, 201), mediaType), false);
  }
});

test("an image of another type than is said, or of one that is not read here, has no size (FIL-21)", () => {
  for (const [mediaType, data] of RIGHT)
    for (const said of [
      "image/png",
      "image/jpeg",
      "image/gif",
      "image/webp",
      "image/avif",
      "image/svg+xml",
      "toString",
    ])
      if (said !== mediaType) assert.equal(imageSize(data, said), null, `${mediaType} as ${said}`);
});

test("an image that is cut anywhere has no size (FIL-21)", () => {
  for (const [mediaType, data] of RIGHT) {
    const end = mediaType === "image/jpeg" ? of.jpeg(300, 200).length : data.length;
    for (let sizeB = 0; sizeB < end; sizeB += 1)
      assert.equal(imageSize(data.subarray(0, sizeB), mediaType), null, `${mediaType} ${sizeB}`);
  }
});

const { PNG_BEGINS, header, IDAT, IEND, START, SCAN, END } = of;
/** A frame of 20 000 a side, which a decoder that reads more of a block than it says finds. */
const HIDDEN = concat(Uint8Array.of(0), of.picture(20_000, 20_000).subarray(8));
const hiding = (...begins: readonly Uint8Array[]) => concat(of.screen(9, 9), ...begins, of.picture(9, 9), of.TRAILER);
const loopHiding = (name: string) =>
  hiding(of.extension(0xff, of.latin1(name), Uint8Array.of(2), concat(Uint8Array.of(0), HIDDEN)));
const HOSTILE: Readonly<Record<string, readonly [mediaType: string, data: Uint8Array]>> = {
  "two headers of a PNG": ["image/png", concat(PNG_BEGINS, header(9, 9), header(30_000, 30_000), IDAT, IEND)],
  "a header of a PNG that is not the first": ["image/png", concat(PNG_BEGINS, IDAT, header(9, 9), IEND)],
  "a header of a PNG that is longer": ["image/png", parts(of.png(9, 9), 8, [0, 0, 0, 14])],
  "a chunk of a PNG that goes beyond the end": ["image/png", parts(of.png(9, 9), 33, [255, 255, 255, 255])],
  "a PNG without pixels": ["image/png", concat(PNG_BEGINS, header(9, 9), IEND)],
  "a frame of a PNG beyond its canvas": [
    "image/png",
    concat(PNG_BEGINS, header(9, 9), of.control(9, 9, 1), IDAT, IEND),
  ],
  "two frames of a JPEG": ["image/jpeg", concat(START, of.frame(9, 9), of.frame(30_000, 30_000), SCAN, END)],
  "a second frame behind a scan": [
    "image/jpeg",
    concat(START, of.frame(9, 9), SCAN, of.frame(30_000, 9, 0xc2), SCAN, END),
  ],
  "a scan before the frame": ["image/jpeg", concat(START, SCAN, of.frame(9, 9), SCAN, END)],
  "a JPEG without a scan": ["image/jpeg", concat(START, of.frame(9, 9), END)],
  "a JPEG of frames of frames": ["image/jpeg", concat(START, of.frame(9, 9, 0xde), of.frame(9, 9), SCAN, END)],
  "a lossless JPEG": ["image/jpeg", concat(START, of.frame(9, 9, 0xc3), SCAN, END)],
  "a number of lines that stands behind the scan": [
    "image/jpeg",
    concat(START, of.frame(9, 0), SCAN, of.segment(0xdc, Uint8Array.of(0x75, 0x30)), END),
  ],
  "a segment without room for its length": [
    "image/jpeg",
    concat(START, Uint8Array.of(0xff, 0xe0, 0, 1), of.frame(9, 9), SCAN, END),
  ],
  "something between two segments": ["image/jpeg", concat(START, Uint8Array.of(0), of.frame(9, 9), SCAN, END)],
  "more scans than an image needs": [
    "image/jpeg",
    concat(START, of.frame(9, 9), ...Array.from({ length: 101 }, () => SCAN), END),
  ],
  "a frame of a GIF beyond its screen": ["image/gif", concat(of.screen(9, 9), of.picture(30_000, 30_000), of.TRAILER)],
  "a second frame of a GIF beyond its screen": [
    "image/gif",
    concat(of.screen(9, 9), of.picture(9, 9), of.picture(9, 9, 1), of.TRAILER),
  ],
  "a GIF without a frame": ["image/gif", concat(of.screen(9, 9), of.TRAILER)],
  "a part of a GIF that is not known": [
    "image/gif",
    concat(of.screen(9, 9), Uint8Array.of(0), of.picture(9, 9), of.TRAILER),
  ],
  "a control extension of a GIF with a block of 1 byte": [
    "image/gif",
    hiding(of.extension(0xf9, Uint8Array.of(0), concat(Uint8Array.of(0, 0), HIDDEN))),
  ],
  "a control extension of a GIF with two blocks": [
    "image/gif",
    hiding(of.extension(0xf9, new Uint8Array(4), new Uint8Array(4))),
  ],
  "a control extension of a GIF without a block": ["image/gif", hiding(of.extension(0xf9))],
  "a control extension of a GIF that is longer": ["image/gif", hiding(of.extension(0xf9, new Uint8Array(5)))],
  "a loop of a GIF in a block of 1 byte": ["image/gif", loopHiding("NETSCAPE2.0")],
  "a loop of a GIF under its other name": ["image/gif", loopHiding("ANIMEXTS1.0")],
  "an application of a GIF with a shorter name": ["image/gif", hiding(of.extension(0xff, of.latin1("NETSCAPE2")))],
  "a canvas of a WebP that is smaller than its pixels": [
    "image/webp",
    of.riff(of.extended(9, 9), of.lossy(16_383, 16_383)),
  ],
  "two streams of a WebP": ["image/webp", of.riff(of.lossy(9, 9), of.lossless(16_384, 16_384))],
  "two canvases of a WebP": ["image/webp", of.riff(of.extended(9, 9), of.extended(9_000, 9_000), of.lossy(9, 9))],
  "a frame of a WebP beyond its canvas": [
    "image/webp",
    of.riff(of.extended(9, 9, ANIMATED), of.moving(9, 9, of.lossy(9, 9), 2)),
  ],
  "a frame of a WebP that is smaller than its pixels": [
    "image/webp",
    of.riff(of.extended(9, 9, ANIMATED), of.moving(9, 9, of.lossy(16_383, 16_383))),
  ],
  "a WebP that moves without a frame": ["image/webp", of.riff(of.extended(9, 9, ANIMATED), of.lossy(9, 9))],
  "a WebP with a frame that does not move": [
    "image/webp",
    of.riff(of.extended(9, 9), of.moving(9, 9, of.lossy(9, 9)), of.lossy(9, 9)),
  ],
  "a WebP that is longer than its file": ["image/webp", parts(of.riff(of.lossy(9, 9)), 4, [255, 0, 0, 0])],
  "a chunk of a WebP that goes beyond the end": ["image/webp", parts(of.riff(of.lossy(9, 9)), 16, [255, 0, 0, 0])],
  "a WebP without a key frame": ["image/webp", parts(of.riff(of.lossy(9, 9)), 20, [0x11])],
  "empty chunks without an end": [
    "image/webp",
    of.riff(
      of.extended(9, 9),
      of.lossy(9, 9),
      ...Array.from({ length: 2_000 }, () => of.piece("none", new Uint8Array(0))),
    ),
  ],
};

test("an image that says two sizes, or is built otherwise than its container, has none (FIL-21)", () => {
  for (const [what, [mediaType, data]] of Object.entries(HOSTILE)) assert.equal(imageSize(data, mediaType), null, what);
});

test("an image of nothing but empty parts is given up before it takes seconds (FIL-21)", () => {
  const empty = new Uint8Array(3_000_000).map((_, at) => (at % 3 === 0 ? 0x21 : 0));
  assert.equal(imageSize(concat(of.screen(9, 9), of.picture(9, 9), empty, of.TRAILER), "image/gif"), null);
});
