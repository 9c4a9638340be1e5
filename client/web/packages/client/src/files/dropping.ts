/** Blobs that nobody needs any more: dropped by their writer's secret, then their row goes (FIL-14). */

import { hex } from "@sealroom/core/bytes.ts";
import type { FilesHost } from "./host.ts";
import { patiently } from "./patience.ts";
import type { FileOut, FileRows } from "./rows.ts";
import { drop } from "./transfer.ts";

export class Dropping {
  readonly #host: FilesHost;
  readonly #rows: FileRows;
  readonly #jobs = new Map<string, { readonly end: AbortController; readonly done: Promise<void> }>();

  constructor(host: FilesHost, rows: FileRows) {
    this.#host = host;
    this.#rows = rows;
  }

  /** Have the relay drop the blob of a file that is over; what a stop leaves goes on with the next start. */
  begin(row: FileOut): void {
    const id = hex(row.id);
    if (this.#jobs.has(id)) return;
    const end = new AbortController();
    // A blob that the relay does not drop stays until its end.
    const done = this.#drop(row, end.signal)
      .catch(() => {})
      .finally(() => this.#jobs.delete(id));
    this.#jobs.set(id, { end, done });
  }

  async #drop(row: FileOut, signal: AbortSignal): Promise<void> {
    const means = { host: this.#host, relayUrl: this.#host.context().company.relayUrl, signal };
    if (row.payer !== null) await patiently(this.#host, signal, () => drop(means, row.blob, row.secret));
    await this.#rows.change((rows) => rows.noOut(row.id));
  }

  async end(): Promise<void> {
    const jobs = [...this.#jobs.values()];
    for (const { end } of jobs) end.abort();
    await Promise.all(jobs.map(({ done }) => done));
  }
}
