/** Files on their way from the desk's page. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Desk } from "../src/desk.ts";
import type { EntryRow, ToPage } from "../src/messages.ts";
import { roomUploads, type Uploads } from "../src/uploads.ts";

const MOVED = { type: "moved", room: "r", file: "f", name: "a.txt", doneB: 1, sizeB: 2 } as unknown as ToPage;
const ENTRY = { id: "e", kind: "file", author: { isThis: true }, file: { name: "a.txt" } } as unknown as EntryRow;

/** Send a file; `meanwhile` happens before the process answers to its bytes. */
async function sent(meanwhile: (uploads: Uploads) => void): Promise<Uploads> {
  const desk = { ask: async () => ({ type: "upload", path: "/upload/x" }), nowMs: () => 0 } as unknown as Desk;
  const uploads = roomUploads(desk, "r", () => {});
  Object.assign(globalThis, { location: { port: "1" } });
  globalThis.fetch = async () => {
    meanwhile(uploads);
    return Response.json({ file: "f" });
  };
  await uploads.send(new File(["ab"], "a.txt"), false);
  return uploads;
}

test("a file is on its way until its entry is here", async () => {
  const uploads = await sent((one) => one.take(MOVED));
  assert.equal(uploads.items("me").length, 1);
  uploads.arrived([ENTRY]);
  assert.equal(uploads.items("me").length, 0);
});

test("a file whose entry is here before the answer to its bytes is on its way no more", async () => {
  const uploads = await sent((one) => {
    one.take(MOVED);
    one.arrived([ENTRY]);
  });
  assert.equal(uploads.items("me").length, 0);
});
