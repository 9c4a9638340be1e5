/** Calls of a tab that wait for their answer, and those that a leader has under way (STO-39). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex } from "@sealroom/core/bytes.ts";
import type { Load, Message } from "./messages.ts";

const MAX_WAITING = 64;
const MAX_UNFINISHED = 256;
const MAX_REMEMBERED = 256;

/**
 * A call was refused: with a code of the registry, or `tabs.busy`, `tabs.too_large`, `tabs.left`, `tabs.failed`; with
 * `tabs.unsure` where a leader had begun it and went.
 */
export class TabsError extends Error {
  override readonly name = "TabsError";
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

export type Call = Extract<Message, { kind: "call" }>;
type Answered = Extract<Message, { kind: "answer" }>;

export interface Waiting {
  ask(call: Call, isRepeatable: boolean): Promise<Load>;
  begun(id: Bytes): void;
  answered(answer: Answered): void;
  /** Another leads: what is to be asked of it. What its predecessor had begun is so only if it may be repeated. */
  again(): readonly Call[];
  giveUp(): void;
}

interface One {
  readonly call: Call;
  readonly isRepeatable: boolean;
  hasBegun: boolean;
  readonly resolve: (load: Load) => void;
  readonly reject: (error: TabsError) => void;
}

export function waitingCalls(): Waiting {
  const waiting = new Map<string, One>();
  function take(id: Bytes): One | undefined {
    const found = waiting.get(hex(id));
    waiting.delete(hex(id));
    return found;
  }
  return {
    ask: (call, isRepeatable) => {
      if (waiting.size >= MAX_WAITING) return Promise.reject(new TabsError("tabs.busy"));
      return new Promise((resolve, reject) => {
        waiting.set(hex(call.id), { call, isRepeatable, hasBegun: false, resolve, reject });
      });
    },
    begun: (id) => {
      const found = waiting.get(hex(id));
      if (found !== undefined) found.hasBegun = true;
    },
    answered: ({ id, code, load }) => {
      const found = take(id);
      if (code === "") found?.resolve(load);
      else found?.reject(new TabsError(code));
    },
    again: () => {
      for (const { call, hasBegun, isRepeatable, reject } of [...waiting.values()]) {
        if (!hasBegun || isRepeatable) continue;
        take(call.id);
        reject(new TabsError("tabs.unsure"));
      }
      return [...waiting.values()].map(({ call }) => call);
    },
    giveUp: () => {
      for (const { reject } of waiting.values()) reject(new TabsError("tabs.left"));
      waiting.clear();
    },
  };
}

export type Answers = (call: Call) => Promise<Load>;

/** Carries out each call once, however often it comes. */
export function once(carryOut: Answers): Answers {
  const begun = new Map<string, Promise<Load>>();
  let unfinished = 0;
  return (call) => {
    const id = hex(call.id);
    const known = begun.get(id);
    if (known !== undefined) return known;
    if (unfinished >= MAX_UNFINISHED) return Promise.reject(new TabsError("tabs.busy"));
    unfinished += 1;
    const answer = carryOut(call).finally(() => {
      unfinished -= 1;
    });
    begun.set(id, answer);
    const [oldest] = begun.keys();
    if (begun.size > MAX_REMEMBERED && oldest !== undefined) begun.delete(oldest);
    return answer;
  };
}

/** The code that another tab is told of what a call was refused with. */
export function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  if (typeof code === "string" && /^[a-z]+\.[a-z_]{1,48}$/.test(code)) return code;
  reportError(error);
  return "tabs.failed";
}
