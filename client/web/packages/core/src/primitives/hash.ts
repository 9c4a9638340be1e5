/** SHA-256 under a label (PRM-11), and bare where a chapter says so. */
import { sha256 as nobleSha256, sha512 as nobleSha512 } from "@noble/hashes/sha2.js";
import type { Bytes } from "../bytes.ts";
import { concat } from "../bytes.ts";
import type { Label } from "../labels.ts";
import { padded } from "../labels.ts";

/** `hash(label, data)`: SHA-256 of the padded label, then the data; 32 bytes (PRM-11). */
export function hash(label: Label, ...data: readonly Uint8Array[]): Bytes {
  return sha256(concat(padded(label), ...data));
}

export function sha256(data: Uint8Array): Bytes {
  return new Uint8Array(nobleSha256(data));
}

export function sha512(data: Uint8Array): Bytes {
  return new Uint8Array(nobleSha512(data));
}

/** SHA-256 under a label of what is given in parts. */
export class LabelledHash {
  readonly #state: ReturnType<typeof nobleSha256.create>;

  constructor(label: Label) {
    this.#state = nobleSha256.create();
    this.#state.update(padded(label));
  }

  update(data: Uint8Array): void {
    this.#state.update(data);
  }

  digest(): Bytes {
    return new Uint8Array(this.#state.digest());
  }
}
