/** X25519 with strict public keys (PRM-01, PRM-02). */
import { pow } from "@noble/curves/abstract/modular.js";
import { montgomery } from "@noble/curves/abstract/montgomery.js";
import type { Bytes } from "../bytes.ts";
import { allZero } from "../bytes.ts";
import { RemoteError } from "../errors.ts";
import type { X25519Private } from "../secret.ts";
import { Secret } from "../secret.ts";

export const DH_B = 32;
const PRIME = 2n ** 255n - 19n;

/** The ladder of the library; its module of Curve25519 would bring a second Ed25519 with it. */
const x25519 = montgomery({
  P: PRIME,
  type: "x25519",
  adjustScalarBytes: clamped,
  powPminus2: (x) => pow(x, PRIME - 2n, PRIME),
});

function clamped(scalar: Uint8Array): Uint8Array {
  scalar[0] = (scalar[0] as number) & 0xf8;
  scalar[31] = ((scalar[31] as number) & 0x7f) | 0x40;
  return scalar;
}

declare const checked: unique symbol;
/** A canonical X25519 public key of 32 bytes (PRM-01). */
export type X25519Public = Bytes & { readonly [checked]: "X25519 public key" };

function refused(what: string): RemoteError {
  return new RemoteError("remote.key", what);
}

/**
 * `data` as a public key: 32 bytes, top bit clear, below 2^255 - 19 (PRM-01).
 *
 * @throws RemoteError `remote.key`
 */
export function x25519Public(data: Uint8Array): X25519Public {
  if (data.length !== DH_B) throw refused("an X25519 public key has 32 bytes");
  const top = data[31] as number;
  if (top > 0x7f) throw refused("the top bit of an X25519 public key is set");
  const highest = top === 0x7f && data.subarray(1, 31).every((byte) => byte === 0xff);
  if (highest && (data[0] as number) >= 0xed) throw refused("an X25519 public key is not canonical");
  return new Uint8Array(data) as X25519Public;
}

/** The public key of a private one. */
export function publicOf(ours: X25519Private): X25519Public {
  return new Uint8Array(x25519.getPublicKey(ours.expose())) as X25519Public;
}

/**
 * `DH(ours, theirs)`; the library refuses an output of zero, and so does this code by itself (PRM-02).
 *
 * @throws RemoteError `remote.key`
 */
export function dh(ours: X25519Private, theirs: X25519Public): Secret<"shared secret"> {
  let shared: Uint8Array;
  try {
    shared = x25519.getSharedSecret(ours.expose(), theirs);
  } catch {
    throw refused("a DH came out as zero");
  }
  if (allZero(shared)) throw refused("a DH came out as zero");
  return new Secret("shared secret", shared);
}
