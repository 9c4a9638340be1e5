/** Calls of a tab that wait for their answer, and those that a leader has under way (STO-39). */

import { hex } from "@sealroom/core/bytes.ts";
import type { Load, Message } from "./messages.ts";

const MAX_WAITING = 64;
const MAX_UNFINISHED = 256;
const MAX_REMEMBERED = 256;

/** A call was refused: with a code of the registry, or `tabs.busy`, `tabs.too_large`, `tabs.left`, `tabs.failed`. */
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
  /** Wait for the answer; `post` sends the call, again whenever another tab begins to lead. */
  ask(call: Call): Promise<Load>;
  answered(answer: Answered): void;
  all(): readonly Call[];
  giveUp(): void;
}

export function waitingCalls(): Waiting {
  const waiting = new Map<string, { call: Call; resolve: (load: Load) => void; reject: (error: TabsError) => void }>();
  return {
    ask: (call) => {
      if (waiting.size >= MAX_WAITING) return Promise.reject(new TabsError("tabs.busy"));
      return new Promise((resolve, reject) => waiting.set(hex(call.id), { call, resolve, reject }));
    },
    answered: ({ id, code, load }) => {
      const found = waiting.get(hex(id));
      waiting.delete(hex(id));
      if (code === "") found?.resolve(load);
      else found?.reject(new TabsError(code));
    },
    all: () => [...waiting.values()].map(({ call }) => call),
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
