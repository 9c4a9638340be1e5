import assert from "node:assert/strict";
import { test } from "node:test";
import { sealFile } from "@sealroom/core/files.ts";
import { Secret } from "@sealroom/core/secret.ts";
import { codeOf } from "../src/errors.ts";
import type { FilesHost } from "../src/files/host.ts";
import { isWhole, openParts, sealBlob } from "../src/files/sealing.ts";
import { memoryParts } from "../src/store/parts.ts";

const parts = memoryParts();
const host = { parts } as unknown as FilesHost;
const key = new Secret("file key", new Uint8Array(32).fill(7));
const content = new Uint8Array(3_000_000).map((_, i) => 0x61 + (i % 26));
const sealed = sealFile(key, content);

async function refusal(name: string, change: Partial<typeof sealed> = {}): Promise<string | null> {
  try {
    await openParts(host, name, { key, announced: { ...sealed, ...change } });
    return null;
  } catch (error) {
    return codeOf(error);
  }
}

test("a file is sealed in batches as it is in one piece, and opened when all of it is right (FIL-03, FIL-05, FIL-06)", async () => {
  const blob = new Blob([content]);
  const { announced, mediaType } = await sealBlob(host, { key, parts: "a", name: "a.txt" }, blob, false);
  assert.deepEqual([announced.hash, mediaType], [sealed.hash, "text/plain"]);
  assert.equal(await parts.count("a"), sealed.parts.length);
  const opened = await openParts(host, "a", { key, announced });
  assert.deepEqual(new Uint8Array(await opened.blob.arrayBuffer()), content);
  assert.equal(opened.content.mediaType(), "text/plain");
});

test("another hash, a part that is missing or in another place, and sizes of another file are refused (FIL-05)", async () => {
  await parts.write("b", 0, sealed.parts);
  assert.equal(await refusal("b"), null);
  assert.equal(await refusal("b", { hash: new Uint8Array(32) }), "file.corrupt");
  assert.equal(await refusal("b", { sizeB: content.length - 1 }), "file.corrupt");
  assert.equal(await refusal("b", { paddedB: sealed.paddedB + 65_536 }), "file.corrupt");
  assert.equal(await isWhole(host, "b", sealed), true);
  const [first, second] = sealed.parts as [(typeof sealed.parts)[0], (typeof sealed.parts)[0]];
  await parts.write("b", 0, [second, first]);
  assert.deepEqual([await refusal("b"), await isWhole(host, "b", sealed)], ["file.corrupt", false]);
  await parts.write("c", 0, sealed.parts.slice(0, -1));
  assert.deepEqual([await refusal("c"), await isWhole(host, "c", sealed)], ["file.corrupt", false]);
});
