/** What is to be done at a time: by name, each at most once. Nothing of it is stored. */

import type { Turn } from "./turn.ts";

type Step = (turn: Turn) => void;

export class Timers {
  readonly #due = new Map<string, { readonly atMs: number; readonly step: Step }>();

  set(name: string, atMs: number, step: Step): void {
    this.#due.set(name, { atMs, step });
  }

  drop(name: string): void {
    this.#due.delete(name);
  }

  atMs(name: string): number | null {
    return this.#due.get(name)?.atMs ?? null;
  }

  isWaiting(name: string, nowMs: number): boolean {
    const at = this.atMs(name);
    return at !== null && nowMs < at;
  }

  wakeMs(): number | null {
    const times = [...this.#due.values()].map((one) => one.atMs);
    return times.length === 0 ? null : Math.min(...times);
  }

  /** What a clock ahead of now has put off is due now. */
  clockPutBack(nowMs: number): void {
    for (const [name, { atMs, step }] of this.#due) this.#due.set(name, { atMs: Math.min(atMs, nowMs), step });
  }

  run(turn: Turn): void {
    for (const [name, entry] of [...this.#due]) {
      if (turn.nowMs < entry.atMs || this.#due.get(name) !== entry) continue;
      this.#due.delete(name);
      entry.step(turn);
    }
  }
}
