/** Files that entries have announced, and when they end (FIL-15). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same } from "@sealroom/core/bytes.ts";
import { DAY_MS } from "@sealroom/core/constants.ts";
import type { FilesHost } from "./host.ts";
import type { FileOfEntry } from "./room_steps.ts";
import { fileOf } from "./room_steps.ts";
import type { FileRows } from "./rows.ts";
import { LONGEST_MS, OVER, WARNED } from "./rows.ts";

export const WARNED_MS: number = 3 * DAY_MS;

/** What it takes to get the file of an entry. */
export interface Wanted extends FileOfEntry {
  readonly room: Bytes;
  readonly entry: Bytes;
  readonly writer: Bytes;
  readonly isOurs: boolean;
}

/** The file of an entry that is here and was not erased, or null. */
export function findFile(host: FilesHost, room: Bytes, entry: Bytes): Wanted | null {
  const { rooms, own } = host.context();
  const kept = rooms.get(hex(room))?.entries.get(hex(entry));
  const file = kept === undefined ? null : fileOf(kept);
  if (kept === undefined || file === null) return null;
  const writer = kept.entry.author.deviceId;
  const expiresMs = Math.min(file.expiresMs, kept.receivedMs + LONGEST_MS);
  return { ...file, room, entry, expiresMs, writer, isOurs: same(writer, own.record.deviceId) };
}

/** The files of all rooms. */
export function filesOf(host: FilesHost): readonly Wanted[] {
  const rooms = [...host.context().rooms.values()];
  return rooms.flatMap(({ id, entries }) =>
    [...entries.values()].flatMap((kept) => findFile(host, id, kept.entry.hash) ?? []),
  );
}

/** Tells a person what ends in three days, and what has ended. */
export class Ending {
  readonly #host: FilesHost;
  readonly #rows: FileRows;
  #unwake: () => void = () => {};

  constructor(host: FilesHost, rows: FileRows) {
    this.#host = host;
    this.#rows = rows;
  }

  /** Look again when the next file is due, whatever becomes of this (STO-41), and say what is due. */
  async look(): Promise<void> {
    this.#unwake();
    const { clock } = this.#host.ports;
    const nowMs = clock.nowMs();
    const due: [Wanted, number][] = [];
    let nextMs = Number.POSITIVE_INFINITY;
    for (const wanted of filesOf(this.#host)) {
      const row = this.#rows.in(wanted.room, wanted.entry);
      if (wanted.isOurs || row.isHeld || row.told === OVER) continue;
      const warnMs = wanted.expiresMs - WARNED_MS;
      const told = wanted.expiresMs <= nowMs ? OVER : warnMs <= nowMs ? WARNED : 0;
      due.push([wanted, told]);
      if (told < OVER) nextMs = Math.min(nextMs, told === WARNED ? wanted.expiresMs : warnMs);
    }
    if (Number.isFinite(nextMs)) this.#unwake = clock.wake(nextMs, () => void this.look().catch(() => {}));
    for (const [wanted, told] of due)
      if (told > this.#rows.in(wanted.room, wanted.entry).told) await this.#say(wanted, told);
  }

  async #say(wanted: Wanted, told: number): Promise<void> {
    await this.#rows.change((rows) => rows.in({ ...this.#rows.in(wanted.room, wanted.entry), told }));
    const { room, entry, expiresMs } = wanted;
    this.#host.tell({ type: "file-expiring", room: hex(room), entry: hex(entry), expiresMs, isOver: told === OVER });
  }

  end(): void {
    this.#unwake();
  }
}
