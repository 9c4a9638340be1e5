/** What goes wrong around an engine, for tests: answers that are lost, given twice, garbage, old messages, dead stores. */
import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex } from "@sealroom/core/bytes.ts";
import type { Change, Connect, Link, LinkEvents, Ports } from "../src/engine/ports.ts";
import type { MemoryPlace } from "./memory_store.ts";

const MAX_KEPT = 400;
/** A message that has a part of a file: no other is as long. */
const LEAST_PART_B = 60_000;

export class Faults {
  /** How many messages of a relay are still lost, each with its connection. */
  toLose = 0;
  /** How many messages to a relay are still lost, each with its connection. */
  toSwallow = 0;
  /** After how many parts of files, sent or received, a connection is lost, once; 0 is never. */
  partsToCut = 0;
  /** A relay that was cut so is away until this is false. */
  staysAway = false;
  #isAway = false;
  /** Parts of files that were sent or received. */
  parts = 0;
  /** Every message of a relay comes twice. */
  isDoubling = false;
  /** Calls of what a person that has accepted nothing must not use. */
  readonly calls = { random: 0, connect: 0, wake: 0 };
  readonly #came: Bytes[] = [];
  #inject: (message: Bytes) => void = () => {};

  /** Ports that count, and fail as asked for. */
  around(ports: Ports): Ports {
    const { clock } = ports;
    return {
      ...ports,
      connect: this.#connect(ports.connect),
      random: (sizeB) => {
        this.calls.random += 1;
        return ports.random(sizeB);
      },
      clock: {
        nowMs: clock.nowMs,
        wake: (atMs, then) => {
          this.calls.wake += 1;
          return clock.wake(atMs, then);
        },
      },
    };
  }

  #connect(connect: Connect): Connect {
    return (relayUrl, events) => {
      this.calls.connect += 1;
      if (this.#isAway && this.staysAway) {
        queueMicrotask(() => events.closed("relay.unavailable"));
        return { close: () => {}, send: () => {} };
      }
      const lose: { now: () => void } = { now: () => {} };
      const link: Link = connect(relayUrl, { ...events, received: (message) => this.#received(events, message, lose) });
      lose.now = () => {
        link.close();
        events.closed("relay.unavailable");
      };
      this.#inject = events.received;
      return { close: () => link.close(), send: (message) => this.#send(link, message, lose) };
    };
  }

  #send(link: Link, message: Bytes, lose: { readonly now: () => void }): void {
    if (this.#isCutBy(message)) setTimeout(lose.now, 0);
    else if (this.toSwallow === 0) link.send(message);
    else {
      this.toSwallow -= 1;
      setTimeout(lose.now, 0);
    }
  }

  #received(events: LinkEvents, message: Bytes, lose: { readonly now: () => void }): void {
    if (this.#isCutBy(message)) {
      lose.now();
      return;
    }
    if (this.toLose > 0) {
      this.toLose -= 1;
      lose.now();
      return;
    }
    if (this.#came.length < MAX_KEPT) this.#came.push(message);
    events.received(message);
    if (this.isDoubling) events.received(message);
  }

  /** Whether a message is the part behind which the connection is cut. */
  #isCutBy(message: Bytes): boolean {
    if (message.length < LEAST_PART_B) return false;
    this.parts += 1;
    if (this.partsToCut === 0) return false;
    this.partsToCut -= 1;
    this.#isAway = this.partsToCut === 0;
    return this.#isAway;
  }

  /** Give the newest connection what came on any before, and what no relay says. */
  replay(): number {
    for (const message of this.#came) this.#inject(message);
    return this.#came.length;
  }

  /** Bytes of no protocol, of every length up to some, and a message that is cut short. */
  garble(): void {
    const [first] = this.#came;
    if (first !== undefined) this.#inject(first.subarray(0, first.length - 1) as Bytes);
    for (let sizeB = 0; sizeB < 40; sizeB++) this.#inject(new Uint8Array(sizeB).fill(0xff));
  }
}

/**
 * Whether a commit writes a text of the person and a row of a kind. What is learnt of an earlier text is committed at
 * any time and writes the same kinds.
 */
function writes(changes: readonly Change[], text: string, kind: string): boolean {
  const said = hex(new TextEncoder().encode(text));
  const put = changes.filter((one) => one.value !== null);
  const isOfText = put.some((one) => one.kind === "entry" && hex(one.value ?? new Uint8Array(0)).includes(said));
  return isOfText && put.some((one) => one.kind === kind);
}

/** Let the store's process die after the commit that writes this text, a row of this kind and something to be sent. */
export function dieAfter(place: MemoryPlace, kind: string, text: string): void {
  place.diesAfter = (changes) => {
    const isIt = writes(changes, text, kind) && writes(changes, text, "outbox");
    if (isIt) place.diesAfter = () => false;
    return isIt;
  };
}

/** Let the commit with this text find a full disk. */
export function fillFor(place: MemoryPlace, text: string): void {
  place.isFull = (changes) => writes(changes, text, "entry");
}
