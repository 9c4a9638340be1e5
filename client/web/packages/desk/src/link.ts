/** The connection to the agent's process: what is asked is answered by its number, all else is told. */

import type { Asked, Failed, FromPage, ToPage } from "./messages.ts";
import { ours } from "./session.ts";

const UNKNOWN = 4401;
/** The process is on this machine: what is not open by then is not answered at all. */
const OPEN_MS = 10_000;
const AGAIN_MS = [250, 500, 1_000, 2_000, 4_000] as const;

type Unnumbered<M> = M extends Asked ? Omit<M, "ask"> : never;
/** What is asked, without its number. */
export type Question = Unnumbered<Asked>;
export type Answer = Extract<ToPage, { readonly ask: number }>;

/** What was not done, by its code. */
export class DeskFailure extends Error {
  readonly code: string;
  readonly isRetryable: boolean;
  readonly notBeforeMs: number | null;

  constructor(failed: Pick<Failed, "code" | "retryable" | "notBeforeMs">) {
    super(failed.code);
    this.code = failed.code;
    this.isRetryable = failed.retryable;
    this.notBeforeMs = failed.notBeforeMs;
  }
}

export interface LinkEvents {
  told(message: ToPage): void;
  /** `expired`: the session is not known; `lost`: the process is gone for now; `silent`: it does not answer. */
  closed(why: "expired" | "lost" | "silent"): void;
}

export interface Link {
  ask(question: Question): Promise<Answer>;
  say(message: Exclude<FromPage, Asked>): void;
  close(): void;
}

interface Waiting {
  resolve(answer: Answer): void;
  reject(failure: DeskFailure): void;
}

/** Connect, and go on connecting until it is closed. */
export function connect(key: string, events: LinkEvents): Link {
  const waiting = new Map<number, Waiting>();
  let socket: WebSocket | null = null;
  let numbers = 0;
  let tries = 0;
  let isClosed = false;

  function open(): void {
    const made = new WebSocket(`ws://${location.host}${ours("/link")}`);
    let isSilent = false;
    const limit = setTimeout(() => {
      isSilent = true;
      made.close();
    }, OPEN_MS);
    socket = made;
    made.addEventListener("open", () => {
      clearTimeout(limit);
      made.send(JSON.stringify({ type: "enter", key }));
    });
    made.addEventListener("message", (event) => take(JSON.parse(String(event.data)) as ToPage));
    made.addEventListener("close", (event) => {
      clearTimeout(limit);
      ended(event.code === UNKNOWN ? "expired" : isSilent ? "silent" : "lost");
    });
  }

  function take(message: ToPage): void {
    tries = 0;
    if (!("ask" in message)) {
      events.told(message);
      return;
    }
    const asked = waiting.get(message.ask);
    waiting.delete(message.ask);
    if (message.type === "failed") asked?.reject(new DeskFailure(message));
    else asked?.resolve(message);
  }

  function ended(why: "expired" | "lost" | "silent"): void {
    const lost = new DeskFailure({ code: "local.desk_lost", retryable: true, notBeforeMs: null });
    for (const asked of waiting.values()) asked.reject(lost);
    waiting.clear();
    if (isClosed) return;
    events.closed(why);
    if (why === "expired") return;
    setTimeout(open, AGAIN_MS[Math.min(tries, AGAIN_MS.length - 1)]);
    tries += 1;
  }

  function send(message: object): boolean {
    if (socket?.readyState !== WebSocket.OPEN) return false;
    socket.send(JSON.stringify(message));
    return true;
  }

  open();
  return {
    ask(question) {
      numbers += 1;
      const ask = numbers;
      return new Promise((resolve, reject) => {
        waiting.set(ask, { resolve, reject });
        if (send({ ...question, ask })) return;
        waiting.delete(ask);
        reject(new DeskFailure({ code: "local.desk_lost", retryable: true, notBeforeMs: null }));
      });
    },
    say: (message) => void send(message),
    close() {
      isClosed = true;
      socket?.close();
    },
  };
}
