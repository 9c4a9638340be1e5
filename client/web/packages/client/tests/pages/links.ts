/** A page that connects to relays and works for them, for the tests that drive it. */

import { hex, unhex } from "@sealroom/core/bytes.ts";
import type { Clock, Link } from "../../src/engine/ports.ts";
import type { DoorError } from "../../src/errors.ts";
import { mayConnect } from "../../src/link/address.ts";
import { browserClock } from "../../src/link/clock.ts";
import { fetchDoor } from "../../src/link/door.ts";
import { watchNetwork } from "../../src/link/network.ts";
import { browserLinks } from "../../src/link/websocket.ts";
import { browserWork } from "../../src/work/work.ts";

/** Time that the test moves. */
let nowMs = 0;
const waiting = new Set<{ atMs: number; then: () => void }>();
const clock: Clock = {
  nowMs: () => nowMs,
  wake: (atMs, then) => {
    const one = { atMs, then };
    waiting.add(one);
    return () => waiting.delete(one);
  },
};

function pass(ms: number): void {
  nowMs += ms;
  for (const one of [...waiting]) {
    if (one.atMs > nowMs || !waiting.delete(one)) continue;
    one.then();
  }
}

const links = browserLinks({ clock, pageProtocol: location.protocol });
let seen: string[] = [];
let link: Link | null = null;
let backs = 0;
watchNetwork(links, () => {
  backs += 1;
});

function connect(url: string): void {
  seen = [];
  link = links.connect(url, {
    opened: () => seen.push("opened"),
    received: (message) => seen.push(`received ${message.length} ${hex(message.subarray(0, 8))}`),
    closed: (code) => seen.push(`closed ${code}`),
  });
  seen.push("connecting");
}

const working = browserWork();

async function work(context: string, bits: number): Promise<string> {
  try {
    return hex(await working(unhex(context), bits, new AbortController().signal));
  } catch (error) {
    return (error as Error).name;
  }
}

/** Give a piece up, and have the next one done. */
async function giveUp(context: string): Promise<readonly string[]> {
  const stop = new AbortController();
  const given = working(unhex(context), 16, stop.signal).then(
    () => "found",
    (error: Error) => error.name,
  );
  const next = work(context, 4);
  stop.abort();
  return [await given, await next];
}

/** How many tasks of the page were done while a piece was worked for. */
async function doneBeside(context: string, bits: number): Promise<readonly [work: string, count: number]> {
  const { port1, port2 } = new MessageChannel();
  let count = 0;
  port1.onmessage = () => {
    count += 1;
    port2.postMessage(null);
  };
  port2.postMessage(null);
  const found = await work(context, bits);
  port1.close();
  return [found, count];
}

async function door(origin: string): Promise<string | number> {
  try {
    return (await fetchDoor(origin)).length;
  } catch (error) {
    return (error as DoorError).code;
  }
}

Object.assign(globalThis, {
  page: {
    connect,
    send: (bytes: string) => link?.send(unhex(bytes)),
    sendZeros: (sizeB: number) => link?.send(new Uint8Array(sizeB)),
    close: () => link?.close(),
    seen: () => seen,
    pass,
    probe: () => links.probe(),
    tell: (name: string) => dispatchEvent(new Event(name)),
    backs: () => backs,
    mayConnect,
    work,
    giveUp,
    doneBeside,
    door,
    wakes: (ms: number) =>
      new Promise<boolean>((resolve) => {
        const atMs = Date.now() + ms;
        browserClock.wake(atMs, () => resolve(Date.now() >= atMs));
      }),
  },
});
