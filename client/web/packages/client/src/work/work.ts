/**
 * Proof of work in the page itself, without holding it up (RLY-142): one piece after the other, each in slices of a
 * few milliseconds, between which the browser does whatever else waits.
 */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { LocalError } from "@sealroom/core/errors.ts";
import { MOST_BITS, tryWork } from "@sealroom/core/relay/work.ts";
import type { Work } from "../engine/ports.ts";

/** Half of a frame; looked at after each batch, which takes a slow phone a few milliseconds. */
const SLICE_MS = 8;
const BATCH = 128;
const MOST_IN_SLICE = 2_048;

export function browserWork(): Work {
  let last: Promise<unknown> = Promise.resolve();
  return (context, bits, signal) => {
    if (bits === 0) return Promise.resolve(new Uint8Array(0));
    if (!Number.isInteger(bits) || bits < 0 || bits > MOST_BITS) {
      return Promise.reject(new LocalError("local.argument", "a relay that asks for so much work is left"));
    }
    const turn = last.then(() => inSlices(context, bits, signal));
    last = turn.catch(() => undefined);
    return turn;
  };
}

async function inSlices(context: Bytes, bits: number, signal: AbortSignal): Promise<Bytes> {
  for (let from = 0; ; ) {
    signal.throwIfAborted();
    const [upTo, endsMs] = [from + MOST_IN_SLICE, performance.now() + SLICE_MS];
    do {
      const work = tryWork(context, bits, from, BATCH);
      if (work !== null) return work;
      from += BATCH;
    } while (from < upTo && performance.now() < endsMs);
    await pause();
  }
}

/** Let the browser do what waits. A timer would come back after 4 ms at the earliest, in a hidden tab after a second. */
function pause(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
