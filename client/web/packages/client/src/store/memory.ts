/** A store of mode `session`: in the memory of this page, and gone with it. */

import type { Bytes } from "@sealroom/core/bytes.ts";
import type { Change, Kind, Row, Store, StorePlace } from "../engine/ports.ts";
import { StoreError } from "../engine/ports.ts";
import { checked, checkKind, nameOf } from "./changes.ts";
import { memoryParts } from "./parts.ts";

/** Nothing is stored: a page finds what it has made itself, until it is destroyed. */
export function memoryPlace(): StorePlace {
  let store: Store | null = null;
  const forget = async (): Promise<void> => {
    await store?.destroy();
    store = null;
  };
  return {
    open: async () => store,
    create: async () => {
      if (store !== null) throw new StoreError("store.exists", "there is a store already");
      store = memoryStore(() => {
        store = null;
      });
      return store;
    },
    forget,
  };
}

function memoryStore(destroyed: () => void): Store {
  const rows = new Map<string, Row>();
  let commits = 0;
  let isClosed = false;
  function use<T>(step: () => T): Promise<T> {
    if (isClosed) return Promise.reject(new StoreError("store.closed", "the store is closed"));
    return new Promise((resolve) => resolve(step()));
  }
  function commit(changes: readonly Change[], version: number): number {
    const wanted = checked(changes);
    if (version !== commits) throw new StoreError("store.conflict", "somebody else has written");
    for (const { kind, key, value } of wanted) {
      if (value === null) rows.delete(nameOf(kind, key));
      else rows.set(nameOf(kind, key), { kind, key: key.slice(), value: value.slice() });
    }
    commits += 1;
    return commits;
  }
  function ofKind(kind: Kind): readonly Row[] {
    checkKind(kind);
    return [...rows.values()].filter((row) => row.kind === kind);
  }
  async function end(): Promise<void> {
    isClosed = true;
    rows.clear();
    destroyed();
  }
  return {
    isContinuous: true,
    parts: memoryParts(),
    rows: (kind) => use(() => ofKind(kind)),
    get: (kind, key: Bytes) => use(() => rows.get(nameOf(kind, key))?.value ?? null),
    version: () => use(() => commits),
    commit: (changes, version) => use(() => commit(changes, version)),
    close: end,
    destroy: end,
  };
}
