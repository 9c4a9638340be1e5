/** Our account, device list and prekeys: made once, renewed in time (ID-18, ID-38 to ID-40, ID-45). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, readU32 } from "@sealroom/core/bytes.ts";
import { DEVICE_LIFE_MS, LIST_TTL_MS, PREKEY_LIFE_MS, PREKEY_ROTATION_MS } from "@sealroom/core/constants.ts";
import { signList, verifyList } from "@sealroom/core/identity/list.ts";
import type { PrekeyKind } from "@sealroom/core/identity/prekey.ts";
import { encodePrekey, signPrekey, verifyPrekey } from "@sealroom/core/identity/prekey.ts";
import { decodeRecord, encodeRecord, KIND_PERSON } from "@sealroom/core/identity/record.ts";
import { decodeSigned } from "@sealroom/core/identity/signed.ts";
import type { Rng } from "@sealroom/core/ports.ts";
import { draw } from "@sealroom/core/ports.ts";
import { publicOf } from "@sealroom/core/primitives/dh.ts";
import { kemPublicOf } from "@sealroom/core/primitives/kem.ts";
import { ed25519PublicOf } from "@sealroom/core/primitives/sign.ts";
import type { Ed25519Seed } from "@sealroom/core/secret.ts";
import { Secret } from "@sealroom/core/secret.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { cborMap } from "@sealroom/core/wire/cbor.ts";
import type { Context } from "./context.ts";
import type { Mailbox, Own, OwnPrekey } from "./records.ts";
import { encodePrekeyRow, prekeyKey } from "./records.ts";
import type { Turn } from "./turn.ts";

const COMPACT_ONE_TIME = 4;
const MAX_PREKEY_B = 1_536;

// --- an account ---

/** A new account with one device, of a key that is drawn where none is given (ID-01, ID-02, ID-06). */
export function newAccount(
  rng: Rng,
  nowMs: number,
  accountSeed: Ed25519Seed = new Secret("Ed25519 seed", draw(rng, 32)),
): Own & { readonly accountSeed: Ed25519Seed } {
  const accountId = ed25519PublicOf(accountSeed);
  const device = newDevice(rng, accountId, draw(rng, 16), nowMs);
  const ends = { issuedMs: nowMs, expiresMs: nowMs + LIST_TTL_MS };
  const recordHashes = [device.record.hash];
  const first = { accountId, seq: 1, prevHash: null, ...ends, recoveryPublic: null, recordHashes };
  return { accountSeed, ...device, list: verifyList(accountId, signList(accountSeed, first)) };
}

/** A device of a person, of any account. */
export function newDevice(
  rng: Rng,
  accountId: Bytes,
  deviceId: Bytes,
  nowMs: number,
): Omit<Own, "accountSeed" | "list"> {
  const signSeed = new Secret("Ed25519 seed", draw(rng, 32));
  const dhPrivate = new Secret("X25519 private key", draw(rng, 32));
  const hedge = new Secret("hedge secret", draw(rng, 32));
  const keys = { signPublic: ed25519PublicOf(signSeed), dhPublic: publicOf(dhPrivate) };
  const times = { createdMs: nowMs, expiresMs: nowMs + DEVICE_LIFE_MS };
  const fields = { accountId, deviceId, ...keys, kind: KIND_PERSON, flags: 0, ...times };
  return { signSeed, dhPrivate, hedge, record: decodeRecord(encodeRecord(fields)) };
}

export function newMailbox(rng: Rng, relayUrl: string): Mailbox {
  const ownerSeed = new Secret("Ed25519 seed", draw(rng, 32));
  return { id: draw(rng, 16), relayUrl, ownerSeed, token: draw(rng, 32), created: false, tokenKnown: false };
}

// --- prekeys ---

export function prekeysOf(c: Context, kind: PrekeyKind): readonly OwnPrekey[] {
  return [...c.prekeys.values()].filter((one) => one.prekey.kind === kind);
}

/** Make new reusable prekeys once a week, or where a wrong clock has dated them (ID-18); whether that was done. */
export function rotate(c: Context, turn: Turn, atOnce = false): boolean {
  const spk = prekeysOf(c, "SPK").at(-1);
  if (spk !== undefined && !atOnce) {
    const madeMs = spk.prekey.notAfterMs - PREKEY_LIFE_MS;
    const isFresh = madeMs <= turn.nowMs && turn.nowMs < madeMs + PREKEY_ROTATION_MS;
    if (isFresh && hex(spk.record.hash) === hex(c.own.record.hash)) return false;
  }
  const id = newPrekeyId(c);
  make(c, turn, "SPK", id);
  make(c, turn, "PQK_LAST_RESORT", id);
  return true;
}

/** A random id that no prekey which is kept has (ID-30). */
function newPrekeyId(c: Context): number {
  for (;;) {
    const id = readU32(draw(c.rng, 4), 0);
    if (id !== 0 && ![...c.prekeys.values()].some((one) => one.prekey.id === id)) return id;
  }
}

export function make(c: Context, turn: Turn, kind: PrekeyKind, id: number): OwnPrekey {
  const { record, signSeed } = c.own;
  const notAfterMs = turn.nowMs + PREKEY_LIFE_MS;
  const sign = (key: Bytes): Bytes => signPrekey(signSeed, encodePrekey(record, kind, id, notAfterMs, key));
  const made = (): OwnPrekey => {
    if (kind === "SPK" || kind === "OPK") {
      const secret = new Secret("X25519 private key", draw(c.rng, 32));
      return { prekey: verifyPrekey(record, sign(publicOf(secret)), [kind]), private: secret, record };
    }
    const seed = new Secret("ML-KEM seed", draw(c.rng, 64));
    return { prekey: verifyPrekey(record, sign(kemPublicOf(seed)), [kind]), private: seed, record };
  };
  const one = made();
  c.prekeys.set(hex(prekeyKey(kind, id)), one);
  turn.put("prekey", prekeyKey(kind, id), () => encodePrekeyRow(one));
  return one;
}

/** A compact bundle for the company's devices (ID-19, CON-07); of an account with an entry the directory has them. */
export function compact(c: Context, turn: Turn, withOneTime: boolean): Value {
  rotate(c, turn);
  if (c.kin !== null) return null;
  const [spk, pqk] = [prekeysOf(c, "SPK").at(-1), prekeysOf(c, "PQK_LAST_RESORT").at(-1)] as [OwnPrekey, OwnPrekey];
  const several = (kind: PrekeyKind): readonly Value[] => {
    const count = withOneTime ? COMPACT_ONE_TIME : 0;
    return Array.from({ length: count }, () => compactOf(make(c, turn, kind, newPrekeyId(c))));
  };
  return cborMap([
    [1, compactOf(spk)],
    [2, compactOf(pqk)],
    [3, several("OPK")],
    [4, several("PQK_ONE_TIME")],
  ]);
}

function compactOf({ prekey }: OwnPrekey): Value {
  const { signature } = decodeSigned(prekey.signed, MAX_PREKEY_B);
  return [prekey.id, prekey.notAfterMs, prekey.key, signature];
}

export type OfX25519 = Extract<OwnPrekey, { prekey: { kind: "SPK" | "OPK" } }>;
export type OfKem = Extract<OwnPrekey, { prekey: { kind: "PQK_ONE_TIME" | "PQK_LAST_RESORT" } }>;

export function remove(c: Context, turn: Turn, kind: PrekeyKind, id: number): void {
  c.prekeys.delete(hex(prekeyKey(kind, id)));
  turn.delete("prekey", prekeyKey(kind, id));
}
