/**
 * A store of modes `device` and `recoverable`: rows in IndexedDB, sealed, one transaction for each commit (STO-32, STO-33).
 *
 * What takes WebCrypto is computed first, then all is written in one transaction: one that waits for anything but its
 * own requests is over in Firefox.
 */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same } from "@sealroom/core/bytes.ts";
import type { Rng } from "@sealroom/core/ports.ts";
import type { Change, Kind, Row, Store, StoreCode } from "../engine/ports.ts";
import { StoreError } from "../engine/ports.ts";
import type { AnchorPlace } from "./anchor.ts";
import { anchorText } from "./anchor.ts";
import type { StoreKeys } from "./boxes.ts";
import { corrupt, markOf, openRow, rowId, sealRow, sealState, tableTag } from "./boxes.ts";
import { checked, checkKind } from "./changes.ts";
import { BY_TABLE, done, HEAD, ROWS, result, storeError } from "./database.ts";
import { indexedParts } from "./parts.ts";
import type { Held, Slot, State } from "./state.ts";
import { encodeState, heldOf, MAX_SEALED, xor } from "./state.ts";

export interface KeptStore extends Store {
  /** Until when this device finds it again if nothing more is committed; null is for good. */
  untilMs(): number | null;
}

/** What a store is opened from: its database, its keys, and what its last commit left. */
export interface Opened {
  readonly db: IDBDatabase;
  readonly keys: StoreKeys;
  readonly state: State;
  readonly stateBox: Bytes;
  readonly held: Map<string, Held>;
  readonly isContinuous: boolean;
}

export interface Means {
  readonly rng: Rng;
  readonly nowMs: () => number;
  readonly anchor: AnchorPlace;
  /** Called once if the store ends by itself: `store.too_new` asks to reload the page, `store.closed` is forgotten. */
  readonly ended: (code: StoreCode) => void;
  readonly erase: () => Promise<void>;
}

/** What one commit writes. */
interface Written {
  readonly state: State;
  readonly stateBox: Bytes;
  readonly anchor: string;
  readonly puts: readonly { readonly slot: Slot; readonly held: Held }[];
  readonly deletes: readonly Held[];
}

export function indexedStore(opened: Opened, means: Means): KeptStore {
  const { db, keys, held } = opened;
  let { state, stateBox } = opened;
  let end: StoreError | null = null;
  let last: Promise<unknown> = Promise.resolve();

  function ends(error: StoreError, isTold: boolean): void {
    if (end !== null) return;
    end = error;
    db.close();
    if (isTold) means.ended(error.code);
  }
  db.onversionchange = (event): void => {
    const isForgotten = event.newVersion === null;
    ends(isForgotten ? closed() : new StoreError("store.too_new", "a newer version of this page is open"), true);
  };
  db.onclose = (): void => ends(new StoreError("store.unavailable", "the browser has closed the database"), true);

  /** One step after the other; one that fails otherwise than by its arguments or for want of room is the last. */
  function inTurn<T>(step: () => Promise<T>): Promise<T> {
    const turn = last.then(async () => {
      if (end !== null) throw end;
      try {
        return await step();
      } catch (error) {
        const told = error instanceof StoreError ? error : storeError(error);
        if (told.code !== "store.full" && told.code !== "store.misuse") ends(told, false);
        throw told;
      }
    });
    last = turn.catch(() => undefined);
    return turn;
  }

  async function commit(changes: readonly Change[], version: number): Promise<number> {
    const wanted = checked(changes);
    if (version !== state.commits) throw conflict();
    const written = await prepared(keys, means, state, held, wanted);
    await write(db, stateBox, written);
    ({ state, stateBox } = written);
    for (const row of written.deletes) held.delete(hex(row.place.id));
    for (const { held: row } of written.puts) held.set(hex(row.place.id), row);
    means.anchor.write(written.anchor);
    return state.commits;
  }

  async function rows(kind: Kind): Promise<readonly Row[]> {
    checkKind(kind);
    const tag = await tableTag(keys, kind);
    const range = IDBKeyRange.bound([tag, 0], [tag, Number.MAX_SAFE_INTEGER]);
    const slots = await read(() => rowsOf(db).index(BY_TABLE).getAll(range));
    const known = [...held.values()].filter((row) => same(row.place.tag, tag));
    if (slots.length !== known.length) throw corrupt();
    return await Promise.all(slots.map((slot) => opens(kind, slot)));
  }

  async function get(kind: Kind, key: Bytes): Promise<Bytes | null> {
    checkKind(kind);
    const id = await rowId(keys, kind, key);
    const known = held.get(hex(id));
    const slot: unknown = await read(() => rowsOf(db).get(id));
    if ((slot === undefined) !== (known === undefined)) throw corrupt();
    return slot === undefined ? null : (await opens(kind, slot)).value;
  }

  /** Open a row; also one that was put back to an older version since it was opened is refused. */
  async function opens(kind: Kind, found: unknown): Promise<Row> {
    const slot = slotOf(found);
    const known = held.get(hex(slot.id));
    if (known === undefined || !same(known.mark, markOf(slot.box))) throw corrupt();
    return { kind, ...(await openRow(keys, slot, slot.box)) };
  }

  return {
    isContinuous: opened.isContinuous,
    parts: indexedParts(db),
    rows: (kind) => inTurn(() => rows(kind)),
    get: (kind, key) => inTurn(() => get(kind, key)),
    version: () => inTurn(async () => state.commits),
    commit: (changes, version) => inTurn(() => commit(changes, version)),
    untilMs: () => (state.ttlMs === 0 ? null : state.usedMs + state.ttlMs),
    close: async () => {
      await last;
      ends(closed(), false);
    },
    destroy: async () => {
      await last;
      ends(closed(), false);
      await means.erase();
    },
  };
}

/** Seal all that a commit will write. */
async function prepared(
  keys: StoreKeys,
  means: Means,
  state: State,
  held: ReadonlyMap<string, Held>,
  changes: readonly Change[],
): Promise<Written> {
  const puts: Written["puts"][number][] = [];
  const deletes: Held[] = [];
  let { nextSeq, sum } = state;
  for (const { kind, key, value } of changes) {
    const id = await rowId(keys, kind, key);
    const before = held.get(hex(id));
    if (before !== undefined) sum = xor(sum, before.digest);
    if (value === null) {
      if (before !== undefined) deletes.push(before);
      continue;
    }
    const place = before?.place ?? { id, tag: await tableTag(keys, kind), seq: nextSeq++ };
    const slot = { ...place, box: await sealRow(keys, means.rng, place, { key, value }) };
    const after = await heldOf(keys, slot);
    sum = xor(sum, after.digest);
    puts.push({ slot, held: after });
  }
  const sealed = state.sealed + puts.length + 1;
  if (sealed > MAX_SEALED) throw new StoreError("store.full", "the key of the store has sealed all that it may");
  const usedMs = Math.max(0, means.nowMs());
  const next = { ...state, commits: state.commits + 1, nextSeq, sealed, usedMs, sum };
  const stateBox = await sealState(keys, means.rng, encodeState(next));
  return { state: next, stateBox, anchor: await anchorText(keys, next.commits), puts, deletes };
}

/** Write a commit, if the state on disk is still the one that it follows. */
async function write(db: IDBDatabase, follows: Bytes, written: Written): Promise<void> {
  const transaction = began(() => db.transaction([ROWS, HEAD], "readwrite", { durability: "strict" }));
  const head = transaction.objectStore(HEAD);
  const rows = transaction.objectStore(ROWS);
  let isOther = false;
  const asked = head.get("state");
  asked.onsuccess = (): void => {
    isOther = !(asked.result instanceof Uint8Array) || !same(asked.result, follows);
    if (isOther) {
      transaction.abort();
      return;
    }
    for (const row of written.deletes) rows.delete(row.place.id);
    for (const { slot } of written.puts) rows.put(slot);
    head.put(written.stateBox, "state");
  };
  try {
    await done(transaction);
  } catch (error) {
    throw isOther ? conflict() : error;
  }
}

/**
 * A row of the database.
 *
 * @throws StoreError `store.corrupt`
 */
export function slotOf(found: unknown): Slot {
  const { id, tag, seq, box } = (found ?? {}) as Record<string, unknown>;
  const isWhole = isBytes(id) && isBytes(tag) && isBytes(box) && typeof seq === "number" && Number.isSafeInteger(seq);
  if (!isWhole || seq < 0) throw corrupt();
  return { id, tag, seq, box };
}

export function isBytes(value: unknown): value is Bytes {
  return value instanceof Uint8Array && value.buffer instanceof ArrayBuffer;
}

function rowsOf(db: IDBDatabase): IDBObjectStore {
  return began(() => db.transaction(ROWS, "readonly")).objectStore(ROWS);
}

function read<T>(ask: () => IDBRequest<T>): Promise<T> {
  return result(ask());
}

/** A transaction, or what keeps one from beginning. */
function began(step: () => IDBTransaction): IDBTransaction {
  try {
    return step();
  } catch (error) {
    throw storeError(error);
  }
}

function conflict(): StoreError {
  return new StoreError("store.conflict", "somebody else has written");
}

function closed(): StoreError {
  return new StoreError("store.closed", "the store is closed");
}
