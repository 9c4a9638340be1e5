/** A store in memory, and the place where it is; it survives its client, not the process. */
import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex } from "@sealroom/core/bytes.ts";
import type { Change, Kind, Row, Store, StorePlace } from "../src/engine/ports.ts";
import { StoreError } from "../src/engine/ports.ts";
import { memoryParts } from "../src/store/parts.ts";

/** Rows by kind and key, in the order of their first insertion. */
class Rows {
  readonly rows = new Map<string, Row>();
  readonly parts = memoryParts();
  version = 0;
}

export class MemoryPlace implements StorePlace {
  kept: Rows | null = null;
  /** A commit of which this is true is refused, as on a full disk. */
  isFull: (changes: readonly Change[]) => boolean = () => false;
  /** A commit after which the process is taken to have died. */
  diesAfter: (changes: readonly Change[]) => boolean = () => false;
  isContinuous = true;
  created = 0;

  async open(): Promise<Store | null> {
    return this.kept === null ? null : this.#store(this.kept);
  }

  async create(): Promise<Store> {
    this.created += 1;
    this.kept = new Rows();
    return this.#store(this.kept);
  }

  async forget(): Promise<void> {
    this.kept = null;
  }

  /** A copy of what is there now, as a backup would be. */
  copy(): Rows {
    const copied = new Rows();
    for (const [key, row] of this.kept?.rows ?? []) copied.rows.set(key, row);
    copied.version = this.kept?.version ?? 0;
    return copied;
  }

  #store(rows: Rows): Store {
    let isOver = false;
    const check = (): void => {
      if (isOver) throw new StoreError("store.closed", "the store was closed");
    };
    return {
      isContinuous: this.isContinuous,
      parts: rows.parts,
      rows: async (kind: Kind) => [...rows.rows.values()].filter((row) => row.kind === kind),
      get: async (kind: Kind, key: Bytes) => rows.rows.get(`${kind}:${hex(key)}`)?.value ?? null,
      version: async () => rows.version,
      commit: async (changes, version) => {
        check();
        if (version !== rows.version) throw new StoreError("store.conflict", "somebody else has written");
        if (this.isFull(changes)) throw new StoreError("store.full", "the disk is full");
        for (const { kind, key, value } of changes) {
          const name = `${kind}:${hex(key)}`;
          if (value === null) rows.rows.delete(name);
          else rows.rows.set(name, { kind, key, value });
        }
        rows.version += 1;
        if (this.diesAfter(changes)) {
          isOver = true;
          throw new StoreError("store.closed", "the process is gone");
        }
        return rows.version;
      },
      close: async () => {
        isOver = true;
      },
      destroy: async () => {
        isOver = true;
        this.kept = null;
      },
    };
  }
}
