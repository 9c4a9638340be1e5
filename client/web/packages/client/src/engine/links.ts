/**
 * Connections to the company's relay, without sockets: requests and answers, states, and when to try again.
 *
 *     closed --open--> opening --opened--> greeting --HELLO--> (authenticating) --> ready
 *        ^------------------------ closed, after a jittered delay -----------------'
 */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { readU32 } from "@sealroom/core/bytes.ts";
import type { Answer, Hello } from "@sealroom/core/relay/answers.ts";
import { MAX_POW_BITS } from "@sealroom/core/relay/proofs.ts";
import type { Request } from "@sealroom/core/relay/requests.ts";
import { encodeRequest } from "@sealroom/core/relay/requests.ts";
import type { Context } from "./context.ts";
import type { Channel, Turn } from "./turn.ts";

const PROTOCOL_VERSION = 1;
const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 60_000;
const REQUEST_TIMEOUT_MS = 30_000;
const OPEN_TIMEOUT_MS = 30_000;
const MAX_REQUEST_ID = 2 ** 32 - 1;
/** What a relay may ask a client to wait (chapter 08, numbers from outside). */
export const MAX_RETRY_AFTER_MS = 3_600_000;

export type Answered = (turn: Turn, answer: Answer) => void;
type Worked = (turn: Turn, work: Bytes) => void;

export interface Link {
  readonly channel: Channel;
  state: "closed" | "opening" | "greeting" | "authenticating" | "ready";
  hello: Hello | null;
  attempts: number;
  /** Steps that were refused in a row. */
  refusals: number;
  /** All that waited in the mailbox has been delivered on this connection (SES-26). */
  emptied: boolean;
  /** The mailbox was made on this connection. */
  hasCreated: boolean;
  /** When to give up waiting, or to open again. */
  deadlineMs: number | null;
  nextId: number;
  readonly pending: Map<number, { readonly answered: Answered; readonly atMs: number }>;
  readonly working: Map<number, Worked>;
}

export interface Links {
  online: boolean;
  readonly all: Map<Channel, Link>;
}

/** The link of a channel; it is opened when it is first asked for while we are online. */
export function linkOf(c: Context, turn: Turn, channel: Channel): Link {
  const known = c.links.all.get(channel);
  if (known !== undefined) return known;
  const link = newLink(channel);
  if (c.links.online) {
    c.links.all.set(channel, link);
    openLink(c, turn, link);
  }
  return link;
}

function newLink(channel: Channel): Link {
  return {
    channel,
    state: "closed",
    hello: null,
    attempts: 0,
    refusals: 0,
    emptied: false,
    hasCreated: false,
    deadlineMs: null,
    nextId: 1,
    pending: new Map(),
    working: new Map(),
  };
}

/** Why a relay is left that greets so, or "" (RLY-11, RLY-142). */
export function whyUnusable(hello: Hello): string {
  if (hello.version !== PROTOCOL_VERSION) return "relay.not_a_relay";
  const bits = Math.max(hello.powBitsCreate, hello.powBitsSend, hello.powBitsFetch);
  return bits > MAX_POW_BITS ? "relay.too_much_work" : "";
}

export function openLink(c: Context, turn: Turn, link: Link): void {
  link.state = "opening";
  link.deadlineMs = turn.nowMs + OPEN_TIMEOUT_MS;
  turn.after({ name: "open", channel: link.channel, relayUrl: c.company.relayUrl });
}

export function opened(turn: Turn, link: Link): void {
  link.state = "greeting";
  link.deadlineMs = turn.nowMs + OPEN_TIMEOUT_MS;
}

export function ready(link: Link): void {
  link.state = "ready";
  link.attempts = 0;
}

/** The connection is gone: forget what was asked, and wait before the next attempt. */
export function down(c: Context, turn: Turn, link: Link, leastMs = 0): void {
  link.state = "closed";
  link.hello = null;
  link.emptied = false;
  link.hasCreated = false;
  link.pending.clear();
  link.working.clear();
  link.deadlineMs = turn.nowMs + Math.max(leastMs, delayMs(c, link.attempts));
  link.attempts += 1;
}

/** Close a connection ourselves and wait before the next attempt. */
export function drop(c: Context, turn: Turn, link: Link, leastMs = 0): void {
  turn.after({ name: "close", channel: link.channel });
  down(c, turn, link, leastMs);
}

/** Close one on which a step was refused; each time in a row the next attempt is later. */
export function refused(c: Context, turn: Turn, link: Link, leastMs: number): void {
  link.refusals += 1;
  link.attempts = Math.max(link.attempts, link.refusals);
  drop(c, turn, link, leastMs);
}

/** Doubling delay, of which a random half is taken away so that clients do not come back together. */
function delayMs(c: Context, attempts: number): number {
  const full = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempts, 16));
  return full - (readU32(c.rng(4), 0) % (Math.floor(full / 2) + 1));
}

export function ask(turn: Turn, link: Link, request: Request, answered: Answered): void {
  const id = newId(link);
  link.pending.set(id, { answered, atMs: turn.nowMs + REQUEST_TIMEOUT_MS });
  turn.after({ name: "send", channel: link.channel, message: encodeRequest(id, request) });
}

/** Go on with proof of work: at once where none is asked for, else when it is found (RLY-142). */
export function withWork(turn: Turn, link: Link, context: Bytes, bits: number, then: Worked): void {
  if (bits === 0) {
    then(turn, new Uint8Array(0));
    return;
  }
  const number = newId(link);
  link.working.set(number, then);
  turn.after({ name: "work", channel: link.channel, number, context, bits });
}

/** Hand an answer to whoever asked; one that nobody asked for is ignored (RLY-09). */
export function answer(turn: Turn, link: Link, requestId: number, found: Answer): void {
  const entry = link.pending.get(requestId);
  link.pending.delete(requestId);
  entry?.answered(turn, found);
}

function newId(link: Link): number {
  const id = link.nextId;
  link.nextId = id < MAX_REQUEST_ID ? id + 1 : 1;
  return id;
}

export function linkWakeMs(link: Link): number | null {
  const times = [...link.pending.values()].map((one) => one.atMs);
  if (link.deadlineMs !== null) times.push(link.deadlineMs);
  return times.length === 0 ? null : Math.min(...times);
}

/** Give up on what took too long, or open again; whether the connection was given up. */
export function tickLink(c: Context, turn: Turn, link: Link): boolean {
  const wake = linkWakeMs(link);
  if (wake === null || turn.nowMs < wake) return false;
  if (link.state === "closed") {
    openLink(c, turn, link);
    return false;
  }
  drop(c, turn, link);
  return true;
}

/** Open a closed connection at once, unless the relay has just refused something on it. */
export function retryLink(c: Context, turn: Turn, link: Link): void {
  if (link.state === "closed" && link.refusals === 0) openLink(c, turn, link);
}

/** Count what is waited for from now on: the clock was put back. */
export function linkClockPutBack(link: Link, nowMs: number): void {
  if (link.deadlineMs !== null) {
    link.deadlineMs = Math.min(link.deadlineMs, nowMs + (link.state === "closed" ? 0 : OPEN_TIMEOUT_MS));
  }
  for (const [id, { answered, atMs }] of link.pending) {
    link.pending.set(id, { answered, atMs: Math.min(atMs, nowMs + REQUEST_TIMEOUT_MS) });
  }
}
