/**
 * WebSockets to relays: binary messages of at most 1 MiB, no subprotocol, no extension (RLY-01 to RLY-03, RLY-172).
 *
 * A browser neither sends pings nor tells of them, and does not notice for minutes that a network is gone. So a link
 * that has been quiet is asked for a sign of life by a PING frame, whose answer the engine ignores (RLY-09).
 */

import type { Bytes } from "@sealroom/core/bytes.ts";
import type { Clock, Connect, Link, LinkEvents } from "../engine/ports.ts";
import { mayConnect } from "./address.ts";

export const MAX_MESSAGE_B = 1_048_576;
export const OPEN_MS = 15_000;
export const QUIET_MS = 30_000;
export const PATIENCE_MS = 20_000;
/** How long a link may stay silent that is asked because the page has come back. */
export const SHORT_PATIENCE_MS = 5_000;
/** What may wait to be sent to a relay that does not read. */
export const MAX_WAITING_B = 8_388_608;
/** [{0: 14 (PING), 1: 2^32 - 1}]: an id that the engine reaches last. */
const PING: Bytes = Uint8Array.of(0x81, 0xa2, 0x00, 0x0e, 0x01, 0x1a, 0xff, 0xff, 0xff, 0xff);

export interface Means {
  readonly clock: Clock;
  /** `location.protocol` of the page. */
  readonly pageProtocol: string;
}

export interface Links {
  readonly connect: Connect;
  /** Ask each open link for a sign of life now: the network, or the page, has come back. */
  probe(): void;
  /** The network is gone: so are all links. */
  drop(): void;
}

/** A link that is open or opening. */
interface Live {
  probe(patienceMs: number): void;
  end(code: string): void;
}

export function browserLinks(means: Means): Links {
  const live = new Set<Live>();
  return {
    connect: (relayUrl, events) => {
      if (!mayConnect(relayUrl, means.pageProtocol)) return refusedLink(events);
      return opening(relayUrl, events, means.clock, live);
    },
    probe: () => {
      for (const one of live) one.probe(SHORT_PATIENCE_MS);
    },
    drop: () => {
      for (const one of [...live]) one.end("relay.unavailable");
    },
  };
}

/** A relay that is not connected to; nothing is called before the caller has its link. */
function refusedLink(events: LinkEvents): Link {
  let isClosed = false;
  queueMicrotask(() => {
    if (!isClosed) events.closed("relay.not_followed");
  });
  return {
    send: () => {},
    close: () => {
      isClosed = true;
    },
  };
}

function opening(relayUrl: string, events: LinkEvents, clock: Clock, live: Set<Live>): Link {
  const socket = new WebSocket(relayUrl);
  socket.binaryType = "arraybuffer";
  let stopWaiting = (): void => {};
  let isOver = false;

  function over(): void {
    isOver = true;
    stopWaiting();
    live.delete(one);
    for (const name of ["onopen", "onmessage", "onerror", "onclose"] as const) socket[name] = null;
    socket.close();
  }
  function end(code: string): void {
    if (isOver) return;
    over();
    events.closed(code);
  }
  function within(ms: number, then: () => void): void {
    stopWaiting();
    stopWaiting = clock.wake(clock.nowMs() + ms, then);
  }
  function probe(patienceMs: number): void {
    if (socket.readyState !== WebSocket.OPEN) return;
    socket.send(PING);
    within(patienceMs, () => end("relay.timeout"));
  }
  const heard = (): void => within(QUIET_MS, () => probe(PATIENCE_MS));
  const one: Live = { probe, end };
  live.add(one);

  within(OPEN_MS, () => end("relay.timeout"));
  socket.onopen = (): void => {
    if (socket.protocol !== "" || socket.extensions !== "") {
      end("relay.not_a_relay");
      return;
    }
    heard();
    events.opened();
  };
  socket.onmessage = (event: MessageEvent<unknown>): void => {
    const message = messageOf(event.data);
    if (message === null) {
      end("relay.not_a_relay");
      return;
    }
    heard();
    events.received(message);
  };
  socket.onclose = (): void => end("relay.unavailable");
  return {
    send: (message) => {
      if (isOver || socket.readyState !== WebSocket.OPEN) return;
      socket.send(message);
      if (socket.bufferedAmount > MAX_WAITING_B) queueMicrotask(() => end("relay.unavailable"));
    },
    close: () => {
      if (!isOver) over();
    },
  };
}

/** A binary message of at most 1 MiB, or null (RLY-02, RLY-03). */
function messageOf(data: unknown): Bytes | null {
  return data instanceof ArrayBuffer && data.byteLength <= MAX_MESSAGE_B ? new Uint8Array(data) : null;
}
