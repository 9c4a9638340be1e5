/** A company that a test plays: its devices and what it signs. */
import type { Bytes } from "@sealroom/core/bytes.ts";
import { compare } from "@sealroom/core/bytes.ts";
import { verifyMandate } from "@sealroom/core/company/mandate.ts";
import { verifyRoster } from "@sealroom/core/company/roster.ts";
import type { Notice } from "@sealroom/core/consent/notice.ts";
import { verifyNotice } from "@sealroom/core/consent/notice.ts";
import { DAY_MS } from "@sealroom/core/constants.ts";
import type { DeviceList } from "@sealroom/core/identity/list.ts";
import { signList, verifyList } from "@sealroom/core/identity/list.ts";
import type { DeviceRecord } from "@sealroom/core/identity/record.ts";
import { decodeRecord, encodeRecord, KIND_AGENT } from "@sealroom/core/identity/record.ts";
import { signMap } from "@sealroom/core/identity/signed.ts";
import { publicOf } from "@sealroom/core/primitives/dh.ts";
import { sha256 } from "@sealroom/core/primitives/hash.ts";
import { ed25519PublicOf } from "@sealroom/core/primitives/sign.ts";
import type { Ed25519Seed, X25519Private } from "@sealroom/core/secret.ts";
import { Secret } from "@sealroom/core/secret.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { cborMap, encode } from "@sealroom/core/wire/cbor.ts";

export const NOW_MS = 1_800_000_000_000;
export const RELAY = "wss://relay.example";

/** Bytes that are the same in each run, and not the same twice in one. */
export function bytesFrom(seed: number): (sizeB: number) => Bytes {
  let state = seed;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  };
  return (sizeB) => Uint8Array.from({ length: sizeB }, next);
}

const rng = bytesFrom(99);

function map(...values: readonly Value[]): Value {
  return cborMap(values.map((value, i) => [i + 1, value] as const));
}

const newSeed = (): Ed25519Seed => new Secret("Ed25519 seed", rng(32));

export interface Device {
  readonly record: DeviceRecord;
  readonly signSeed: Ed25519Seed;
  readonly dhPrivate: X25519Private;
  readonly id: Bytes;
}

const accountSeed = newSeed();
const rosterSeed = newSeed();
export const accountId = ed25519PublicOf(accountSeed);

export function newDevice(flags: number, id: Bytes = rng(16)): Device {
  const signSeed = newSeed();
  const dhPrivate = new Secret("X25519 private key", rng(32));
  const keys = { signPublic: ed25519PublicOf(signSeed), dhPublic: publicOf(dhPrivate) };
  const times = { createdMs: NOW_MS - DAY_MS, expiresMs: NOW_MS + 1_000 * DAY_MS };
  const fields = { accountId, deviceId: id, ...keys, kind: KIND_AGENT, flags, ...times };
  return { record: decodeRecord(encodeRecord(fields)), signSeed, dhPrivate, id };
}

/** The devices of the company: two desks, of which the first is a supervisor, and two agents. */
export const desk: Device = newDevice(1);
export const second: Device = newDevice(1);
export const agent: Device = newDevice(0);
export const other: Device = newDevice(0);
const ALL = [desk, second, agent, other];

export function listOf(devices: readonly Device[], seq: number, before: DeviceList | null, atMs = NOW_MS): DeviceList {
  const recordHashes = devices.map(({ record }) => record.hash).sort(compare);
  const ends = { issuedMs: atMs, expiresMs: atMs + 30 * DAY_MS };
  const head = { accountId, seq, prevHash: before?.hash ?? null, recoveryPublic: null, recordHashes };
  return verifyList(accountId, signList(accountSeed, { ...head, ...ends }));
}

export const list: DeviceList = listOf(ALL, 1, null);
const NO_HASH = new Uint8Array(32);

export const mandate = verifyMandate(
  accountId,
  signMap(
    accountSeed,
    "SR1-sig-mandate",
    encode(
      map(1, accountId, 1, NOW_MS, NOW_MS + 90 * DAY_MS, ed25519PublicOf(rosterSeed), null, [desk.id], [], [], []),
    ),
  ),
);

export interface RosterOf {
  readonly seq?: number;
  readonly devices?: readonly Device[];
  readonly suspended?: readonly Bytes[];
  readonly older?: readonly (readonly [Bytes, number])[];
  readonly atMs?: number;
  readonly listed?: DeviceList;
  readonly noticeHash?: Bytes;
}

export function rosterOf(given: RosterOf = {}) {
  const { seq = 1, devices = ALL, suspended = [], older = [], atMs = NOW_MS, listed = list } = given;
  const ends = atMs + 7 * DAY_MS;
  const named: Value = [...devices].sort((a, b) => compare(a.id, b.id)).map(({ id }) => [id, ends, NO_HASH]);
  const head = [listed.seq, listed.hash];
  const noticeHash = given.noticeHash ?? notice.hash;
  const values = map(1, accountId, 1, seq, atMs, ends, head, named, noticeHash, older as Value, suspended);
  return verifyRoster(mandate, signMap(rosterSeed, "SR1-sig-roster", encode(values)));
}

export function noticeOf(number: number): Notice {
  const text = new TextEncoder().encode(TEXT);
  const values = map(
    ...[1, accountId, number, NOW_MS, 2, ["Praxis", "Weg 1", "a@praxis.example"], null],
    ...[[[1, "Art. 6", true]], ["Betreiber", RELAY], [], [], [[1, 0]], "Aufsicht", "https://praxis.example/i"],
    ...["https://praxis.example/d", false, null, false, [["de", sha256(text)]], "de", "Rechte"],
  );
  return verifyNotice(accountId, signMap(accountSeed, "SR1-sig-notice", encode(values)));
}

export const TEXT = "Hinweis";
export const notice: Notice = noticeOf(1);
export const roster = rosterOf();
