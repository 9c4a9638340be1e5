/** Messages of the relay by its id: taken before (SES-18), or refused once and left at the relay (SES-41). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex } from "@sealroom/core/bytes.ts";
import { named } from "./codec.ts";
import type { Row } from "./ports.ts";
import type { Turn } from "./turn.ts";

const MAX_TAKEN = 1_024;
const MAX_REFUSED = 64;
const NAME_B = 6;
const NOTHING = new Uint8Array(0);

type Sort = "taken:" | "refuse";

/** Ids in the order in which they came; of the taken ones the oldest go beyond the limit. */
export class SeenIds {
  readonly #ids: Readonly<Record<Sort, Map<string, Bytes>>> = { "taken:": new Map(), refuse: new Map() };

  load(rows: readonly Row[]): void {
    for (const { key } of rows) {
      const sort = String.fromCharCode(...key.subarray(0, NAME_B));
      const id = key.slice(NAME_B);
      if (sort === "taken:" || sort === "refuse") this.#ids[sort].set(hex(id), id);
    }
  }

  isTaken(id: Bytes): boolean {
    return this.#ids["taken:"].has(hex(id));
  }

  wasRefused(id: Bytes): boolean {
    return this.#ids.refuse.has(hex(id));
  }

  mayRefuse(): boolean {
    return this.#ids.refuse.size < MAX_REFUSED;
  }

  refuse(turn: Turn, id: Bytes): void {
    this.#ids.refuse.set(hex(id), id);
    turn.put("meta", named("refuse", id), () => NOTHING);
  }

  take(turn: Turn, id: Bytes): void {
    if (this.wasRefused(id)) this.#remove(turn, "refuse", id);
    const known = this.#ids["taken:"];
    known.set(hex(id), id);
    turn.put("meta", named("taken:", id), () => NOTHING);
    const oldest = known.values().next().value;
    if (known.size > MAX_TAKEN && oldest !== undefined) this.#remove(turn, "taken:", oldest);
  }

  #remove(turn: Turn, sort: Sort, id: Bytes): void {
    this.#ids[sort].delete(hex(id));
    turn.delete("meta", named(sort, id));
  }
}
