import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { checkFile, checkFileName, fileContent } from "../src/file_types.ts";
import { keyOfChunk, openFile, sealFile } from "../src/files.ts";
import { Secret } from "../src/secret.ts";
import { bytes, codeOf, equal, load } from "./vectors.ts";

for (const one of load("files").cases) {
  test(`${one.name} sealed and opened (FIL-02 to FIL-05)`, () => {
    const options = { outputLength: one.size_b };
    const file =
      one.size_b === 0
        ? new Uint8Array()
        : new Uint8Array(createHash("shake256", options).update(`sealroom vectors / ${one.name}`).digest());
    const key = new Secret("file key", bytes(one.key));
    const sealed = sealFile(key, file);
    equal(sealed.hash, one.hash);
    const last = sealed.parts.length - 1;
    equal(keyOfChunk(key, 0, last === 0), one.first_chunk_key);
    equal(keyOfChunk(key, last, true), one.last_chunk_key);
    const all = Buffer.concat(sealed.parts);
    assert.equal(all.length, one.sealed_b);
    assert.equal(all.subarray(0, one.first_bytes.length / 2).toString("hex"), one.first_bytes);
    assert.equal(all.subarray(-one.last_bytes.length / 2).toString("hex"), one.last_bytes);
    assert.deepEqual(openFile(key, sealed, sealed.parts), file);
  });
}

for (const [i, one] of load("files").types.entries()) {
  const content = bytes(one.content);
  test(`type ${i}: ${one.name} is ${one.is_sent ? "" : "not "}sent as ${one.media_type} (FIL-09, FIL-10)`, () => {
    for (const step of [1, 7, content.length + 1]) {
      const seen = fileContent();
      for (let at = 0; at < content.length; at += step) seen.take(content.subarray(at, at + step));
      assert.equal(
        codeOf(() => checkFile(one.name, one.media_type, seen)),
        one.is_sent ? null : "file.type",
      );
    }
  });
}

test("a type is told by the whole content, however long (FIL-10)", () => {
  const letters = new TextEncoder().encode("Befund \u00fc\u20ac\n".repeat(20_000));
  const told = (...blocks: readonly Uint8Array[]) => {
    const seen = fileContent();
    for (const block of blocks) seen.take(block);
    return codeOf(() => checkFile("a.txt", "text/plain", seen));
  };
  assert.equal(told(letters), null);
  assert.equal(told(letters, Uint8Array.of(0)), "file.type");
  assert.equal(told(letters, Uint8Array.of(0xc3)), "file.type");
  assert.equal(told(new Uint8Array(70_000).fill(0x20), new TextEncoder().encode("<html>")), "file.type");
  assert.equal(told(), null);
});

test("an ending is of ASCII alone, and a type is one of the table (FIL-09)", () => {
  assert.equal(
    codeOf(() => checkFileName("a.m\u212av", "video/webm")),
    "file.type",
  );
  assert.equal(
    codeOf(() => checkFileName("a.toString", "toString")),
    "file.type",
  );
  assert.equal(
    codeOf(() => checkFileName("png", "image/png")),
    null,
  );
});
