import assert from "node:assert/strict";
import { test } from "node:test";
import { hex } from "@sealroom/core/bytes.ts";
import { sealFile } from "@sealroom/core/files.ts";
import { Secret } from "@sealroom/core/secret.ts";
import { cborMap } from "@sealroom/core/wire/cbor.ts";
import type { CustomerEvent } from "../src/engine/events.ts";
import { StoreError } from "../src/engine/ports.ts";
import { stepIn } from "../src/engine/rooms/rooms.ts";
import { write } from "../src/engine/rooms/writing.ts";
import { codeOf } from "../src/errors.ts";
import { FileLoader } from "../src/file_loader.ts";
import { BlobRefused, FileError } from "../src/files/file_error.ts";
import { startFiles } from "../src/files/file_service.ts";
import type { FilesHost } from "../src/files/host.ts";
import { patiently } from "../src/files/patience.ts";
import { FileRows } from "../src/files/rows.ts";
import { isWhole, openParts, sealBlob } from "../src/files/sealing.ts";
import { memoryParts } from "../src/store/parts.ts";
import { person } from "./life.ts";
import { MemoryPlace } from "./memory_store.ts";
import { NOW_MS } from "./shop.ts";

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

/** A person's files, whose steps find no room while `isFull`; `wakes` are the times that are waited for. */
async function fullAtWill(more: Partial<FilesHost> = {}) {
  const { ports, shell, roomId } = await person(new MemoryPlace());
  const state = { isFull: true, wakes: [] as number[], waiting: [] as (() => void)[] };
  const wake = (atMs: number, then: () => void) => {
    state.wakes.push(atMs);
    state.waiting.push(then);
    return () => {};
  };
  const step: FilesHost["step"] = async (work) => {
    if (state.isFull) throw new StoreError("store.full", "the disk is full");
    return await shell.do(work);
  };
  const told = { ports: { ...ports, clock: { ...ports.clock, wake } }, wakes: new Set<() => void>(), tell: () => {} };
  const reading = { parts, context: () => shell.context, rows: async () => [] };
  return { state, shell, roomId, files: { ...told, ...reading, step, ...more } as unknown as FilesHost };
}

test("an upload that meets a full disk says so, and goes on when it is tried again (STO-41)", async () => {
  const { state, roomId, files } = await fullAtWill();
  state.isFull = false;
  const service = await startFiles(files);
  const id = await service.send(hex(roomId), new Blob([content]), "a.txt", { removeMetadata: false });
  const view = () => service.uploads(hex(roomId)).map(({ state: how, code }) => [how, code]);
  const announced = service.announced(id);
  while (state.waiting.length === 0) await new Promise((done) => setImmediate(done));
  state.isFull = true;
  for (const wake of [...state.waiting]) wake();
  await assert.rejects(announced, { code: "store.full" });
  assert.deepEqual(view(), [["failed", "store.full"]]);
  await assert.rejects(service.retry(id), { code: "store.full" });
  assert.deepEqual(view(), [["failed", "store.full"]]);
  state.isFull = false;
  await service.retry(id);
  assert.deepEqual(view(), [["moving", null]]);
});

test("what the end of a file finds no room to be said is no reason not to look again (STO-41, FIL-15)", async () => {
  const own = { record: { deviceId: new Uint8Array(16).fill(9) } };
  const { state, shell, roomId, files } = await fullAtWill();
  const endsMs = NOW_MS + 86_400_000;
  const said = [new Uint8Array(32), key.expose(), 65_536, new Uint8Array(32), 9, "a.txt", "text/plain", endsMs];
  const payload = cborMap([...said, new Uint8Array(16)].map((value, i) => [i + 1, value]));
  await shell.do((c, turn) => stepIn(c, turn, roomId, (d) => write(d, 7, payload)));
  const context = () => ({ ...shell.context, own });
  await startFiles({ ...files, context } as unknown as FilesHost);
  assert.deepEqual(state.wakes, [endsMs]);
});

test("files begin on a device without room, and say later what they could not write down then (STO-41)", async () => {
  const place = new MemoryPlace();
  const { ports, shell, roomId } = await person(place);
  const store = await place.open();
  assert.ok(store !== null);
  const around = { ports, parts: memoryParts(), wakes: new Set<() => void>(), tell: () => {} };
  const files = {
    ...around,
    context: () => shell.context,
    rows: (kind: "file_out" | "file_in") => store.rows(kind),
    step: (work: Parameters<FilesHost["step"]>[0]) => shell.do(work),
  } as unknown as FilesHost;
  const [id, entry] = [new Uint8Array(16).fill(1), new Uint8Array(32).fill(2)];
  const file = { id, room: roomId, name: "a.txt", mediaType: "text/plain", ...sealed, key, blob: id, secret: entry };
  const over = { payer: null, entry: null, recipients: [], heldBy: [], isOver: false, failure: "", seq: 1 };
  await new FileRows(files).change((put) => {
    put.out({ ...file, ...over, createdMs: 1, expiresMs: 0 });
    put.in({ entry, room: roomId, parts: "none", isHeld: true, isRight: true, told: 0, heldBy: [] });
  });
  const begun = async () => (await startFiles(files)).uploads(hex(roomId)).map((one) => one.code);
  place.isFull = () => true;
  assert.deepEqual(await begun(), ["local.file_unusable"]);
  place.isFull = () => false;
  assert.deepEqual(await begun(), ["local.file_unusable"]);
  await new FileRows(files).change((put) =>
    put.in({ ...file, entry, parts: "", isHeld: true, isRight: true, told: 0, heldBy: [] }),
  );
  place.isFull = () => {
    throw new StoreError("store.unavailable", "the browser has closed the database");
  };
  await assert.rejects(begun(), { code: "store.unavailable" });
});

test("a pause of a file ends when the relay is back (FIL-12)", async () => {
  let tells: (event: CustomerEvent) => void = () => {};
  const shell = {
    listen: (listener: typeof tells) => {
      tells = listener;
      return () => {};
    },
    tell: () => {},
  };
  const service = { startFiles: async ({ wakes }: FilesHost) => ({ wakes, heard: () => {} }) };
  const ports = { files: { service: async () => service } };
  const loader = new FileLoader(shell as never, ports as never, { parts } as never);
  const { wakes } = (await loader.load()) as unknown as FilesHost;
  let woken = 0;
  wakes.add(() => {
    woken += 1;
  });
  tells({ type: "connection", state: "offline", code: "relay.unavailable" });
  assert.equal(woken, 0);
  tells({ type: "connection", state: "online", code: "" });
  assert.equal(woken, 1);
});

test("only the pause of a relay that was away ends so: one that refuses is not believed within seconds (FIL-12)", async () => {
  const failures = [
    { error: new FileError("relay.unavailable", "away"), waits: 1 },
    { error: new BlobRefused("denied", 0), waits: 0 },
    { error: new BlobRefused("rate_limited", 0), waits: 0 },
  ];
  for (const { error, waits } of failures) {
    const clock = { nowMs: () => 0, wake: () => () => {} };
    const host = { ports: { clock }, wakes: new Set<() => void>() } as unknown as FilesHost;
    const ended = new AbortController();
    const waiting = patiently(host, ended.signal, () => Promise.reject(error));
    await new Promise((done) => setImmediate(done));
    assert.equal(host.wakes.size, waits);
    ended.abort();
    await assert.rejects(waiting, { code: "file.cancelled" });
  }
});
