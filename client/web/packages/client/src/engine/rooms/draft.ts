/** One step in a room: a copy is changed, and taken over when nothing was refused (CON-08, CNS-28). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex } from "@sealroom/core/bytes.ts";
import type { RemoteCode } from "@sealroom/core/errors.ts";
import type { WantedRange } from "@sealroom/core/rooms/forward.ts";
import type { Context } from "../context.ts";
import type { CustomerEvent } from "../events.ts";
import type { Posted } from "../outbox.ts";
import { post, recall, signal, takeBack } from "../posting.ts";
import type { Turn } from "../turn.ts";
import type { Judged } from "./judging.ts";
import { judge } from "./judging.ts";
import type { Kept, Room } from "./model.ts";
import { encodeKept, encodeRoom, entryKey } from "./model.ts";

type Step = (c: Context, turn: Turn) => void;

/** A room that a step changes; `later` is done when the room has been taken over. */
export class Draft {
  readonly c: Context;
  readonly turn: Turn;
  room: Room;
  readonly #changed = new Map<string, Kept>();
  readonly #later: Step[] = [];
  #judged: { readonly states: Room["states"]; readonly found: Judged } | null = null;

  constructor(c: Context, turn: Turn, room: Room) {
    this.c = c;
    this.turn = turn;
    this.room = room;
  }

  set(change: Partial<Room>): void {
    this.room = { ...this.room, ...change };
  }

  find(hash: Bytes): Kept | null {
    return this.room.entries.get(hex(hash)) ?? null;
  }

  keep(one: Kept): void {
    const key = hex(one.entry.hash);
    this.#changed.set(key, one);
    this.set({ entries: new Map([...this.room.entries, [key, one]]) });
  }

  judged(): Judged {
    if (this.#judged === null || this.#judged.states !== this.room.states) {
      this.#judged = { states: this.room.states, found: judge(this.c, this.room) };
    }
    return this.#judged.found;
  }

  /** Who is in force may be others now. */
  rejudge(): void {
    this.#judged = null;
  }

  tell(event: CustomerEvent): void {
    this.#later.push((_, turn) => turn.notify(event));
  }

  post(posted: Posted, to: readonly Bytes[]): void {
    this.#later.push((c, turn) => post(c, turn, posted, to));
  }

  signal(type: number, value: Posted["payload"], to: readonly Bytes[]): void {
    this.#later.push((c, turn) => signal(c, turn, type, value, to));
  }

  recall(to: Bytes, goes: (posted: Posted) => boolean): void {
    this.#later.push((c, turn) => recall(c, turn, to, goes));
  }

  /** No body of these entries is sent any more, alone or in a forward (ROOM-44, ROOM-66). */
  takeBack(gone: readonly Kept[], code?: RemoteCode): void {
    const entries = gone.map((one) => one.entry);
    this.#later.push((c, turn) => takeBack(c, turn, entries, code));
  }

  do(step: Step): void {
    this.#later.push(step);
  }

  /** Take the room over, write its rows, then do what was put off. */
  apply(): void {
    const { c, turn, room } = this;
    const id = hex(room.id);
    c.rooms.set(id, room);
    turn.put("room", room.id, () => encodeRoom(c.rooms.get(id) ?? room));
    for (const [key, one] of this.#changed) {
      turn.put("entry", entryKey(room.id, one.entry.hash), () => encodeKept(c.rooms.get(id)?.entries.get(key) ?? one));
    }
    for (const step of this.#later) step(c, turn);
  }
}

export function rangeKey({ tag, last }: WantedRange): string {
  return `${hex(tag)}:${last}`;
}
