/** Sealed parts of files beside the rows: in the memory of the page, or in a table of their own (STO-40). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import type { SealedParts } from "../engine/ports.ts";
import { done, PARTS, result, storeError } from "./database.ts";

/** Parts of mode `session`. */
export function memoryParts(): SealedParts {
  const files = new Map<string, Bytes[]>();
  return {
    write: async (name, first, parts) => {
      const file = files.get(name) ?? [];
      for (const [i, part] of parts.entries()) file[first + i] = part;
      files.set(name, file);
    },
    read: async (name, first, count) => (files.get(name) ?? []).slice(first, first + count),
    count: async (name) => files.get(name)?.length ?? 0,
    remove: async (name) => void files.delete(name),
    names: async () => [...files.keys()],
  };
}

/** Parts in a database, by the name of their file and their place; each write is one transaction. */
export function indexedParts(db: IDBDatabase): SealedParts {
  /** The keys of a file from one place to another. */
  const places = (name: string, first: number, last: number): IDBKeyRange =>
    IDBKeyRange.bound([name, first], [name, last]);
  const all = (name: string): IDBKeyRange => places(name, 0, Number.MAX_SAFE_INTEGER);
  async function read<T>(ask: (table: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    return await result(ask(began(db, "readonly").objectStore(PARTS)));
  }
  async function write(work: (table: IDBObjectStore) => void): Promise<void> {
    const transaction = began(db, "readwrite");
    work(transaction.objectStore(PARTS));
    await done(transaction);
  }
  return {
    write: (name, first, parts) =>
      write((table) => {
        for (const [i, part] of parts.entries()) table.put(part, [name, first + i]);
      }),
    read: (name, first, count) => read((table) => table.getAll(places(name, first, first + count - 1))),
    count: (name) => read((table) => table.count(all(name))),
    remove: (name) => write((table) => void table.delete(all(name))),
    names: async () => {
      const keys = await read((table) => table.getAllKeys());
      return [...new Set((keys as [string, number][]).map(([name]) => name))];
    },
  };
}

/** Not flushed: whoever goes on with a file looks whether it is whole. */
function began(db: IDBDatabase, mode: IDBTransactionMode): IDBTransaction {
  try {
    return db.transaction(PARTS, mode, { durability: "relaxed" });
  } catch (error) {
    throw storeError(error);
  }
}
