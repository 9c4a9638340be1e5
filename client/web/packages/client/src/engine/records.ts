/** What the engine keeps of itself, its company and the company's devices, each with its stored form. */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex } from "@sealroom/core/bytes.ts";
import type { TextNumber, WayBack } from "@sealroom/core/content.ts";
import { encodeNumber, wayBackValue } from "@sealroom/core/content.ts";
import type { DeviceList } from "@sealroom/core/identity/list.ts";
import type { KemPrekey, PrekeyKind, X25519Prekey } from "@sealroom/core/identity/prekey.ts";
import type { DeviceRecord } from "@sealroom/core/identity/record.ts";
import type { Pair } from "@sealroom/core/pair_state.ts";
import type { Ed25519Seed, HedgeSecret, KemSeed, X25519Private } from "@sealroom/core/secret.ts";
import { row } from "./codec.ts";

/** Our account and device; without the seed of the account another device of it has that. */
export interface Own {
  readonly accountSeed: Ed25519Seed | null;
  readonly signSeed: Ed25519Seed;
  readonly dhPrivate: X25519Private;
  readonly hedge: HedgeSecret;
  readonly record: DeviceRecord;
  readonly list: DeviceList;
}

export function encodeOwn(own: Own): Bytes {
  const secrets = [own.accountSeed, own.signSeed, own.dhPrivate, own.hedge].map((one) => one?.expose() ?? null);
  return row(...secrets, own.record.bytes, own.list.signed);
}

/** Our mailbox at the company's relay, made for it alone; `tokenKnown` says that the relay has its token (CON-06). */
export interface Mailbox {
  readonly id: Bytes;
  readonly relayUrl: string;
  readonly ownerSeed: Ed25519Seed;
  readonly token: Bytes;
  readonly created: boolean;
  readonly tokenKnown: boolean;
}

export function encodeMailbox(one: Mailbox): Bytes {
  return row(one.id, one.relayUrl, one.ownerSeed.expose(), one.token, one.created, one.tokenKnown);
}

/** The company: its pinned list, when it was looked up last, the code of an alarm or "". */
export interface Company {
  readonly accountId: Bytes;
  readonly name: string;
  readonly relayUrl: string;
  readonly list: DeviceList | null;
  readonly lookedUpMs: number;
  readonly alarm: string;
}

export function encodeCompany(one: Company): Bytes {
  return row(one.accountId, one.name, one.relayUrl, one.list?.signed ?? null, one.lookedUpMs, one.alarm);
}

/** A device of the company. `told` is what it was told on its newest session: the numbers of our list and of its own. */
export interface Peer {
  readonly deviceId: Bytes;
  readonly record: DeviceRecord;
  readonly wayBack: WayBack | null;
  readonly wayBackMs: number;
  readonly told: readonly [ours: number, theirs: number];
  readonly pair: Pair;
  /** In memory only: when it was heard last, and the first number of ours since the store was opened (SES-29). */
  readonly heardMs: number;
  readonly firstGiven: number | null;
}

export function encodePeer(one: Peer): Bytes {
  return row(one.record.bytes, one.wayBack && wayBackValue(one.wayBack), one.wayBackMs, ...one.told);
}

/** A prekey of ours with its private key, and the record that it was signed under (HS-06). */
export type OwnPrekey =
  | { readonly prekey: X25519Prekey; readonly private: X25519Private; readonly record: DeviceRecord }
  | { readonly prekey: KemPrekey; readonly private: KemSeed; readonly record: DeviceRecord };

export const PREKEY_KINDS: readonly PrekeyKind[] = ["SPK", "OPK", "PQK_ONE_TIME", "PQK_LAST_RESORT"];

export function prekeyKey(kind: PrekeyKind, id: number): Bytes {
  const key = new Uint8Array(5);
  key[0] = PREKEY_KINDS.indexOf(kind);
  new DataView(key.buffer).setUint32(1, id);
  return key;
}

export function encodePrekeyRow(one: OwnPrekey): Bytes {
  return row(PREKEY_KINDS.indexOf(one.prekey.kind), one.prekey.signed, one.private.expose(), one.record.bytes);
}

/**
 * One content for one device. `envelope` is there from sealing until the relay has taken it, and is sent again byte by
 * byte under `msgId`. `shown` marks a counted content, which is kept until it is confirmed (SES-37, TRN-29).
 */
export interface Outgoing {
  readonly place: number;
  readonly deviceId: Bytes;
  readonly contentId: Bytes;
  readonly shown: boolean;
  readonly createdMs: number;
  readonly envelope: Bytes | null;
  readonly msgId: Bytes | null;
  readonly sessionId: Bytes | null;
  readonly number: TextNumber | null;
  readonly sendings: number;
  readonly sealedMs: number;
  readonly askId: Bytes | null;
  /** Written before a device of the company had met. */
  readonly first: boolean;
}

export function encodeOutgoing(one: Outgoing): Bytes {
  const number = one.number && encodeNumber(one.number);
  const sealed = [one.envelope, one.msgId, one.sessionId, number, one.sendings, one.sealedMs, one.askId, one.first];
  return row(one.place, one.deviceId, one.contentId, one.shown, one.createdMs, ...sealed);
}

/** A first flight that was taken: until when a copy is known as one, and its session (HS-09). */
export interface TakenFlight {
  readonly endsMs: number;
  readonly sessionId: Bytes;
}

export function encodeTakenFlight(one: TakenFlight): Bytes {
  return row(one.endsMs, one.sessionId);
}

export function idOf(bytes: Uint8Array): string {
  return hex(bytes);
}
