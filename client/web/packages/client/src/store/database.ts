/** One IndexedDB database for each store: opening, creating and deleting it, and what its errors mean (STO-32). */

import type { StoreCode } from "../engine/ports.ts";
import { StoreError } from "../engine/ports.ts";

/** The number of the newest schema (STO-18). */
export const SCHEMA = 2;
/** Rows by their ids, in the order of a table by `tag` and `seq`. */
export const ROWS = "rows";
/** The keys and the state of the store. */
export const HEAD = "head";
export const BY_TABLE = "by-table";
/** Sealed parts of files, by file and place. */
export const PARTS = "parts";

/** Some browsers never answer (STO-62). */
const OPEN_MS = 20_000;

/** What leads to schema n + 1 is at place n. */
const MIGRATIONS: readonly ((db: IDBDatabase) => void)[] = [
  (db) => {
    db.createObjectStore(ROWS, { keyPath: "id" }).createIndex(BY_TABLE, ["tag", "seq"], { unique: true });
    db.createObjectStore(HEAD);
  },
  (db) => void db.createObjectStore(PARTS),
];

/** The result of a request. */
export function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = (): void => resolve(request.result);
    request.onerror = (): void => reject(storeError(request.error));
  });
}

/** Wait until a transaction is on disk. */
export function done(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = (): void => resolve();
    transaction.onabort = (): void => reject(storeError(transaction.error));
  });
}

/** What a database's error means for a person; it quotes nothing (STO-21). */
export function storeError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const name = error instanceof DOMException ? error.name : "";
  if (name === "QuotaExceededError") return new StoreError("store.full", "there is no room; nothing changed");
  if (name === "VersionError") return new StoreError("store.too_new", "a newer version of this page made the store");
  return new StoreError("store.unavailable", name === "" ? "the browser offers no database" : `the database: ${name}`);
}

/** What of the browser a database needs; taken from the page where nothing else is given. */
export function factory(): IDBFactory {
  try {
    // A frame without an origin of its own is refused already here.
    if (globalThis.indexedDB) return globalThis.indexedDB;
  } catch (error) {
    throw storeError(error);
  }
  throw storeError(null);
}

/**
 * The database of a name, brought to the newest schema, or null where there is none: then none is made.
 * `fill` makes one where there is none, in the transaction that makes its tables.
 *
 * @throws StoreError `store.too_new`, `store.locked` where another page keeps an older schema open, `store.exists`,
 *   `store.closed` where the browser does not answer: nothing is made in what it opens later
 */
export async function openDatabase(
  name: string,
  fill: ((transaction: IDBTransaction) => void) | null,
): Promise<IDBDatabase | null> {
  const opening = request(() => factory().open(name, SCHEMA));
  let isNew = false;
  const found = await new Promise<IDBDatabase | null>((resolve, reject) => {
    setTimeout(() => {
      fill = null;
      reject(fault("store.closed", "the browser does not open it"));
    }, OPEN_MS);
    opening.onupgradeneeded = (event): void => {
      const transaction = opening.transaction as IDBTransaction;
      isNew = event.oldVersion === 0;
      if (isNew && fill === null) {
        transaction.abort();
        return;
      }
      try {
        for (const step of MIGRATIONS.slice(event.oldVersion)) step(opening.result);
        if (isNew) fill?.(transaction);
      } catch (error) {
        // A private window may refuse to keep a key.
        reject(storeError(error));
        transaction.abort();
      }
    };
    opening.onblocked = (): void => reject(fault("store.locked", "another page keeps an older store open"));
    opening.onsuccess = (): void => resolve(opening.result);
    opening.onerror = (event): void => {
      // Firefox calls an error that nobody prevents a fault of the page.
      event.preventDefault();
      if (isNew && fill === null) resolve(null);
      else reject(storeError(opening.error));
    };
  });
  if (found !== null && fill !== null && !isNew) {
    found.close();
    throw fault("store.exists", "there is a store already");
  }
  return found;
}

/** Erase all rows and keys of a database, of whatever schema, then the database itself (STO-37). */
export async function eraseDatabase(name: string): Promise<void> {
  const db = await openAny(name);
  if (db === null) return;
  try {
    const tables = [...db.objectStoreNames];
    if (tables.length > 0) {
      const transaction = db.transaction(tables, "readwrite", { durability: "strict" });
      for (const table of tables) transaction.objectStore(table).clear();
      await done(transaction);
    }
  } finally {
    db.close();
  }
  const deleting = request(() => factory().deleteDatabase(name));
  await new Promise<void>((resolve, reject) => {
    deleting.onsuccess = (): void => resolve();
    // Another page holds it for a moment yet; it is empty, and goes as soon as that page lets go.
    deleting.onblocked = (): void => resolve();
    deleting.onerror = (): void => reject(storeError(deleting.error));
  });
}

function openAny(name: string): Promise<IDBDatabase | null> {
  const opening = request(() => factory().open(name));
  let isNew = false;
  return new Promise((resolve, reject) => {
    opening.onupgradeneeded = (): void => {
      isNew = true;
      opening.transaction?.abort();
    };
    opening.onsuccess = (): void => resolve(opening.result);
    opening.onerror = (event): void => {
      event.preventDefault();
      if (isNew) resolve(null);
      else reject(storeError(opening.error));
    };
  });
}

function request(ask: () => IDBOpenDBRequest): IDBOpenDBRequest {
  try {
    return ask();
  } catch (error) {
    throw storeError(error);
  }
}

function fault(code: StoreCode, message: string): StoreError {
  return new StoreError(code, message);
}
