/** Ports of a process of node: its WebSocket, clock and randomness, work in place, a door from a file. */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import type { Bytes } from "@sealroom/core/bytes.ts";
import { u64 } from "@sealroom/core/bytes.ts";
import { isEnoughWork } from "@sealroom/core/relay/proofs.ts";
import type { Clock, Connect, Ports, StorePlace, Work } from "../src/engine/ports.ts";

const LONGEST_MS = 2 ** 31 - 1;

export const connect: Connect = (relayUrl, events) => {
  const socket = new WebSocket(relayUrl);
  socket.binaryType = "arraybuffer";
  let isOver = false;
  const end = (code: string): void => {
    if (!isOver) events.closed(code);
    isOver = true;
  };
  socket.onopen = () => isOver || events.opened();
  socket.onmessage = ({ data }: MessageEvent<unknown>) => {
    if (isOver) return;
    if (data instanceof ArrayBuffer) events.received(new Uint8Array(data));
    else {
      socket.close();
      end("relay.not_a_relay");
    }
  };
  socket.onerror = () => end("relay.unavailable");
  socket.onclose = () => end("relay.unavailable");
  return {
    send: (message: Bytes) => {
      if (!isOver && socket.readyState === WebSocket.OPEN) socket.send(message);
    },
    close: () => {
      isOver = true;
      socket.close();
    },
  };
};

export const work: Work = async (context, bits, signal) => {
  for (let counter = 0; ; counter++) {
    const found = u64(counter);
    if (isEnoughWork(context, found, bits)) return found;
    if (counter % 1_000 === 0) await setImmediate();
    signal.throwIfAborted();
  }
};

export const clock: Clock = {
  nowMs: () => Date.now(),
  wake: (atMs, then) => {
    const timer = setTimeout(then, Math.min(Math.max(0, atMs - Date.now()), LONGEST_MS));
    return () => clearTimeout(timer);
  },
};

/** Ports with a door that stands in a file. */
export function portsOf(place: StorePlace, door: string): Ports {
  const fetchDoor = async (): Promise<Bytes> => new Uint8Array(await readFile(door));
  const files = {
    service: () => import("../src/files/file_service.ts"),
    stripping: () => import("../src/files/image_metadata.ts"),
  };
  const random = (sizeB: number) => new Uint8Array(randomBytes(sizeB));
  const stored = () => import("../src/engine/loading.ts");
  const received = () => import("../src/engine/received.ts");
  const later = () => import("../src/later.ts");
  return { place, connect, work, fetchDoor, clock, random, files, stored, received, later };
}
