/**
 * The customer's engine: commands and network events in, row changes and effects out. It has no clock, randomness,
 * network or storage of its own; whoever drives it commits the changes of a step before its effects are carried out,
 * and loads the engine again from the store where a commit fails.
 *
 *     a text out:  write --> posting --> sending: number, seal --> one commit --> delivery --> relay --> receipt
 *     a text in:   mailbox --> incoming: session by tag, or a first flight --> contents --> rooms --> receipt due
 */

import type { Bytes } from "@sealroom/core/bytes.ts";

import { HOUR_MS } from "@sealroom/core/constants.ts";
import { RemoteError } from "@sealroom/core/errors.ts";
import type { Frame, Hello, Message } from "@sealroom/core/relay/answers.ts";
import { decodeAnswers } from "@sealroom/core/relay/answers.ts";
import type { Context, Received } from "./context.ts";
import { connected as directoryConnected, lostConnection, weekly } from "./directory.ts";
import type { Link } from "./links.ts";
import * as links from "./links.ts";
import { delivered, greeted, isOurs } from "./mailbox.ts";
import { tick as tickSessions } from "./renewal.ts";
import { loseRooms, startRooms } from "./rooms/rooms.ts";
import { pump } from "./sending.ts";
import { receivedOf } from "./state.ts";
import type { Channel } from "./turn.ts";
import { Turn } from "./turn.ts";
import { rotate } from "./upkeep.ts";

const CLOCK_PUT_BACK_MS = 60_000;
const UNUSABLE_RETRY_MS = 600_000;
const DISPLACED_RETRY_MS = 5_000;
const DISPLACED_WITHIN_MS = 86_400_000;
const MAX_EARLY = 64;

/** One for each open store; a step at a time. */
export class Engine {
  readonly context: Context;
  #latestMs = 0;
  #isAhead = false;
  #displacedMs: readonly number[] = [];
  /** What came before the code for it (STO-43). */
  #early: readonly (readonly [Link, Message])[] = [];
  /** How often in a row what waited was given up. */
  #missed = 0;

  constructor(context: Context) {
    this.context = context;
  }

  /** Whether a step was refused after it had begun to change something: the engine is to be loaded again. */
  get isAhead(): boolean {
    return this.#isAhead;
  }

  // --- life ---

  /** Go on from a store that does not continue the last run: every session counts as lost (SES-32, TRN-07). */
  lost(nowMs: number): Turn {
    return this.#step(nowMs, (turn) => {
      receivedOf(this.context).loseAll(this.context, turn);
      rotate(this.context, turn, true);
      loseRooms(this.context, turn);
    });
  }

  /** Go online: look after what has to be renewed, and open the connection of our mailbox. */
  start(nowMs: number): Turn {
    return this.#step(nowMs, (turn) => {
      const c = this.context;
      c.links.online = true;
      this.#maintain(turn);
      links.linkOf(c, turn, "mailbox");
      links.linkOf(c, turn, "send");
      startRooms(c, turn);
      pump(c, turn);
      c.received?.waitReceipts(c, turn);
      tickSessions(c, turn);
    });
  }

  /** Go offline: close every connection. */
  stop(nowMs: number): Turn {
    return this.#step(nowMs, (turn) => {
      const c = this.context;
      c.links.online = false;
      for (const { channel } of c.links.all.values()) turn.after({ name: "close", channel });
      c.outbox.takeBack();
      lostConnection(c);
      c.links.all.clear();
    });
  }

  // --- network ---

  /** A connection that was asked for stands. */
  opened(channel: Channel, nowMs: number): Turn {
    return this.#step(nowMs, (turn) => {
      const link = this.context.links.all.get(channel);
      if (link === undefined) turn.after({ name: "close", channel });
      else links.opened(turn, link);
    });
  }

  /** A connection could not be opened, or is gone. */
  closed(channel: Channel, code: string, nowMs: number): Turn {
    return this.#step(nowMs, (turn) => {
      const link = this.context.links.all.get(channel);
      if (link === undefined || link.state === "closed") return;
      this.#wentDown(turn, link, code);
      links.down(this.context, turn, link);
    });
  }

  /** A binary message arrived; bytes that are no message of the protocol end the connection (RLY-03). */
  received(channel: Channel, message: Bytes, nowMs: number): Turn {
    return this.#step(nowMs, (turn) => {
      const link = this.context.links.all.get(channel);
      if (link === undefined || link.state === "closed" || link.state === "opening") return;
      for (const frame of this.#frames(turn, link, message)) {
        this.#frame(turn, link, frame);
        if (isClosed(link)) return;
      }
    });
  }

  #frames(turn: Turn, link: Link, message: Bytes): readonly Frame[] {
    try {
      return decodeAnswers(message);
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error;
      this.#wentDown(turn, link, "relay.not_a_relay");
      links.drop(this.context, turn, link);
      return [];
    }
  }

  /** Work that was asked for has been found. */
  worked(channel: Channel, number: number, work: Bytes, nowMs: number): Turn {
    return this.#step(nowMs, (turn) => {
      const working = this.context.links.all.get(channel)?.working;
      const then = working?.get(number);
      working?.delete(number);
      then?.(turn, work);
    });
  }

  /** The code for what comes from others is here: take what has waited for it, do what time has asked for (STO-43). */
  came(received: Received, nowMs: number): Turn {
    return this.#step(nowMs, (turn) => {
      const c = this.context;
      c.received = received;
      const early = this.#early.filter(([link]) => c.links.online && link.state === "ready");
      this.#early = [];
      this.#missed = 0;
      for (const [link, message] of early) delivered(c, turn, link, message, received);
      if (!c.links.online) return;
      received.maintain(c, turn);
      tickSessions(c, turn);
    });
  }

  /** It does not come: what waited comes again with the next connection, each time in a row a later one (STO-43). */
  cameNot(nowMs: number): Turn {
    return this.#step(nowMs, (turn) => {
      const isMissed = this.#early.length > 0;
      this.#early = [];
      const link = this.context.links.all.get("mailbox");
      if (!isMissed || link === undefined || isClosed(link)) return;
      this.#wentDown(turn, link, "local.part");
      link.attempts = Math.max(link.attempts, this.#missed);
      this.#missed += 1;
      links.drop(this.context, turn, link);
    });
  }

  /** Do what time asks for; called at or after `wakeMs`. */
  tick(nowMs: number): Turn {
    return this.#step(nowMs, (turn) => {
      const c = this.context;
      if (!c.links.online) return;
      for (const link of [...c.links.all.values()]) {
        if (links.tickLink(c, turn, link)) this.#wentDown(turn, link, "relay.unavailable");
      }
      c.timers.run(turn);
    });
  }

  /** Network or page have come back: try each closed connection again at once. */
  retry(nowMs: number): Turn {
    return this.#step(nowMs, (turn) => {
      const c = this.context;
      for (const link of c.links.online ? [...c.links.all.values()] : []) links.retryLink(c, turn, link);
    });
  }

  /** When to call `tick`; null while offline. */
  wakeMs(): number | null {
    const c = this.context;
    if (!c.links.online) return null;
    const times = [c.timers.wakeMs(), ...[...c.links.all.values()].map(links.linkWakeMs)].filter((one) => one !== null);
    return times.length === 0 ? null : Math.min(...times);
  }

  /** Carry out what a person wants; what it throws has changed nothing in the store. */
  do<T>(nowMs: number, work: (c: Context, turn: Turn) => T): { readonly turn: Turn; readonly result: T } {
    const found: { result?: T } = {};
    const turn = this.#step(nowMs, (step) => {
      found.result = work(this.context, step);
    });
    return { turn, result: found.result as T };
  }

  // --- inside ---

  /** What was put off by a clock that has been put back since is due now. */
  #step(nowMs: number, work: (turn: Turn) => void): Turn {
    const c = this.context;
    if (nowMs < this.#latestMs - CLOCK_PUT_BACK_MS) {
      this.#displacedMs = [];
      for (const link of c.links.all.values()) links.linkClockPutBack(link, nowMs);
      c.timers.clockPutBack(nowMs);
    }
    this.#latestMs = nowMs;
    const turn = new Turn(nowMs);
    try {
      work(turn);
    } catch (error) {
      this.#isAhead ||= !turn.isEmpty;
      throw error;
    }
    return turn;
  }

  #frame(turn: Turn, link: Link, frame: Frame): void {
    if ("answer" in frame) {
      links.answer(turn, link, frame.requestId, frame.answer);
      return;
    }
    if (!("push" in frame)) return;
    const { push } = frame;
    switch (push.name) {
      case "hello":
        this.#hello(turn, link, push);
        return;
      case "message":
        this.#message(turn, link, push);
        return;
      case "queue_empty":
        if (isOurs(this.context, link, push.mailbox)) link.emptied = true;
        return;
      case "displaced":
        if (isOurs(this.context, link, push.mailbox)) this.#displaced(turn, link);
        return;
      case "go_away":
        this.#wentDown(turn, link, "relay.going_away");
        links.drop(this.context, turn, link, Math.min(push.retryAfterMs, links.MAX_RETRY_AFTER_MS));
        return;
    }
  }

  /** What has no room here is not acknowledged, and comes again (STO-43). */
  #message(turn: Turn, link: Link, message: Message): void {
    const { received } = this.context;
    if (received !== null) {
      delivered(this.context, turn, link, message, received);
      return;
    }
    if (this.#early.length === 0) turn.after({ name: "fetch" });
    if (this.#early.length < MAX_EARLY) this.#early = [...this.#early, [link, message]];
  }

  #hello(turn: Turn, link: Link, hello: Hello): void {
    if (link.state !== "greeting") return;
    const c = this.context;
    const unusable = links.whyUnusable(hello);
    if (unusable !== "") {
      this.#wentDown(turn, link, unusable);
      links.drop(c, turn, link, UNUSABLE_RETRY_MS);
      return;
    }
    link.hello = hello;
    link.deadlineMs = null;
    if (link.channel === "mailbox") {
      greeted(c, turn, link);
      return;
    }
    links.ready(link);
    directoryConnected(c, turn);
    pump(c, turn);
    tickSessions(c, turn);
  }

  /** Another connection has proved our mailbox: once an older one of ours, again and again a second copy. */
  #displaced(turn: Turn, link: Link): void {
    const since = turn.nowMs - DISPLACED_WITHIN_MS;
    const recent = this.#displacedMs.filter((ms) => since < ms && ms <= turn.nowMs);
    this.#displacedMs = [...recent, turn.nowMs];
    const often = this.#displacedMs.length;
    if (often === 2) turn.notify({ type: "second-copy" });
    this.#wentDown(turn, link, "relay.displaced");
    links.drop(this.context, turn, link, DISPLACED_RETRY_MS * 2 ** Math.min(often - 1, 4));
  }

  /** What was given to a connection that is gone is sent again, what was asked is asked again. */
  #wentDown(turn: Turn, link: Link, code: string): void {
    if (link.channel === "mailbox") {
      turn.notify({ type: "connection", state: "offline", code });
      return;
    }
    this.context.outbox.takeBack();
    lostConnection(this.context);
  }

  /** What is done once an hour; most of it by code that comes later, and is fetched for it (STO-43). */
  #maintain(turn: Turn): void {
    const c = this.context;
    c.timers.set("maintain", turn.nowMs + HOUR_MS, (later) => {
      if (c.received === null) later.after({ name: "fetch" });
      this.#maintain(later);
    });
    c.kin?.maintain(turn);
    c.received?.maintain(c, turn);
    weekly(c, turn);
  }
}

function isClosed(link: Link): boolean {
  return link.state === "closed";
}
