/** ML-KEM-768: checked keys, private keys as seeds, encapsulation passed in (PRM-04, PRM-05, PRM-09). */
import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import type { Bytes } from "../bytes.ts";
import { sized } from "../bytes.ts";
import { RemoteError } from "../errors.ts";
import type { Encapsulate, Rng } from "../ports.ts";
import { draw } from "../ports.ts";
import type { KemSeed, SharedSecret } from "../secret.ts";
import { Secret } from "../secret.ts";

export const KEM_PUBLIC_B = 1_184;
export const CIPHERTEXT_B = 1_088;
export const KEM_SEED_B = 64;
const POLYNOMIALS_B = 1_152;
const MODULUS = 3_329;

declare const checked: unique symbol;
/** An ML-KEM-768 encapsulation key that passed the modulus check (PRM-04). */
export type KemPublic = Bytes & { readonly [checked]: "ML-KEM-768 encapsulation key" };

/**
 * `data` as an encapsulation key: 1184 bytes, every coefficient below 3329 (PRM-04).
 *
 * @throws RemoteError `remote.key`
 */
export function kemPublic(data: Uint8Array): KemPublic {
  if (data.length !== KEM_PUBLIC_B || !reduced(data)) {
    throw new RemoteError("remote.key", "an ML-KEM-768 key fails its check");
  }
  return new Uint8Array(data) as KemPublic;
}

function reduced(data: Uint8Array): boolean {
  for (let i = 0; i < POLYNOMIALS_B; i += 3) {
    const [low, middle, high] = [data[i] as number, data[i + 1] as number, data[i + 2] as number];
    const first = low | ((middle & 0x0f) << 8);
    const second = (middle >> 4) | (high << 4);
    if (first >= MODULUS || second >= MODULUS) return false;
  }
  return true;
}

/** The encapsulation key of a seed (d, z). */
export function kemPublicOf(seed: KemSeed): KemPublic {
  return new Uint8Array(ml_kem768.keygen(seed.expose()).publicKey) as KemPublic;
}

/** The secret of a ciphertext of 1088 bytes; of a wrong one a pseudo-random secret (PRM-05). */
export function decapsulate(seed: KemSeed, ciphertext: Uint8Array): SharedSecret {
  const { secretKey } = ml_kem768.keygen(seed.expose());
  const secret = ml_kem768.decapsulate(sized(ciphertext, CIPHERTEXT_B, "a ciphertext"), secretKey);
  return new Secret("shared secret", secret);
}

/** Encapsulation with the 32 random bytes of `rng` (PRM-09). */
export function encapsulation(rng: Rng): Encapsulate {
  return (key) => {
    const { cipherText, sharedSecret } = ml_kem768.encapsulate(key, draw(rng, 32));
    return { ciphertext: new Uint8Array(cipherText), secret: new Secret("shared secret", sharedSecret) };
  };
}
