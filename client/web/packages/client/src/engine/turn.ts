/** One step of the engine: row changes first, everything that leaves the device after them (STO-09). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex } from "@sealroom/core/bytes.ts";
import type { CustomerEvent } from "./events.ts";
import type { Change, Kind } from "./ports.ts";

/** The connections of a customer's device: one that proves its mailbox, one to send, which tells nobody whose it is. */
export type Channel = "mailbox" | "send";

export type Effect =
  | { readonly name: "open"; readonly channel: Channel; readonly relayUrl: string }
  | { readonly name: "close"; readonly channel: Channel }
  | { readonly name: "send"; readonly channel: Channel; readonly message: Bytes }
  | {
      readonly name: "work";
      readonly channel: Channel;
      readonly number: number;
      readonly context: Bytes;
      readonly bits: number;
    }
  /** Fetch the code for what comes from others. */
  | { readonly name: "fetch" }
  | { readonly name: "notify"; readonly event: CustomerEvent };

type Encode = () => Bytes;

interface Put {
  readonly kind: Kind;
  readonly key: Bytes;
  /** Encoded when the step has ended: a step may change a row many times. */
  readonly encode: Encode | null;
}

export class Turn {
  readonly nowMs: number;
  readonly #changes = new Map<string, Put>();
  readonly #effects: Effect[] = [];

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  put(kind: Kind, key: Bytes, encode: Encode): void {
    this.#changes.set(`${kind}:${hex(key)}`, { kind, key, encode });
  }

  delete(kind: Kind, key: Bytes): void {
    this.#changes.set(`${kind}:${hex(key)}`, { kind, key, encode: null });
  }

  /** Do this after the commit. */
  after(effect: Effect): void {
    this.#effects.push(effect);
  }

  notify(event: CustomerEvent): void {
    this.after({ name: "notify", event });
  }

  get isEmpty(): boolean {
    return this.#changes.size === 0 && this.#effects.length === 0;
  }

  changes(): readonly Change[] {
    return [...this.#changes.values()].map(({ kind, key, encode }) => ({
      kind,
      key,
      value: encode === null ? null : encode(),
    }));
  }

  effects(): readonly Effect[] {
    return this.#effects;
  }
}
