/**
 * Blobs between this device and a relay: put and got part by part, going on where it was cut.
 *
 *     put: BLOB_OPEN --next--> BLOB_PUT, at most 4 on their way --> whole
 *     get: BLOB_GET, at most 4 parts on their way --> the last part
 *
 * Each transfer has a connection of its own, on which no mailbox is authenticated (LKG-08). One that is lost is made
 * anew, as long as that brings parts forward; after one that brought none, parts go one at a time (RLY-257).
 */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { corrupt } from "@sealroom/core/files.ts";
import type { Answer, BlobState } from "@sealroom/core/relay/answers.ts";
import { decodeAnswers } from "@sealroom/core/relay/answers.ts";
import { blobHash } from "@sealroom/core/relay/proofs.ts";
import type { Request } from "@sealroom/core/relay/requests.ts";
import { CODE_NAMES, dropBlob, encodeRequest, getParts, openBlob, putPart } from "@sealroom/core/relay/requests.ts";
import { BlobRefused, FileError } from "./file_error.ts";
import type { FilesHost } from "./host.ts";
import { sleep } from "./patience.ts";

export const PART_B = 65_552;
const IN_FLIGHT = 4;
const GOT_AT_ONCE = 2;
/** A link that brings a part within this has room for four. */
const QUICK_MS = 4_000;
const ANSWER_MS = 60_000;
/** Attempts in a row that bring no part forward. */
const ATTEMPTS = 5;
const PAUSE_MS = 1_000;
const MOST_PAUSE_MS = 60_000;
const LATER: readonly string[] = ["rate_limited", "unavailable"];
/** BLOB_OPEN, BLOB_PUT, BLOB_GET. */
const NEEDED: readonly number[] = [15, 16, 17];
const VERSION = 1;

/** Where a blob goes, who pays for it, and by what it is known. */
export interface Upload {
  readonly mailbox: Bytes;
  readonly token: Bytes;
  readonly blob: Bytes;
  readonly secret: Bytes;
  /** Of all parts together. */
  readonly sizeB: number;
}

/** What a transfer uses: the relay that it goes to, and what ends it. */
export interface Means {
  readonly host: FilesHost;
  readonly relayUrl: string;
  readonly signal: AbortSignal;
}

export function partsOf(sealedB: number): number {
  return Math.ceil(sealedB / PART_B);
}

/** Put all parts; returns when the blob ends. `read` gives stored ciphertext, the same each time (FIL-07). */
export function put(
  means: Means,
  upload: Upload,
  read: (index: number) => Promise<Bytes>,
  told: (done: number) => void,
): Promise<number> {
  return goOn(means, async (line, moved, pace) => {
    const { mailbox, token, blob, secret, sizeB } = upload;
    const count = partsOf(sizeB);
    let state = stateOf(await line.ask(openBlob(mailbox, token, blob, blobHash(secret), sizeB)), sizeB);
    let index = state.next;
    const waiting: Promise<Answer>[] = [];
    told(state.next);
    while (state.next < count) {
      while (index < count && waiting.length < pace.most) {
        waiting.push(line.ask(putPart(blob, secret, index, await read(index))));
        index += 1;
      }
      const oldest = waiting.shift();
      // What was put is not there: the next attempt asks where to go on.
      if (oldest === undefined) throw new FileError("relay.unavailable", "the relay has lost parts of the blob");
      state = stateOf(await oldest, sizeB);
      moved(state.next);
      told(state.next);
    }
    return state.expiresMs;
  });
}

function stateOf(answer: Answer, sizeB: number): BlobState {
  if (answer.name !== "blob_state" || answer.sizeB !== sizeB || answer.next > partsOf(sizeB)) {
    throw new FileError("relay.not_a_relay", "the relay speaks of another blob");
  }
  return answer;
}

/** Get the parts from `first` on, each batch handed to `write` in ascending order. */
export async function get(
  means: Means,
  { blob, sizeB, first }: { readonly blob: Bytes; readonly sizeB: number; readonly first: number },
  write: (index: number, parts: readonly Bytes[]) => Promise<void>,
): Promise<void> {
  const count = partsOf(sizeB);
  let done = first;
  await goOn(means, async (line, moved, pace) => {
    let index = done;
    const waiting: Promise<Answer>[] = [];
    while (done < count) {
      const atOnce = Math.min(pace.most, GOT_AT_ONCE);
      while (index < count && waiting.length < pace.most / atOnce) {
        waiting.push(line.ask(getParts(blob, index, atOnce)));
        index += atOnce;
      }
      const wanted = Math.min(atOnce, count - done);
      const parts = partsIn(await (waiting.shift() as Promise<Answer>), done, wanted, sizeB);
      await write(done, parts);
      done += parts.length;
      moved(done);
    }
    return 0;
  });
}

/** The parts that were asked for, each as long as its place is (FIL-05). */
function partsIn(answer: Answer, first: number, wanted: number, sizeB: number): readonly Bytes[] {
  if (answer.name !== "blob_data") throw new FileError("relay.not_a_relay", "the relay speaks of another blob");
  const { parts } = answer;
  const isRight = parts.every((part, i) => part.length === Math.min(PART_B, sizeB - (first + i) * PART_B));
  if (parts.length !== wanted || !isRight) throw corrupt();
  return parts;
}

/** Delete a blob, as its writer; one that is not there is no fault, nor is one of somebody else (RLY-246, FIL-26). */
export async function drop(means: Means, blob: Bytes, secret: Bytes): Promise<void> {
  await goOn(means, async (line) => {
    await line.ask(dropBlob(blob, secret)).catch((error: Partial<BlobRefused>) => {
      if (error.reason !== "denied") throw error;
    });
    return 0;
  });
}

// --- connections ---

interface Line {
  /** The answer to a request. @throws BlobRefused, FileError */
  ask(request: Request): Promise<Answer>;
  close(): void;
}

/** How many parts are on their way at most, over all connections of a transfer (RLY-257). */
interface Pace {
  most: number;
}

type Work = (line: Line, moved: (done: number) => void, pace: Pace) => Promise<number>;

/** Try again while that brings parts forward, and some times more. */
async function goOn(means: Means, work: Work): Promise<number> {
  let failures = 0;
  let most = 0;
  const pace = { most: IN_FLIGHT };
  const { clock } = means.host.ports;
  for (;;) {
    let now = most;
    let movedMs = clock.nowMs();
    const moved = (done: number): void => {
      now = Math.max(now, done);
      if (clock.nowMs() - movedMs <= QUICK_MS) pace.most = IN_FLIGHT;
      movedMs = clock.nowMs();
    };
    try {
      return await attempt(means, (line) => work(line, moved, pace));
    } catch (error) {
      const isLater = error instanceof BlobRefused && LATER.includes(error.reason);
      const isCut = error instanceof FileError && error.code === "relay.unavailable";
      if (means.signal.aborted || !(isLater || isCut)) throw error;
      failures = now > most ? 0 : failures + 1;
      if (isCut && failures > 0) pace.most = 1;
      most = now;
      if (failures >= ATTEMPTS) throw error;
      const pauseMs = isLater ? Math.max(PAUSE_MS, error.retryAfterMs) : PAUSE_MS * 2 ** failures;
      await sleep(means.host, Math.min(pauseMs, MOST_PAUSE_MS), means.signal, isCut);
    }
  }
}

async function attempt(means: Means, work: (line: Line) => Promise<number>): Promise<number> {
  const line = await openLine(means);
  try {
    return await work(line);
  } finally {
    line.close();
  }
}

type Settle = { readonly resolve: (answer: Answer) => void; readonly reject: (error: unknown) => void };

/** A connection that was greeted by a relay that has blobs. */
function openLine({ host, relayUrl, signal }: Means): Promise<Line> {
  const { ports } = host;
  const waiting = new Map<number, Settle>();
  let lastId = 0;
  let stopWaiting = (): void => {};
  return new Promise((opened, refused) => {
    function end(error: unknown): void {
      close();
      refused(error);
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
    }
    const cancelled = (): void => end(new FileError("file.cancelled", "given up"));
    function close(): void {
      stopWaiting();
      signal.removeEventListener("abort", cancelled);
      link.close();
    }
    /** One time for each answer: what else a relay sends meanwhile does not prolong it. */
    function wait(): void {
      stopWaiting();
      const late = (): void => end(new FileError("relay.unavailable", "no answer in time"));
      stopWaiting = ports.clock.wake(ports.clock.nowMs() + ANSWER_MS, late);
    }
    function ask(request: Request): Promise<Answer> {
      lastId += 1;
      if (waiting.size === 0) wait();
      const answered = new Promise<Answer>((resolve, reject) => waiting.set(lastId, { resolve, reject }));
      // Who waits for it may have given up by then.
      answered.catch(() => {});
      link.send(encodeRequest(lastId, request));
      return answered;
    }
    function take(requestId: number, answer: Answer): void {
      const asked = waiting.get(requestId);
      if (asked === undefined) return;
      waiting.delete(requestId);
      if (waiting.size > 0) wait();
      else stopWaiting();
      if (answer.name === "error") asked.reject(new BlobRefused(CODE_NAMES[answer.code] ?? "", answer.retryAfterMs));
      else asked.resolve(answer);
    }
    function received(message: Bytes): void {
      for (const frame of decodeAnswers(message)) {
        if ("answer" in frame) take(frame.requestId, frame.answer);
        else if ("push" in frame && frame.push.name === "hello") {
          const { version, operations } = frame.push;
          if (version !== VERSION) throw new FileError("relay.not_a_relay", "no relay of our version");
          if (!NEEDED.every((one) => operations.includes(one))) throw new BlobRefused("unknown_operation");
          stopWaiting();
          opened({ ask, close });
        }
      }
    }
    const link = ports.connect(relayUrl, {
      opened: () => {},
      received: (message) => {
        try {
          received(message);
        } catch (error) {
          end(error instanceof FileError ? error : new FileError("relay.not_a_relay", "the relay's answers are none"));
        }
      },
      closed: () => end(new FileError("relay.unavailable", "the connection is gone")),
    });
    signal.addEventListener("abort", cancelled, { once: true });
    wait();
    if (signal.aborted) cancelled();
  });
}
