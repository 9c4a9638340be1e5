/** The functions of the ratchet, one for each line of the table of chapter 07. */

import type { Bytes } from "../bytes.ts";
import { concat, cut, sized, u32 } from "../bytes.ts";
import { hkdf, prf } from "../primitives/kdf.ts";
import type { ChainKey, EpochSecret, HeaderKey, MessageKey, RootKey, SharedSecret } from "../secret.ts";
import { Secret } from "../secret.ts";

const NOTHING = new Uint8Array(0);
const SALT_INPUT_B = 16;

export interface RootStep {
  readonly rootKey: RootKey;
  readonly chainKey: ChainKey;
  readonly nextHeaderKey: HeaderKey;
}

/** `root(rk, dh, kem, pq_epoch)`; `kem` is the epoch secret where the epoch has just risen, else null. */
export function root(rootKey: RootKey, shared: SharedSecret, kem: EpochSecret | null, pqEpoch: number): RootStep {
  const ikm = concat(shared.expose(), kem?.expose() ?? NOTHING);
  const out = hkdf(rootKey.expose(), ikm, "SR1-root", u32(pqEpoch), 96);
  return {
    rootKey: new Secret("root key", cut(out, 0, 32)),
    chainKey: new Secret("chain key", cut(out, 32, 32)),
    nextHeaderKey: new Secret("header key", cut(out, 64, 32)),
  };
}

export interface ChainStep {
  readonly chainKey: ChainKey;
  readonly messageKey: MessageKey;
}

/** `chain(ck)`: the next chain key and a message key. */
export function chain(chainKey: ChainKey): ChainStep {
  const out = prf(chainKey.expose(), "SR1-chain", null, NOTHING, 64);
  return {
    chainKey: new Secret("chain key", cut(out, 0, 32)),
    messageKey: new Secret("message key", cut(out, 32, 32)),
  };
}

/** `tag(hk)`, 8 bytes: names a chain to those who have its header key. */
export function tagOf(headerKey: HeaderKey): Bytes {
  return prf(headerKey.expose(), "SR1-tag", null, NOTHING, 8);
}

/** `header_key(hk, salt)`: the key of one header. */
export function keyOfHeader(headerKey: HeaderKey, salt: Uint8Array): Bytes {
  return prf(headerKey.expose(), "SR1-header-key", salt, NOTHING, 32);
}

/** `body_key(mk, salt)`: the key of one body. */
export function keyOfBody(messageKey: MessageKey, salt: Uint8Array): Bytes {
  return prf(messageKey.expose(), "SR1-body-key", salt, NOTHING, 32);
}

/** `salt(mk, fresh, header, body)`, hedged over what it salts (DR-05). */
export function saltOf(messageKey: MessageKey, fresh: Uint8Array, header: Bytes, body: Bytes): Bytes {
  const data = concat(sized(fresh, SALT_INPUT_B, "the fresh part of a salt"), header, body);
  return prf(messageKey.expose(), "SR1-salt", null, data, 16);
}
