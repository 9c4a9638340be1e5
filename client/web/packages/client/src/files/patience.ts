/** Waiting for a relay: pauses that end early when the network comes back, or when nobody waits any more. */

import { BlobRefused, FileError, fileCodeOf } from "./file_error.ts";
import type { FilesHost } from "./host.ts";

const FIRST_PAUSE_MS = 5_000;
const MOST_PAUSE_MS = 600_000;
const LATER: readonly string[] = ["rate_limited", "unavailable"];
/** How often one reason is refused before it is believed; a token may be on its way to the relay (`denied`, FIL-12). */
const MOST_REFUSED: Readonly<Record<string, number>> = { not_found: 1, denied: 21 };
const MOST = 6;

/**
 * Wait; where the relay was away, no longer than until it is back.
 *
 * @throws FileError `file.cancelled` when it is ended by its signal
 */
export function sleep({ ports, wakes }: FilesHost, ms: number, signal: AbortSignal, isAway: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      unwake();
      wakes.delete(end);
      signal.removeEventListener("abort", end);
      if (signal.aborted) reject(new FileError("file.cancelled", "given up"));
      else resolve();
    };
    const unwake = ports.clock.wake(ports.clock.nowMs() + ms, end);
    if (isAway) wakes.add(end);
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
  });
}

/**
 * Do something with the relay, again while it cannot now, each time after a longer pause. A relay that says why it
 * cannot now is asked for as long as it says so; one that refuses for another reason is believed after some times.
 */
export async function patiently<T>(host: FilesHost, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const refused = new Map<string, number>();
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, MOST_PAUSE_MS)) {
    let isAway = false;
    try {
      return await work();
    } catch (error) {
      if (error instanceof BlobRefused) {
        const times = (refused.get(error.reason) ?? 0) + 1;
        refused.set(error.reason, times);
        if (!LATER.includes(error.reason) && times >= (MOST_REFUSED[error.reason] ?? MOST)) throw error;
      } else if (fileCodeOf(error) !== "relay.unavailable") throw error;
      else isAway = true;
    }
    await sleep(host, pauseMs, signal, isAway);
  }
}

const STEPS = 50;

/** Whether a file has come to another of its fifty steps, or begins. */
export function isStep(beforeB: number | undefined, doneB: number, sizeB: number): boolean {
  const step = (size: number) => Math.floor((size * STEPS) / Math.max(1, sizeB));
  return beforeB === undefined || doneB === 0 || step(doneB) > step(beforeB);
}
