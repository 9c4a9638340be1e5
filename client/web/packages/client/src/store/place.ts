/** Where the store of a person is in this browser, by the mode that the company chose (STO-35). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import type { Rng } from "@sealroom/core/ports.ts";
import type { StoreCode, StorePlace } from "../engine/ports.ts";
import { StoreError } from "../engine/ports.ts";
import type { AnchorPlace } from "./anchor.ts";
import { anchorText, isContinuous, localAnchor } from "./anchor.ts";
import type { StoreKeys } from "./boxes.ts";
import { corrupt, newKeys, openState, sealState } from "./boxes.ts";
import { eraseDatabase, HEAD, openDatabase, ROWS, result } from "./database.ts";
import type { KeptStore, Means, Opened } from "./indexed.ts";
import { indexedStore, isBytes, slotOf } from "./indexed.ts";
import { memoryPlace } from "./memory.ts";
import { decodeState, encodeState, firstState, heldRows, isOver } from "./state.ts";

/** `recoverable` keeps rows as `device` does, without an end; the code of recovery is the engine's (ACC-60). */
export type Mode = "session" | "device" | "recoverable";

export interface PlaceOptions {
  readonly mode: Mode;
  /** Names database and anchor; one for each company account. */
  readonly name: string;
  /** How long after its last commit a store is kept; 0 is for good. */
  readonly ttlMs: number;
  readonly rng: Rng;
  readonly nowMs: () => number;
  /** The open store has ended by itself: a newer page is open, it was forgotten elsewhere, or storage was evicted. */
  readonly ended: (code: StoreCode) => void;
  readonly anchor?: AnchorPlace;
}

/** The place for a mode. Nothing is written before `create`; what was kept here and is over goes in each (STO-35). */
export function browserPlace(options: PlaceOptions): StorePlace {
  const kept = keptPlace(options);
  if (options.mode !== "session") return kept;
  kept.open().then(
    (one) => one?.close(),
    () => {},
  );
  return memoryPlace();
}

function keptPlace(options: PlaceOptions): StorePlace {
  const anchor = options.anchor ?? localAnchor(options.name);
  async function forget(): Promise<void> {
    await eraseDatabase(options.name);
    anchor.remove();
  }
  const means: Means = { rng: options.rng, nowMs: options.nowMs, anchor, ended: options.ended, erase: forget };
  return {
    forget,
    open: async () => {
      const db = await openDatabase(options.name, null);
      if (db === null) {
        if (anchor.read() === null) return null;
        anchor.remove();
        throw missing();
      }
      return await opened(db, means);
    },
    create: () => create(options, means),
  };
}

/**
 * Open what is there.
 *
 * @throws StoreError `store.corrupt`; `store.missing` if its time was over: it is erased
 */
async function opened(db: IDBDatabase, means: Means): Promise<KeptStore> {
  try {
    const found = await loaded(db, means.anchor);
    if (!isOver(found.state, means.nowMs())) return indexedStore(found, means);
  } catch (error) {
    db.close();
    throw error;
  }
  db.close();
  await means.erase();
  throw missing();
}

async function loaded(db: IDBDatabase, anchor: AnchorPlace): Promise<Opened> {
  const transaction = db.transaction([HEAD, ROWS], "readonly");
  const head = transaction.objectStore(HEAD);
  const [keys, box, rows] = await Promise.all([
    result<unknown>(head.get("keys")),
    result<unknown>(head.get("state")),
    result<unknown[]>(transaction.objectStore(ROWS).getAll()),
  ]);
  const { known, stateBox } = headOf(keys, box);
  const state = decodeState(await openState(known, stateBox));
  const held = await heldRows(known, state, rows.map(slotOf));
  const goesOn = await isContinuous(known, state.commits, anchor.read());
  return { db, keys: known, state, stateBox, held, isContinuous: goesOn };
}

function headOf(keys: unknown, stateBox: unknown): { readonly known: StoreKeys; readonly stateBox: Bytes } {
  const { storeId, seal, mac } = (keys ?? {}) as Record<string, unknown>;
  if (isBytes(storeId) && seal instanceof CryptoKey && mac instanceof CryptoKey && isBytes(stateBox)) {
    return { known: { storeId, seal, mac }, stateBox };
  }
  throw corrupt();
}

/**
 * Make a store, in the transaction that makes its tables: a crash leaves a whole one, or none (STO-16).
 *
 * @throws StoreError `store.exists`
 */
async function create(options: PlaceOptions, means: Means): Promise<KeptStore> {
  const keys = await newKeys(means.rng);
  const state = firstState(Math.max(0, means.nowMs()), options.mode === "device" ? options.ttlMs : 0);
  const stateBox = await sealState(keys, means.rng, encodeState(state));
  const text = await anchorText(keys, 0);
  const db = await openDatabase(options.name, (transaction) => {
    const head = transaction.objectStore(HEAD);
    head.put({ ...keys }, "keys");
    head.put(stateBox, "state");
  });
  if (db === null) throw missing();
  means.anchor.write(text);
  return indexedStore({ db, keys, state, stateBox, held: new Map(), isContinuous: true }, means);
}

function missing(): StoreError {
  return new StoreError("store.missing", "what was stored here is gone");
}
