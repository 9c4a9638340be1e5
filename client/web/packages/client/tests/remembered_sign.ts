/** Ed25519 in the place of the core's module: signatures and public keys of the same bytes are computed once. */
import type { Bytes } from "@sealroom/core/bytes.ts";
import { concat, hex } from "@sealroom/core/bytes.ts";
import type { Label } from "@sealroom/core/labels.ts";
import { padded } from "@sealroom/core/labels.ts";
import * as real from "@sealroom/core/primitives/sign.ts";
import type { Ed25519Seed } from "@sealroom/core/secret.ts";

export * from "@sealroom/core/primitives/sign.ts";

const publics = new Map<string, Bytes>();
const signatures = new Map<string, Bytes>();
const verified = new Set<string>();

function once(known: Map<string, Bytes>, key: string, make: () => Bytes): Bytes {
  const found = known.get(key) ?? make();
  known.set(key, found);
  return found.slice();
}

export function ed25519PublicOf(seed: Ed25519Seed): Bytes {
  return once(publics, hex(seed.expose()), () => real.ed25519PublicOf(seed));
}

export function sign(seed: Ed25519Seed, label: Label, data: Uint8Array): Bytes {
  return signBare(seed, concat(padded(label), data));
}

export function signBare(seed: Ed25519Seed, labelled: Uint8Array): Bytes {
  return once(signatures, `${hex(seed.expose())} ${hex(labelled)}`, () => real.signBare(seed, labelled));
}

export function verify(publicKey: Uint8Array, label: Label, data: Uint8Array, signature: Uint8Array): void {
  const all = `${hex(publicKey)} ${label} ${hex(data)} ${hex(signature)}`;
  if (verified.has(all)) return;
  real.verify(publicKey, label, data, signature);
  verified.add(all);
}
