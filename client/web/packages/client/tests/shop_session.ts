/** Sessions that a device of the company of `shop.ts` starts with an engine, and what it sends on them. */
import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex } from "@sealroom/core/bytes.ts";
import type { Content } from "@sealroom/core/content.ts";
import type { OwnDevice } from "@sealroom/core/handshake.ts";
import type { VerifiedBundle } from "@sealroom/core/identity/bundle.ts";
import { encapsulation } from "@sealroom/core/primitives/kem.ts";
import { Secret } from "@sealroom/core/secret.ts";
import { sealContent, startSession } from "@sealroom/core/session.ts";
import type { Engine } from "../src/engine/engine.ts";
import { take } from "../src/engine/incoming.ts";
import type { Turn } from "../src/engine/turn.ts";
import { compact } from "../src/engine/upkeep.ts";
import type { Device } from "./shop.ts";
import * as shop from "./shop.ts";

const rng = shop.bytesFrom(97);
const ports = (nowMs: number) => ({ nowMs, rng, encapsulate: encapsulation(rng) });

/** A bundle of the engine's own prekeys, with one-time keys where it has made some. */
export function bundleOf(engine: Engine, nowMs: number, withOneTime = false): VerifiedBundle {
  const { own, prekeys } = engine.context;
  if (withOneTime) engine.do(nowMs, (c, turn) => compact(c, turn, true));
  const find = <K extends string>(kind: K) => {
    const found = [...prekeys.values()].filter(({ prekey }) => prekey.kind === kind).at(-1);
    return (found?.prekey ?? null) as never;
  };
  const pqk = find("PQK_ONE_TIME") ?? find("PQK_LAST_RESORT");
  return { record: own.record, list: own.list, spk: find("SPK"), opk: find("OPK"), pqk };
}

/** Seals contents on a session of a device, each under its first flight. */
export function flightsOf(engine: Engine, device: Device, nowMs: number, withOneTime = false, list = shop.list) {
  const own: OwnDevice = {
    record: device.record,
    list,
    dhPrivate: device.dhPrivate,
    hedge: new Secret("hedge secret", rng(32)),
  };
  let session = startSession(own, bundleOf(engine, nowMs, withOneTime), Math.floor(nowMs / 60_000), 0, ports(nowMs));
  return (content: Content): Bytes => {
    const address = { mailbox: new Uint8Array(16), token: new Uint8Array(32), relayUrl: shop.RELAY };
    const sealed = sealContent(session, { ...content, address }, ports(nowMs));
    session = sealed.session;
    return sealed.envelope;
  };
}

/** An envelope is given to the engine; whether it authenticated. */
export function arrives(engine: Engine, body: Bytes, nowMs: number): { readonly turn: Turn; readonly result: boolean } {
  return engine.do(nowMs, (c, turn) => take(c, turn, body));
}

export function kinds(engine: Engine): readonly string[] {
  return [...engine.context.prekeys.values()].map(({ prekey }) => prekey.kind).sort();
}

export function sessionIds(engine: Engine): readonly string[] {
  return [...engine.context.sessions.values()].map(({ ratchet }) => hex(ratchet.sessionId));
}
