/** A page that opens one store, for the tests that drive it; and one that meddles with its database. */

import type { Bytes } from "@sealroom/core/bytes.ts";
import type { Change, Kind, Store, StoreCode } from "../../src/engine/ports.ts";
import { StoreError } from "../../src/engine/ports.ts";
import { HEAD, ROWS } from "../../src/store/database.ts";
import type { KeptStore } from "../../src/store/indexed.ts";
import { slotOf } from "../../src/store/indexed.ts";
import type { Mode } from "../../src/store/place.ts";
import { browserPlace } from "../../src/store/place.ts";

const utf8 = new TextEncoder();
const NAME = "sealroom-test";
let store: Store | null = null;
let nowMs = 1_000_000;
const ended: StoreCode[] = [];

const place = (mode: Mode): ReturnType<typeof browserPlace> =>
  browserPlace({
    mode,
    name: NAME,
    ttlMs: 60_000,
    rng: (sizeB) => crypto.getRandomValues(new Uint8Array(sizeB)),
    nowMs: () => nowMs,
    ended: (code) => ended.push(code),
  });

/** The result of a step, or the code with which it was refused. */
async function told<T>(step: () => Promise<T>): Promise<T | StoreCode> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof StoreError) return error.code;
    throw error;
  }
}

function opened(): Store {
  if (store === null) throw new StoreError("store.missing", "no store was opened");
  return store;
}

const changed = (kind: Kind, key: string, text: string | null): Change => ({
  kind,
  key: utf8.encode(key),
  value: text === null ? null : utf8.encode(text),
});

async function commit(changes: readonly Change[]): Promise<number> {
  return await opened().commit(changes, await opened().version());
}

async function open(mode: Mode = "device"): Promise<boolean> {
  store = await place(mode).open();
  return store !== null;
}

async function create(mode: Mode = "device"): Promise<void> {
  store = await place(mode).create();
}

async function texts(kind: Kind): Promise<readonly (readonly [string, string])[]> {
  const text = (data: Bytes): string => new TextDecoder().decode(data);
  return (await opened().rows(kind)).map((row) => [text(row.key), text(row.value)] as const);
}

async function text(kind: Kind, key: string): Promise<string | null> {
  const value = await opened().get(kind, utf8.encode(key));
  return value === null ? null : new TextDecoder().decode(value);
}

// --- what a hand in the database does ---

function raw(version?: number): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(NAME, version);
    opening.onsuccess = (): void => resolve(opening.result);
    opening.onerror = (): void => reject(opening.error);
  });
}

/** Do something to each row of the database, in one transaction; what it gives is put in its place. */
async function meddle(change: (rows: Record<string, unknown>[]) => readonly unknown[]): Promise<void> {
  const db = await raw();
  const transaction = db.transaction([ROWS], "readwrite");
  const table = transaction.objectStore(ROWS);
  const all = table.getAll();
  all.onsuccess = (): void => {
    table.clear();
    for (const row of change(all.result)) table.put(row);
  };
  await new Promise((resolve) => {
    transaction.oncomplete = resolve;
  });
  db.close();
}

const MEDDLING = {
  "a byte changed": (rows: Record<string, unknown>[]) =>
    rows.map((row) => {
      const slot = slotOf(row);
      slot.box[40] = (slot.box[40] ?? 0) ^ 1;
      return slot;
    }),
  "a row removed": (rows: Record<string, unknown>[]) => rows.slice(1),
  "two rows exchanged": (rows: Record<string, unknown>[]) => {
    const [a, b] = [slotOf(rows[0]), slotOf(rows[1])];
    return [{ ...a, box: b.box }, { ...b, box: a.box }, ...rows.slice(2)];
  },
  "another number": (rows: Record<string, unknown>[]) => rows.map((row) => ({ ...row, seq: slotOf(row).seq + 100 })),
  "no row at all": () => [],
};

async function all(table: string): Promise<unknown[]> {
  const db = await raw();
  const found = db.transaction(table).objectStore(table).getAll();
  await new Promise((resolve) => {
    found.onsuccess = resolve;
  });
  db.close();
  return found.result;
}

/** Everything that stands in the database, byte for byte as text. */
async function dump(): Promise<string> {
  const plain = (value: unknown): unknown =>
    value instanceof Uint8Array ? String.fromCharCode(...value) : value instanceof CryptoKey ? "CryptoKey" : value;
  const found = [...(await all(ROWS)), ...(await all(HEAD))];
  return JSON.stringify(found, (_, value) => plain(value));
}

/** Whether somebody with the page's rights can take the keys out. */
async function exported(): Promise<number> {
  const [keys] = (await all(HEAD)) as [{ seal: CryptoKey; mac: CryptoKey }];
  const both = [keys.seal, keys.mac];
  const found = await Promise.allSettled(both.map((key) => crypto.subtle.exportKey("raw", key)));
  return found.filter((one) => one.status === "fulfilled").length;
}

let kept: IDBDatabase | null = null;

/** How many rows and keys a connection sees that gives way to nobody; it is made by the first call. */
async function seenByHolder(): Promise<number> {
  kept ??= await raw();
  const transaction = kept.transaction([ROWS, HEAD]);
  const counts = [ROWS, HEAD].map((table) => transaction.objectStore(table).count());
  await new Promise((resolve) => {
    transaction.oncomplete = resolve;
  });
  return counts.reduce((sum, count) => sum + count.result, 0);
}

let copy: { rows: unknown[]; state: unknown } | null = null;

async function takeCopy(): Promise<void> {
  const [, state] = await all(HEAD);
  copy = { rows: await all(ROWS), state };
}

async function putBack(): Promise<void> {
  const db = await raw();
  const transaction = db.transaction([ROWS, HEAD], "readwrite");
  transaction.objectStore(ROWS).clear();
  for (const row of copy?.rows ?? []) transaction.objectStore(ROWS).put(row);
  transaction.objectStore(HEAD).put(copy?.state, "state");
  await new Promise((resolve) => {
    transaction.oncomplete = resolve;
  });
  db.close();
}

Object.assign(globalThis, {
  page: {
    open: (mode?: Mode) => told(() => open(mode)),
    create: (mode?: Mode) => told(() => create(mode)),
    put: (kind: Kind, ...pairs: [string, string | null][]) =>
      told(() => commit(pairs.map(([key, value]) => changed(kind, key, value)))),
    putAt: (version: number, kind: Kind, key: string, value: string) =>
      told(() => opened().commit([changed(kind, key, value)], version)),
    putLarge: (sizeB: number) =>
      told(() => commit([{ kind: "room", key: new Uint8Array(1), value: new Uint8Array(sizeB) }])),
    texts: (kind: Kind) => told(() => texts(kind)),
    text: (kind: Kind, key: string) => told(() => text(kind, key)),
    version: () => told(() => opened().version()),
    isContinuous: () => opened().isContinuous,
    untilMs: () => (opened() as KeptStore).untilMs(),
    close: () => told(() => opened().close()),
    destroy: () => told(() => opened().destroy()),
    forget: () => told(() => place("device").forget()),
    setNow: (ms: number) => {
      nowMs = ms;
    },
    meddle: (how: keyof typeof MEDDLING) => meddle(MEDDLING[how]),
    upgrade: async (version: number) => (await raw(version)).close(),
    databases: async () => (await indexedDB.databases()).map((one) => one.name),
    ended: () => ended.splice(0),
    seenByHolder,
    letGo: () => kept?.close(),
    dump,
    exported,
    takeCopy,
    putBack,
  },
});
