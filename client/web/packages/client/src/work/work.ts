/**
 * Proof of work without holding up the page (RLY-142): in a worker, one piece after the other, and in short slices of
 * the page itself where the browser gives no worker.
 */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { LocalError } from "@sealroom/core/errors.ts";
import { MOST_BITS, tryWork } from "@sealroom/core/relay/work.ts";
import type { Work } from "../engine/ports.ts";
import type { Asked, Found } from "./worker.ts";

/** About ten milliseconds of a slow phone. */
const SLICE = 512;

/** The one policy of Trusted Types that a page of ours has; it lets in one address. */
const POLICY = "seal";

interface Policies {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string };
}

/** Works in the worker at `url`, which the policy `seal` names and no other. */
export function browserWork(url: string): Work {
  const script = named(url);
  let last: Promise<unknown> = Promise.resolve();
  return (context, bits, signal) => {
    if (bits === 0) return Promise.resolve(new Uint8Array(0));
    if (!Number.isInteger(bits) || bits < 0 || bits > MOST_BITS) {
      return Promise.reject(new LocalError("local.argument", "a relay that asks for so much work is left"));
    }
    const turn = last.then(() => one(script, context, bits, signal));
    last = turn.catch(() => undefined);
    return turn;
  };
}

/** The address of the worker, as the policy of the page lets it in. */
function named(url: string): string {
  const policies = (globalThis as { trustedTypes?: Policies }).trustedTypes;
  if (policies === undefined) return url;
  const only = policies.createPolicy(POLICY, {
    createScriptURL: (asked) => {
      if (asked !== url) throw new TypeError("no script but the worker");
      return asked;
    },
  });
  return only.createScriptURL(url);
}

async function one(script: string, context: Bytes, bits: number, signal: AbortSignal): Promise<Bytes> {
  signal.throwIfAborted();
  return (await inWorker(script, context, bits, signal)) ?? (await inSlices(context, bits, signal));
}

/** What the worker found; null if there is no worker to be had. */
function inWorker(script: string, context: Bytes, bits: number, signal: AbortSignal): Promise<Bytes | null> {
  return new Promise((resolve, reject) => {
    let worker: Worker;
    try {
      worker = new Worker(script, { type: "module" });
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      resolve(null);
      return;
    }
    const id = 1;
    const aborted = (): void => {
      worker.terminate();
      reject(signal.reason);
    };
    const ended = (work: Bytes | null): void => {
      signal.removeEventListener("abort", aborted);
      worker.terminate();
      resolve(work);
    };
    signal.addEventListener("abort", aborted, { once: true });
    worker.onmessage = (event: MessageEvent<Found>): void => {
      if (event.data.id === id) ended(event.data.work);
    };
    worker.onerror = (event): void => {
      event.preventDefault();
      ended(null);
    };
    worker.postMessage({ id, context, bits } satisfies Asked);
  });
}

async function inSlices(context: Bytes, bits: number, signal: AbortSignal): Promise<Bytes> {
  for (let from = 0; ; from += SLICE) {
    signal.throwIfAborted();
    const work = tryWork(context, bits, from, SLICE);
    if (work !== null) return work;
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}
