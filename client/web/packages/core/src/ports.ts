/** What the core is given by its caller: randomness and encapsulation (PRM-08, PRM-09). */
import type { Bytes } from "./bytes.ts";
import { sized } from "./bytes.ts";
import type { KemPublic } from "./primitives/kem.ts";
import type { SharedSecret } from "./secret.ts";

/** `rng(n)` gives n random bytes (PRM-08). */
export type Rng = (sizeB: number) => Uint8Array;

export interface Encapsulation {
  readonly ciphertext: Bytes;
  readonly secret: SharedSecret;
}

/** `encapsulate(key)` gives a ciphertext of 1088 bytes and its secret (PRM-09). */
export type Encapsulate = (key: KemPublic) => Encapsulation;

/** `sizeB` bytes of `rng`, which is checked to give as many. */
export function draw(rng: Rng, sizeB: number): Bytes {
  return sized(rng(sizeB), sizeB, "what rng gives");
}
