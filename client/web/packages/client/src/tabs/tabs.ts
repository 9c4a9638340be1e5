/**
 * The tabs and frames of one origin: one leads, which alone has store and connections; the others ask it (STO-38).
 *
 * A tab that is hidden for good, or frozen, lets the lead go; one that comes back stands again. A leader that does not
 * answer a tab which somebody looks at is deposed: should it wake, its next commit is refused (STO-33).
 */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { same } from "@sealroom/core/bytes.ts";
import type { Rng } from "@sealroom/core/ports.ts";
import { draw } from "@sealroom/core/ports.ts";
import type { Clock } from "../engine/ports.ts";
import type { Answers, Call } from "./calls.ts";
import { codeOf, once, TabsError, waitingCalls } from "./calls.ts";
import type { Election } from "./election.ts";
import { contend } from "./election.ts";
import type { Load, Message } from "./messages.ts";
import { decodeMessage, encodeMessage, ID_B } from "./messages.ts";

/** How often a tab that is looked at asks whether the leader lives, and how long it waits for an answer. */
export const ASK_MS = 2_000;
export const PATIENCE_MS = 3_000;

/** What a leader does for all tabs. */
export interface Leadership {
  /** Carry out a call; `id` is the same when one that may be repeated comes to a later leader again. */
  answer(method: string, load: Load, id: Bytes): Promise<Load>;
  /** Close connections and store. */
  end(): Promise<void>;
}

export interface TabsOptions {
  /** Names lock and channel; the same in every tab. */
  readonly name: string;
  readonly rng: Rng;
  readonly clock: Clock;
  /** The lead is ours: open store and connections. `emit` tells all tabs, this one too. */
  lead(emit: (load: Load) => void): Promise<Leadership>;
  /** It could not be opened, or the browser lets no tab lead or speak; this tab stands no more. */
  failed(error: unknown): void;
  /** Another tab leads now, or this one: what is known is to be asked for anew. */
  ledBy(isUs: boolean): void;
  /** What the leader tells. */
  heard(load: Load): void;
}

export interface Tabs {
  isLeader(): boolean;
  /**
   * Have the leader do something, whichever tab it is. What a leader had begun that went is asked of the next only if
   * `isRepeatable`.
   *
   * @throws TabsError
   */
  call(method: string, load: Load, isRepeatable?: boolean): Promise<Load>;
  leave(): Promise<void>;
}

export function joinTabs(options: TabsOptions): Tabs {
  const us = draw(options.rng, ID_B);
  const waiting = waitingCalls();
  let channel: BroadcastChannel | null = null;
  let election: Election | null = null;
  let answers: Answers | null = null;
  let leader: Bytes | null = null;
  /** The lock is ours, from before anything is opened until all is closed. */
  let holdsLock = false;
  let stopWaiting = (): void => {};

  function post(message: Message): boolean {
    const posted = encodeMessage(message);
    if (posted !== null) channel?.postMessage(posted);
    return posted !== null;
  }

  // --- leading ---

  async function lead(over: AbortSignal): Promise<void> {
    holdsLock = true;
    const leadership = await begun();
    if (leadership === null) return;
    if (!over.aborted) {
      answers = once(({ method, load, id }) => leadership.answer(method, load, id));
      led(us);
      post({ kind: "leader", from: us });
      await new Promise<void>((resolve) => over.addEventListener("abort", () => resolve(), { once: true }));
    }
    answers = null;
    if (leader !== null && same(leader, us)) leader = null;
    await leadership.end();
    holdsLock = false;
    ask();
  }

  async function begun(): Promise<Leadership | null> {
    try {
      return await options.lead(emit);
    } catch (error) {
      fail(error);
      return null;
    }
  }

  function fail(error: unknown): void {
    options.failed(error);
    void leave();
  }

  function emit(load: Load): void {
    if (answers === null) return;
    post({ kind: "event", from: us, load });
    options.heard(load);
  }

  async function answer(call: Call, by: Answers): Promise<void> {
    const empty = { data: new Uint8Array(0), blob: null };
    if (same(call.from, us)) waiting.begun(call.id);
    else post({ kind: "begun", to: call.from, id: call.id });
    const said = await by(call).then(
      (load) => ({ code: "", load }),
      (error: unknown) => ({ code: codeOf(error), load: empty }),
    );
    const message: Message = { kind: "answer", to: call.from, id: call.id, ...said };
    if (same(call.from, us)) waiting.answered(message);
    else if (!post(message)) post({ ...message, code: "tabs.too_large", load: empty });
  }

  // --- following ---

  /** Some tab leads: one that did not before gets all that waits for an answer. */
  function led(by: Bytes): void {
    stopWaiting();
    watch();
    if (leader !== null && same(leader, by)) return;
    leader = by;
    options.ledBy(answers !== null);
    for (const call of waiting.again()) carry(call);
  }

  function carry(call: Call): void {
    if (answers !== null) void answer(call, answers);
    else post(call);
  }

  function heard(event: MessageEvent<unknown>): void {
    const message = decodeMessage(event.data);
    if (message === null) return;
    switch (message.kind) {
      case "hello":
        if (answers !== null) post({ kind: "leader", from: us });
        return;
      case "leader":
        if (answers === null) led(message.from);
        return;
      case "call":
        if (answers !== null) void answer(message, answers);
        return;
      case "answer":
        if (same(message.to, us)) waiting.answered(message);
        return;
      case "begun":
        if (same(message.to, us)) waiting.begun(message.id);
        return;
      case "event":
        if (answers === null && leader !== null && same(leader, message.from)) options.heard(message.load);
        return;
    }
  }

  /** Ask whether somebody leads; who does not answer in time is deposed, by a tab that is looked at. */
  function ask(): void {
    stopWaiting();
    if (election === null || holdsLock) return;
    post({ kind: "hello", from: us });
    if (document.visibilityState !== "visible") return;
    stopWaiting = options.clock.wake(options.clock.nowMs() + PATIENCE_MS, () => {
      if (document.visibilityState === "visible" && !holdsLock) election?.depose();
    });
  }

  function watch(): void {
    stopWaiting();
    if (holdsLock || document.visibilityState !== "visible") return;
    stopWaiting = options.clock.wake(options.clock.nowMs() + ASK_MS, ask);
  }

  // --- the life of a page ---

  function join(): void {
    if (election !== null) return;
    try {
      channel = new BroadcastChannel(options.name);
    } catch (error) {
      fail(error);
      return;
    }
    channel.onmessage = heard;
    election = contend(options.name, lead, fail);
    ask();
  }

  /** Let go; what waits is carried on when the page comes back. */
  async function part(): Promise<void> {
    const parting = election;
    election = null;
    leader = null;
    stopWaiting();
    channel?.close();
    channel = null;
    await parting?.stop();
  }

  const life = new AbortController();
  const until = { signal: life.signal };
  addEventListener("pagehide", () => void part(), until);
  addEventListener("pageshow", (event) => (event.persisted ? join() : undefined), until);
  document.addEventListener("freeze", () => void part(), until);
  document.addEventListener("resume", join, until);
  document.addEventListener("visibilitychange", () => (election === null ? undefined : ask()), until);

  async function leave(): Promise<void> {
    life.abort();
    const parted = part();
    waiting.giveUp();
    await parted;
  }

  join();
  return {
    isLeader: () => answers !== null,
    call: (method, load, isRepeatable = false) => {
      const call: Call = { kind: "call", from: us, id: draw(options.rng, ID_B), method, load };
      if (life.signal.aborted) return Promise.reject(new TabsError("tabs.left"));
      if (encodeMessage(call) === null) return Promise.reject(new TabsError("tabs.too_large"));
      const answered = waiting.ask(call, isRepeatable);
      carry(call);
      return answered;
    },
    leave,
  };
}
