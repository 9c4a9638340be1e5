/** Events of a shell as an async iterable that keeps what nobody has taken yet, up to a bound. */

import type { CustomerEvent } from "../src/engine/events.ts";
import type { Shell } from "../src/shell.ts";

const MAX_WAITING = 4_096;

/** Listening begins at once; of more events than are kept the oldest go. */
export function eventsOf(
  shell: Shell,
  belongs: (event: CustomerEvent) => boolean,
  signal?: AbortSignal,
): AsyncIterable<CustomerEvent> {
  const waiting: CustomerEvent[] = [];
  let wake: () => void = () => {};
  let isOver = signal?.aborted ?? false;
  const unlisten = shell.listen((event) => {
    if (!belongs(event)) return;
    waiting.push(event);
    if (waiting.length > MAX_WAITING) waiting.shift();
    wake();
  });
  const end = (): void => {
    isOver = true;
    unlisten();
    wake();
  };
  signal?.addEventListener("abort", end, { once: true });
  const next = async (): Promise<IteratorResult<CustomerEvent>> => {
    for (;;) {
      const event = waiting.shift();
      if (event !== undefined) return { done: false, value: event };
      if (isOver) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  const iterator: AsyncIterator<CustomerEvent> = {
    next,
    return: async () => {
      end();
      signal?.removeEventListener("abort", end);
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}
