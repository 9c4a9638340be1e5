/** Secrets, a type for every role of a key: shown by nothing, compared in constant time (PRM-10). */

import type { Bytes } from "./bytes.ts";
import { sameSecret, sized } from "./bytes.ts";

/** Every role that a secret of the core has, with its size in bytes. */
export const ROLES = {
  "X25519 private key": 32,
  "Ed25519 seed": 32,
  "ML-KEM seed": 64,
  "shared secret": 32,
  "hedge secret": 32,
  "root key": 32,
  "header key": 32,
  "chain key": 32,
  "message key": 32,
  "epoch secret": 32,
  "file key": 32,
  "recovery secret": 16,
} as const;

export type Role = keyof typeof ROLES;

/** A secret of one role: two roles are two types, and `expose` is the only way to its bytes. */
export class Secret<R extends Role> {
  readonly role: R;
  readonly #bytes: Bytes;

  constructor(role: R, data: Uint8Array) {
    this.role = role;
    this.#bytes = sized(data, ROLES[role], role);
  }

  expose(): Bytes {
    return this.#bytes;
  }

  equals(other: Secret<R>): boolean {
    return sameSecret(this.#bytes, other.#bytes);
  }

  toString(): string {
    return `Secret(${this.role})`;
  }

  toJSON(): string {
    return this.toString();
  }
}

export type X25519Private = Secret<"X25519 private key">;
export type Ed25519Seed = Secret<"Ed25519 seed">;
export type KemSeed = Secret<"ML-KEM seed">;
export type SharedSecret = Secret<"shared secret">;
export type HedgeSecret = Secret<"hedge secret">;
export type RootKey = Secret<"root key">;
export type HeaderKey = Secret<"header key">;
export type ChainKey = Secret<"chain key">;
export type MessageKey = Secret<"message key">;
export type EpochSecret = Secret<"epoch secret">;
export type FileKey = Secret<"file key">;
export type RecoverySecret = Secret<"recovery secret">;
