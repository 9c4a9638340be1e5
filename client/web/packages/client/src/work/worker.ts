/** The worker that works: it gets context and bits, and answers with what it found. */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { tryWork } from "@sealroom/core/relay/work.ts";

/** What a worker is asked for, and what it answers; the id is the asker's. */
export interface Asked {
  readonly id: number;
  readonly context: Bytes;
  readonly bits: number;
}

export interface Found {
  readonly id: number;
  readonly work: Bytes;
}

/** The types of a page know no worker's own scope. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<Asked>) => void) | null;
  postMessage(found: Found): void;
}

const scope = globalThis as unknown as WorkerScope;

scope.onmessage = (event) => {
  const { id, context, bits } = event.data;
  const work = tryWork(context, bits, 0, Number.MAX_SAFE_INTEGER);
  if (work !== null) scope.postMessage({ id, work } satisfies Found);
};
