/** The clock of the browser. */

import type { Clock } from "../engine/ports.ts";

/** A browser's timer stands still while its machine sleeps, and takes no more than 2^31 - 1 ms: look in between. */
const MOST_WAIT_MS = 30_000;
const MOST_RANDOM_B = 65_536;

export const browserClock: Clock = {
  nowMs: () => Date.now(),
  // Who waits is woken early where the clock was put back, and looks anew (STO-60).
  wake: (atMs, then) => {
    let timer: ReturnType<typeof setTimeout>;
    const wait = (leftMs: number): void => {
      const look = (): void => {
        const stillMs = atMs - Date.now();
        if (stillMs <= 0 || stillMs > leftMs + MOST_WAIT_MS) then();
        else wait(stillMs);
      };
      timer = setTimeout(look, Math.min(leftMs, MOST_WAIT_MS));
    };
    wait(atMs - Date.now());
    return () => clearTimeout(timer);
  },
};

/** Random bytes of the browser, in the portions that it gives. */
export function browserRandom(sizeB: number): Uint8Array {
  const data = new Uint8Array(sizeB);
  for (let i = 0; i < sizeB; i += MOST_RANDOM_B) crypto.getRandomValues(data.subarray(i, i + MOST_RANDOM_B));
  return data;
}
