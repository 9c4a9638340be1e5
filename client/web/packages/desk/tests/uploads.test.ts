/** Files on their way from the desk's page. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Desk } from "../src/desk.ts";
import type { EntryRow, ToPage } from "../src/messages.ts";
import { roomUploads, type Uploads } from "../src/uploads.ts";

const moved = (file: string, doneB = 1) =>
  ({ type: "moved", room: "r", file, name: "a.txt", doneB, sizeB: 2 }) as unknown as ToPage;
const lost = (file: string) => ({ type: "fileLost", room: "r", file, code: "file.type" }) as unknown as ToPage;
const entry = (upload: string | null, writtenMs = 0) =>
  ({
    ...{ id: `e${upload}`, kind: "file", author: { isThis: true }, writtenMs },
    file: { name: "a.txt", upload },
  }) as unknown as EntryRow;

/** Files are `f0`, `f1` and so on, at a time of 10; `meanwhile` happens before the process answers to the bytes. */
function answered(meanwhile: (uploads: Uploads) => void, answer: object): Uploads {
  let count = 0;
  const ask = async () => ({ type: "upload", file: `f${count++}`, path: "/upload/x" });
  const uploads = roomUploads({ ask, nowMs: () => 10 } as unknown as Desk, "r", () => {});
  Object.assign(globalThis, { location: { port: "1" } });
  globalThis.fetch = async () => {
    meanwhile(uploads);
    return Response.json(answer);
  };
  return uploads;
}

/** Send a file; `meanwhile` happens before the process answers to its bytes. */
async function sent(meanwhile: (uploads: Uploads) => void = () => {}): Promise<Uploads> {
  const uploads = answered(meanwhile, { file: "f0" });
  await uploads.send(new File(["ab"], "a.txt"), false);
  return uploads;
}

/** How far each file is that is on its way, and whether it can be tried again where it failed. */
function seen(uploads: Uploads): readonly unknown[] {
  return uploads
    .items("me")
    .map((item) => item.kind === "message" && [item.id, item.file?.movedB, item.file?.failure, item.file?.canRetry]);
}

test("a file is on its way until its entry is here", async () => {
  const uploads = await sent((one) => one.take(moved("f0")));
  assert.equal(uploads.items("me").length, 1);
  uploads.arrived([entry("f0")]);
  assert.equal(uploads.items("me").length, 0);
});

test("a file whose entry is here before the answer to its bytes is on its way no more", async () => {
  const uploads = await sent((one) => {
    one.take(moved("f0"));
    one.arrived([entry("f0")]);
  });
  assert.equal(uploads.items("me").length, 0);
});

test("of two files of one name each has its own progress, end and failure", async () => {
  const uploads = await sent();
  await uploads.send(new File(["ab"], "a.txt"), false);
  uploads.take(moved("f1"));
  assert.deepEqual(seen(uploads), [
    ["f0", 0, null, true],
    ["f1", 1, null, true],
  ]);
  uploads.arrived([entry("f1")]);
  assert.deepEqual(seen(uploads), [["f0", 0, null, true]]);
  uploads.take(lost("f0"));
  assert.deepEqual(seen(uploads), [["f0", 0, "file.type", true]]);
  await uploads.retry("f0");
  assert.deepEqual(seen(uploads), [["f2", 0, null, true]]);
});

test("an entry whose file the process does not know any more ends none that was begun after it", async () => {
  const uploads = await sent();
  uploads.arrived([entry(null, 9)]);
  assert.equal(uploads.items("me").length, 1);
  uploads.arrived([{ ...entry(null, 10), id: "later" }]);
  assert.equal(uploads.items("me").length, 0);
});

for (const isTold of [true, false]) {
  test(`a file that is refused while it is sealed stands nowhere, told ${isTold ? "before" : "after"}`, async () => {
    const tell = (one: Uploads) => {
      for (const message of [moved("f0"), lost("f0")]) one.take(message);
      assert.equal(one.items("me").length, 0);
    };
    const uploads = answered((one) => isTold && tell(one), { code: "file.type" });
    await assert.rejects(uploads.send(new File(["ab"], "a.txt"), false), { code: "file.type" });
    tell(uploads);
  });
}

test("a file that fails on its way to the relay stands as failed, and can be sent again", async () => {
  for (const isEarly of [true, false]) {
    const uploads = await sent((one) => isEarly && one.take(lost("f0")));
    if (!isEarly) uploads.take(lost("f0"));
    assert.deepEqual(seen(uploads), [["f0", 0, "file.type", true]]);
    await uploads.retry("f0");
    assert.equal(uploads.items("me").length, 1);
  }
});

test("a file that another page has begun cannot be sent again from here", async () => {
  const uploads = answered(() => {}, {});
  uploads.take(moved("other"));
  uploads.take(lost("other"));
  assert.deepEqual(seen(uploads), [["other", 1, "file.type", false]]);
  await uploads.retry("other");
  assert.deepEqual(seen(uploads), [["other", 1, "file.type", false]]);
});
