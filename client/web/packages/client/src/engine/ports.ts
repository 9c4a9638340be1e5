/**
 * What the customer's engine is given: rows, connections, work, time, randomness. The engine has none of its own (PRM-08).
 *
 * Before a person accepts a notice nothing of this is used but the door that `FetchDoor` gets (CNS-18, CNS-26).
 */

import type { Bytes } from "@sealroom/core/bytes.ts";
import type { Rng } from "@sealroom/core/ports.ts";
import type { LoadFiles } from "../files/host.ts";
import type { LaterModule } from "../kin/host.ts";
import type { Received } from "./context.ts";

// --- rows ---

/** The tables of chapter 12 that a customer's device has (STO-08). */
export const KINDS = [
  "account",
  "mailbox",
  "contact",
  "peer",
  "pair",
  "session",
  "skipped",
  "prekey",
  "replay",
  "list",
  "team",
  "outbox",
  "posted",
  "held",
  "room",
  "entry",
  "meta",
  "file_out",
  "file_in",
] as const;

export type Kind = (typeof KINDS)[number];

export interface Row {
  readonly kind: Kind;
  /** At most 255 bytes. */
  readonly key: Bytes;
  readonly value: Bytes;
}

/** A row to be put, or one to be deleted where `value` is null. */
export interface Change {
  readonly kind: Kind;
  readonly key: Bytes;
  readonly value: Bytes | null;
}

/**
 * Sealed parts of files, beside the rows of a store (FIL-16): each file is a list of parts under a name. A write is on
 * disk some time after it resolves, and those of one file in their order: whoever goes on looks how far it is.
 */
export interface SealedParts {
  /** Put parts from an index on. Rejects with `store.full` where there is no room; then none of them is there. */
  write(name: string, first: number, parts: readonly Bytes[]): Promise<void>;
  /** Fewer where the file ends. */
  read(name: string, first: number, count: number): Promise<readonly Bytes[]>;
  /** How many parts there are; 0 for a file that is not there. */
  count(name: string): Promise<number>;
  remove(name: string): Promise<void>;
  names(): Promise<readonly string[]>;
}

/**
 * An open store. A commit is one transaction: when it resolves all of it is on disk, when it rejects none of it is
 * (STO-09). What a rejection says is a `StoreError`.
 */
export interface Store {
  /** Whether it goes on from its last run; false where it may be an older copy (STO-14, STO-15). */
  readonly isContinuous: boolean;
  readonly parts: SealedParts;
  /** All rows of a kind, in the order of their first insertion (STO-11). */
  rows(kind: Kind): Promise<readonly Row[]>;
  get(kind: Kind, key: Bytes): Promise<Bytes | null>;
  /** The number of commits over the life of the store (STO-20). */
  version(): Promise<number>;
  /** Commit, if `version` is the newest one; resolves to the next. Else `store.conflict`: somebody else has written. */
  commit(changes: readonly Change[], version: number): Promise<number>;
  close(): Promise<void>;
  /** Erase the store with its key (STO-17). */
  destroy(): Promise<void>;
}

/** Where the store of a person is, or will be: nothing is written before `create`. */
export interface StorePlace {
  /** The store that is there, or null. */
  open(): Promise<Store | null>;
  create(): Promise<Store>;
  /** Erase what is there, also if it cannot be opened (STO-37). */
  forget(): Promise<void>;
}

export const STORE_CODES = [
  "store.conflict",
  "store.full",
  "store.locked",
  "store.corrupt",
  "store.closed",
  "store.unavailable",
  "store.too_new",
  "store.missing",
  "store.exists",
  "store.misuse",
] as const;

export type StoreCode = (typeof STORE_CODES)[number];

export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly code: StoreCode;

  constructor(code: StoreCode, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

// --- connections ---

/** A WebSocket of binary messages to a relay; the engine greets, authenticates and asks on it (RLY-10, RLY-22). */
export interface Link {
  /** Send one binary message; on a link that is gone nothing happens. */
  send(message: Bytes): void;
  /** Close it; `closed` is not called for a link that the engine closes. */
  close(): void;
}

export interface LinkEvents {
  opened(): void;
  /** One binary message. A text message, or one of more than 1 MiB, closes the link instead (RLY-02, RLY-03). */
  received(message: Bytes): void;
  /** The link could not be opened, or is gone; called once. `code` is a code of the registry, where one is known. */
  closed(code: string): void;
}

/** Open a link to a relay URL as it is written (ID-23); nothing is called before it has returned. */
export type Connect = (relayUrl: string, events: LinkEvents) => Link;

/**
 * Find `pow` of at most 16 bytes such that BLAKE2b-256(person `SR1-relay-pow`, context | pow) begins with `bits` zero
 * bits (RLY-24), without holding up the page; `bits` is at most 16 (RLY-142). Rejects when `signal` is aborted.
 */
export type Work = (context: Bytes, bits: number, signal: AbortSignal) => Promise<Bytes>;

/**
 * Get `/.well-known/sealroom-door` of an origin, without cookie, referrer or redirect, at most 262 144 bytes (CNS-26).
 * Rejects with a `DoorError`.
 */
export type FetchDoor = (origin: string) => Promise<Bytes>;

// --- time and randomness ---

export interface Clock {
  /** Unix milliseconds. */
  nowMs(): number;
  /** Call `then` once, not before `atMs`; returns what takes it back. */
  wake(atMs: number, then: () => void): () => void;
}

/** Cryptographically secure random bytes; not called before a person has accepted (CNS-18). */
export type Random = Rng;

export interface Ports {
  readonly place: StorePlace;
  readonly connect: Connect;
  readonly work: Work;
  readonly fetchDoor: FetchDoor;
  readonly clock: Clock;
  readonly random: Random;
  /** Fetch the code of files; without it no file is sent or fetched. */
  readonly files?: LoadFiles;
  /** Fetch the code that opens a store which is there. */
  readonly stored: () => Promise<typeof import("./loading.ts")>;
  /** Fetch the code for what comes from others; one can write before. */
  readonly received: () => Promise<Received>;
  /** Fetch the code of what most people never ask for. */
  readonly later: () => Promise<LaterModule>;
}
