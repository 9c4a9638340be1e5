/** Files on their way from the desk's page. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Desk } from "../src/desk.ts";
import type { EntryRow, ToPage } from "../src/messages.ts";
import { roomUploads, type Uploads } from "../src/uploads.ts";

const MOVED = { type: "moved", room: "r", file: "f", name: "a.txt", doneB: 1, sizeB: 2 } as unknown as ToPage;
const LOST = { type: "fileLost", room: "r", file: "f", code: "file.type" } as unknown as ToPage;
const ENTRY = { id: "e", kind: "file", author: { isThis: true }, file: { name: "a.txt" } } as unknown as EntryRow;

function answered(meanwhile: (uploads: Uploads) => void, answer: object): Uploads {
  const desk = { ask: async () => ({ type: "upload", path: "/upload/x" }), nowMs: () => 0 } as unknown as Desk;
  const uploads = roomUploads(desk, "r", () => {});
  Object.assign(globalThis, { location: { port: "1" } });
  globalThis.fetch = async () => {
    meanwhile(uploads);
    return Response.json(answer);
  };
  return uploads;
}

/** Send a file; `meanwhile` happens before the process answers to its bytes. */
async function sent(meanwhile: (uploads: Uploads) => void): Promise<Uploads> {
  const uploads = answered(meanwhile, { file: "f" });
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

for (const isTold of [true, false]) {
  test(`a file that is refused while it is sealed stands nowhere, told ${isTold ? "before" : "after"}`, async () => {
    const tell = (one: Uploads) => [MOVED, LOST].map((message) => one.take(message));
    const uploads = answered((one) => isTold && tell(one), { code: "file.type" });
    await assert.rejects(uploads.send(new File(["ab"], "a.txt"), false), { code: "file.type" });
    if (!isTold) tell(uploads);
    assert.equal(uploads.items("me").length, 0);
  });
}

test("a file that fails on its way to the relay stands as failed, and can be sent again", async () => {
  const uploads = await sent((one) => one.take(MOVED));
  uploads.take(LOST);
  const [item] = uploads.items("me");
  assert.equal(item?.kind === "message" && item.file?.failure, "file.type");
  await uploads.retry("f");
  assert.equal(uploads.items("me").length, 1);
});
