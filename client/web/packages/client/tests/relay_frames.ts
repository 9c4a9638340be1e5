/** A relay that a test plays: its frames, and what an engine asks of it. */
import type { Bytes } from "@sealroom/core/bytes.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { cborMap, decode, encode } from "@sealroom/core/wire/cbor.ts";
import type { Engine } from "../src/engine/engine.ts";
import type { Channel, Turn } from "../src/engine/turn.ts";

export const NONCE: Bytes = new Uint8Array(32).fill(5);
export const NAME = "relay.example";
export const DONE = 64;
export const ERROR = 63;
export const AUTH_RESULT = 66;
export const SEND_RESULTS = 69;
export const LOOKUP_RESULT = 73;
export const UNAVAILABLE = 15;

export function frame(values: readonly Value[]): Value {
  return cborMap(values.map((value, key) => [key, value] as const));
}

export interface Greeting {
  readonly version?: number;
  readonly maxSendItems?: number;
  /** Work for a mailbox. */
  readonly bits?: number;
  readonly operations?: readonly number[];
}

export function hello(greeting: Greeting = {}): Bytes {
  const { version = 1, maxSendItems = 256, bits = 0, operations = [1, 2, 5, 6] } = greeting;
  const given = new Map([
    [2, maxSendItems],
    [12, bits],
  ]);
  const limits = Array.from({ length: 18 }, (_, key) => [key, given.get(key) ?? 0] as const);
  return encode([frame([128, 0, version, NAME, NONCE, cborMap(limits), operations])]);
}

export function push(...values: readonly Value[]): Bytes {
  return encode([frame([values[0] as Value, 0, ...values.slice(1)])]);
}

export interface Asked {
  readonly channel: Channel;
  readonly operation: number;
  readonly id: number;
  readonly fields: readonly Value[];
}

/** What a step asks of the relay. */
export function askedIn(turn: Turn): readonly Asked[] {
  return turn.effects().flatMap((one) => {
    if (one.name !== "send") return [];
    const frames = decode(one.message, 1_048_576) as readonly ReadonlyMap<number, Value>[];
    return frames.map((found) => {
      const [operation, id, ...fields] = [...found.values()] as [number, number, ...Value[]];
      return { channel: one.channel, operation, id, fields };
    });
  });
}

export function answers(engine: Engine, asked: Asked, nowMs: number, ...values: readonly Value[]): Turn {
  const [operation, ...fields] = values as [Value, ...Value[]];
  return engine.received(asked.channel, encode([frame([operation, asked.id, ...fields])]), nowMs);
}

/** The engine's connection stands, and the relay has greeted. */
export function connects(engine: Engine, channel: Channel, nowMs: number, greeting = hello()): Turn {
  engine.opened(channel, nowMs);
  return engine.received(channel, greeting, nowMs);
}
