/** Drives an engine: one step at a time, its rows committed before anything of it leaves (STO-09). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import type { Context } from "./engine/context.ts";
import type { Engine } from "./engine/engine.ts";
import type { CustomerEvent } from "./engine/events.ts";
import type { Kind, Link, Ports, Store } from "./engine/ports.ts";
import { StoreError } from "./engine/ports.ts";
import type { Channel, Effect, Turn } from "./engine/turn.ts";
import { ClientError, codeOf } from "./errors.ts";

export type Listener = (event: CustomerEvent) => void;

/** How long a store is left alone that had no room for two commits in a row; twice as long after each further one. */
const FIRST_PAUSE_MS = 1_000;
const MOST_PAUSE_MS = 60_000;

/** What opens a store: code of its own, and that for what comes from others. */
export async function opening(ports: Ports): Promise<(store: Store) => Promise<Engine | null>> {
  const [{ loadEngine }, received] = await Promise.all([ports.stored(), ports.received()]);
  return (store) => loadEngine(store, ports.random, received, ports.later);
}

/** Ends by itself where somebody else has written to the store, or the store is gone. */
export class Shell {
  readonly #ports: Ports;
  readonly #store: Store;
  #engine: Engine;
  #version: number;
  #queue: Promise<unknown> = Promise.resolve();
  #isOnline = false;
  #isOver = false;
  #isLost = false;
  /** Commits in a row for which the store had no room. */
  #refusals = 0;
  /** When an engine that was read anew goes online; 0 where it is, or is not to be. */
  #startMs = 0;
  #failure: StoreError | null = null;
  #unwake: () => void = () => {};
  readonly #links = new Map<Channel, Link>();
  readonly #working = new Map<Channel, AbortController>();
  readonly #listeners = new Set<Listener>();

  constructor(ports: Ports, store: Store, engine: Engine, version: number) {
    this.#ports = ports;
    this.#store = store;
    this.#engine = engine;
    this.#version = version;
  }

  /** The engine, to be read; null while none is there. */
  get context(): Context {
    return this.#engine.context;
  }

  /** What most people never ask for. */
  later(): ReturnType<Ports["later"]> {
    return this.#ports.later();
  }

  /** Have the code for what comes from others, before a step that needs it. */
  async received(): Promise<void> {
    if (this.context.received !== null) return;
    const received = await this.#ports.received();
    await this.#step((engine, nowMs) => engine.came(received, nowMs));
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** The store has no room: nothing is taken or written until it has. */
  get isFull(): boolean {
    return this.#refusals > 0;
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  nowMs(): number {
    return this.#ports.clock.nowMs();
  }

  /** A row that the engine does not keep in memory. */
  stored(kind: Kind, key: Bytes): Promise<Bytes | null> {
    return this.#store.get(kind, key);
  }

  /** Carry out what a person wants; resolves when it is on disk. */
  do<T>(work: (c: Context, turn: Turn) => T): Promise<T> {
    return this.#run((engine, nowMs) => engine.do(nowMs, work));
  }

  /** An engine that does not go on from its last run says so before anything else (STO-34, STO-41). */
  async start(isContinuous: boolean): Promise<void> {
    this.#isLost = !isContinuous;
    await this.goOnline();
  }

  /** Without room it does so by itself when there is some, and says so meanwhile (STO-41). */
  async goOnline(): Promise<void> {
    this.#isOnline = true;
    await this.#step((engine, nowMs) => engine.start(nowMs)).catch((error: unknown) => {
      if (this.#isOver || codeOf(error) !== "store.full") throw error;
    });
  }

  /** Network or page have come back: wait no longer for the next attempt to connect. */
  retry(): void {
    this.#happens((engine, nowMs) => engine.retry(nowMs));
  }

  async goOffline(): Promise<void> {
    this.#isOnline = false;
    this.#startMs = 0;
    await this.#step((engine, nowMs) => engine.stop(nowMs));
  }

  /** Go offline and close the store; what was asked for before is carried out. */
  async close(): Promise<void> {
    if (this.#isOver) return;
    await this.goOffline().catch(() => {});
    this.#end();
    await this.#store.close();
  }

  async destroy(): Promise<void> {
    await this.goOffline().catch(() => {});
    this.#end();
    await this.#store.destroy();
  }

  #end(): void {
    this.#isOver = true;
    this.#unwake();
    this.#dropLinks();
  }

  #dropLinks(): void {
    for (const link of this.#links.values()) link.close();
    for (const work of this.#working.values()) work.abort();
    this.#links.clear();
    this.#working.clear();
  }

  // --- steps ---

  #step(step: (engine: Engine, nowMs: number) => Turn): Promise<void> {
    return this.#run((engine, nowMs) => ({ turn: step(engine, nowMs), result: undefined }));
  }

  /** What the world brings; a failure of the store is told, since nobody waits for it. */
  #happens(step: (engine: Engine, nowMs: number) => Turn): void {
    if (this.#isOver) return;
    this.#step(step).catch((error: unknown) => {
      if (!this.#isOver && !(error instanceof StoreError)) throw error;
    });
  }

  #run<T>(step: (engine: Engine, nowMs: number) => { readonly turn: Turn; readonly result: T }): Promise<T> {
    const done = this.#queue.then(() => this.#now(step));
    this.#queue = done.catch(() => {});
    return done;
  }

  async #now<T>(step: (engine: Engine, nowMs: number) => { readonly turn: Turn; readonly result: T }): Promise<T> {
    if (this.#isOver) throw this.#failure ?? new ClientError("client.closed", "the client was closed");
    if (this.#isLost) await this.#take((engine, nowMs) => ({ turn: engine.lost(nowMs), result: null }));
    this.#isLost = false;
    return await this.#take(step);
  }

  async #take<T>(step: (engine: Engine, nowMs: number) => { readonly turn: Turn; readonly result: T }): Promise<T> {
    let taken: { readonly turn: Turn; readonly result: T };
    try {
      taken = step(this.#engine, this.nowMs());
    } catch (error) {
      if (this.#engine.isAhead) await this.#reload().catch((failure: unknown) => this.#failed(failure));
      throw error;
    }
    await this.#commit(taken.turn);
    for (const effect of taken.turn.effects()) this.#carryOut(effect);
    this.#wake();
    return taken.result;
  }

  async #commit(turn: Turn): Promise<void> {
    const changes = turn.changes();
    if (changes.length === 0) return;
    try {
      this.#version = await this.#store.commit(changes, this.#version);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (error.code !== "store.full") this.#fail(error);
      else {
        // What came was not acknowledged, and comes again (STO-41).
        this.#refusals += 1;
        await this.#reload().catch((failure: unknown) => this.#failed(failure));
        if (!this.#isOver) this.tell({ type: "connection", state: "offline", code: error.code });
      }
      throw error;
    }
    this.#refusals = 0;
    this.#startMs &&= this.nowMs();
  }

  /** What was wrong first is what is told; without a store nothing goes on. */
  #failed(failure: unknown): void {
    if (!(failure instanceof StoreError)) throw failure;
    this.#fail(failure);
  }

  /** The store is not ours any more, or gone: nothing goes on. */
  #fail(error: StoreError): void {
    this.#failure = error;
    this.#end();
    this.tell({ type: "connection", state: "offline", code: error.code });
  }

  /** Memory is ahead of the store, which is the truth: begin anew from it, later each time that it has no room. */
  async #reload(): Promise<void> {
    this.#dropLinks();
    const open = await opening(this.#ports).catch(() => {
      throw new StoreError("store.unavailable", "what opens the store is not here");
    });
    const engine = await open(this.#store);
    if (engine === null) throw new StoreError("store.corrupt", "the store holds no account");
    this.#engine = engine;
    const pauseMs = this.#refusals < 2 ? 0 : Math.min(MOST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#refusals - 2));
    if (this.#isOnline) this.#startMs = this.nowMs() + pauseMs;
    this.#wake();
  }

  #wake(): void {
    this.#unwake();
    const atMs = this.#startMs || this.#engine.wakeMs();
    if (atMs === null || this.#isOver) return;
    const due = (engine: Engine, nowMs: number): Turn => {
      const isStart = this.#startMs > 0;
      this.#startMs = 0;
      return isStart ? engine.start(nowMs) : engine.tick(nowMs);
    };
    this.#unwake = this.#ports.clock.wake(atMs, () => this.#happens(due));
  }

  // --- effects ---

  #carryOut(effect: Effect): void {
    switch (effect.name) {
      case "open":
        this.#open(effect.channel, effect.relayUrl);
        return;
      case "close":
        this.#close(effect.channel);
        return;
      case "send":
        this.#links.get(effect.channel)?.send(effect.message);
        return;
      case "work":
        this.#work(effect.channel, effect.number, effect.context, effect.bits);
        return;
      case "fetch":
        this.#fetch();
        return;
      case "notify":
        this.tell(effect.event);
        return;
    }
  }

  #fetch(): void {
    this.#ports.received().then(
      (received) => this.#happens((engine, nowMs) => engine.came(received, nowMs)),
      () => this.#happens((engine, nowMs) => engine.cameNot(nowMs)),
    );
  }

  #open(channel: Channel, relayUrl: string): void {
    this.#close(channel);
    const isOurs = (): boolean => this.#links.get(channel) === link;
    const happens = (step: (engine: Engine, nowMs: number) => Turn): void => {
      if (isOurs()) this.#happens((engine, nowMs) => step(engine, nowMs));
    };
    const link = this.#ports.connect(relayUrl, {
      opened: () => happens((engine, nowMs) => engine.opened(channel, nowMs)),
      received: (message) => happens((engine, nowMs) => engine.received(channel, message, nowMs)),
      closed: (code) => {
        if (!isOurs()) return;
        this.#links.delete(channel);
        this.#happens((engine, nowMs) => engine.closed(channel, code, nowMs));
      },
    });
    this.#links.set(channel, link);
  }

  #close(channel: Channel): void {
    this.#links.get(channel)?.close();
    this.#links.delete(channel);
    this.#working.get(channel)?.abort();
    this.#working.delete(channel);
  }

  #work(channel: Channel, number: number, context: Bytes, bits: number): void {
    const controller = this.#working.get(channel) ?? new AbortController();
    this.#working.set(channel, controller);
    this.#ports.work(context, bits, controller.signal).then(
      (work) => this.#happens((engine, nowMs) => engine.worked(channel, number, work, nowMs)),
      () => {}, // Given up with its connection.
    );
  }

  tell(event: CustomerEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }
}
