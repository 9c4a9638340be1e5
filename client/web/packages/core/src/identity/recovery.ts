/** The recovery code of a customer's account, and the key that follows from it (ACC-60 to ACC-63, ACC-70). */

import { concat } from "../bytes.ts";
import { LIST_TTL_MS, RECOVERED_FROM } from "../constants.ts";
import { notAccepted } from "../errors.ts";
import type { Rng } from "../ports.ts";
import { draw } from "../ports.ts";
import { hash } from "../primitives/hash.ts";
import { prfOfShort } from "../primitives/kdf.ts";
import type { Ed25519Seed, RecoverySecret } from "../secret.ts";
import { Secret } from "../secret.ts";
import type { DeviceList } from "./list.ts";
import { signList, verifyList } from "./list.ts";
import type { DeviceRecord } from "./record.ts";
import { HASH_B } from "./record.ts";

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const GROUP = 5;
const DIGITS = 29;
const GROUPS = 6;
const R_B = 16;
const CHECK_BITS = 16n;
const DIGIT_BITS = 5n;
const TYPED_MAX = 256;
const LEFT_OUT = /[ \t\r\n-]+/;
const RECOVERED_TO = 2 ** 31 - 2 ** 24;
const DRAWN = 2 ** 22;
const BEGUN_MS = 1_577_836_800_000;
const INTERVAL_MS = 4_000;

/** What a code says: r, and whether the account was made with a directory entry. */
export interface RecoveryCode {
  readonly r: RecoverySecret;
  readonly entry: boolean;
}

function checkOf({ r, entry }: RecoveryCode): bigint {
  const first = hash("SR1-recover-code", concat(r.expose(), Uint8Array.of(entry ? 1 : 0)));
  return (BigInt(first[0] as number) << 8n) | BigInt(first[1] as number);
}

function toNumber(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

function toR(value: bigint): RecoverySecret {
  const at = (_: unknown, i: number): number => Number((value >> (8n * BigInt(R_B - 1 - i))) & 0xffn);
  return new Secret("recovery secret", Uint8Array.from({ length: R_B }, at));
}

function grouped(digits: string): string[] {
  return Array.from({ length: GROUPS }, (_, i) => digits.slice(i * GROUP, (i + 1) * GROUP));
}

/** An r that is drawn for an account (ACC-60). */
export function newRecovery(rng: Rng, entry: boolean): RecoveryCode {
  return { r: new Secret("recovery secret", draw(rng, R_B)), entry };
}

/** The six groups of a code that are shown (ACC-61). */
export function groupsOf(code: RecoveryCode): readonly string[] {
  const bits = (toNumber(code.r.expose()) << 1n) | (code.entry ? 1n : 0n);
  const value = (bits << CHECK_BITS) | checkOf(code);
  const digits = Array.from({ length: DIGITS }, (_, i) => {
    const place = BigInt(DIGITS - 1 - i) * DIGIT_BITS;
    return ALPHABET[Number((value >> place) & 31n)] as string;
  });
  return grouped(digits.join(""));
}

/** The code as it is shown (ACC-61). */
export function encodeRecovery(code: RecoveryCode): string {
  return groupsOf(code).join("-");
}

/** The seed of the account key that follows from r (ACC-60). */
export function accountSeedOf(r: RecoverySecret): Ed25519Seed {
  return new Secret("Ed25519 seed", prfOfShort(r.expose(), "SR1-recovery", new Uint8Array(), 32));
}

/** The digits of a code or group that somebody has typed (ACC-62, ACC-68); none where that is too long. */
export function readTyped(typed: string): string {
  if ([...typed.slice(0, 2 * TYPED_MAX + 1)].length > TYPED_MAX) return "";
  const kept = typed.split(LEFT_OUT).join("");
  const upper = kept.replace(/[a-z]/g, (letter) => letter.toUpperCase());
  return upper.replaceAll("O", "0").replace(/[IL]/g, "1");
}

function decoded(digits: string): RecoveryCode | null {
  if (digits.length !== DIGITS) return null;
  let value = 0n;
  for (const digit of digits) {
    const place = ALPHABET.indexOf(digit);
    if (place < 0) return null;
    value = (value << DIGIT_BITS) | BigInt(place);
  }
  const bits = value >> CHECK_BITS;
  const code = { r: toR(bits >> 1n), entry: (bits & 1n) === 1n };
  return (value & 0xffffn) === checkOf(code) ? code : null;
}

/**
 * A code as somebody has typed it (ACC-62).
 *
 * @throws RemoteError `remote.decode`
 */
export function decodeRecovery(typed: string): RecoveryCode {
  const code = decoded(readTyped(typed));
  if (code === null) throw notAccepted("no recovery code");
  return code;
}

function groupOf(place: number): number {
  return Math.min(Math.floor(place / GROUP) + 1, GROUPS);
}

/** The one part of another length than its group. */
function ofOtherLength(typed: string): number | null {
  const parts = typed.split(LEFT_OUT).filter((part) => part !== "");
  const sizes = grouped("0".repeat(DIGITS)).map((group) => group.length);
  if (parts.length !== sizes.length) return null;
  const others = sizes.flatMap((size, i) => ([...(parts[i] as string)].length === size ? [] : [i + 1]));
  return others.length === 1 ? (others[0] as number) : null;
}

function isInDoubt(digits: string, place: number): boolean {
  const [before, digit, after] = [digits.slice(0, place), digits[place], digits.slice(place + 1)];
  for (const other of ALPHABET) {
    if (other !== digit && decoded(before + other + after) !== null) return true;
  }
  return after !== "" && decoded(before + after[0] + digit + after.slice(1)) !== null;
}

/** Which group of a refused code is to be looked at, from 1 on; null where that cannot be told (ACC-62). */
export function doubtfulGroup(typed: string): number | null {
  const digits = [...readTyped(typed)];
  if (digits.length === 0) return null;
  const foreign = digits.findIndex((digit) => !ALPHABET.includes(digit));
  if (foreign >= 0) return groupOf(foreign);
  if (digits.length !== DIGITS) return ofOtherLength(typed);
  const text = digits.join("");
  const found = new Set(digits.flatMap((_, place) => (isInDoubt(text, place) ? [groupOf(place)] : [])));
  return found.size === 1 ? ([...found][0] as number) : null;
}

/**
 * The number of a list by which an account is recovered: of the clock, or a random one above `lastSeq`, that of the list
 * that the directory showed, 0 without one (ACC-63). Null where there is none (ACC-70).
 */
export function recoveredSeq(nowMs: number, lastSeq: number, rng: Rng): number | null {
  const byClock = RECOVERED_FROM + 2 * Math.floor((nowMs - BEGUN_MS) / INTERVAL_MS);
  const seq = byClock > lastSeq ? byClock : lastSeq + 2 * (1 + (drawn(rng) % DRAWN));
  return byClock > RECOVERED_FROM && byClock <= RECOVERED_TO && seq <= RECOVERED_TO ? seq : null;
}

function drawn(rng: Rng): number {
  return draw(rng, 3).reduce((value, byte) => value * 256 + byte, 0);
}

/**
 * The first list of an account that is recovered, which names the new device alone; `before` is the list that the
 * directory showed (ACC-63). Null where there is no number for it (ACC-70).
 */
export function recoveredList(
  seed: Ed25519Seed,
  record: DeviceRecord,
  before: DeviceList | null,
  nowMs: number,
  rng: Rng,
): DeviceList | null {
  const { accountId } = record;
  const seq = recoveredSeq(nowMs, before?.seq ?? 0, rng);
  if (seq === null) return null;
  const fields = {
    ...{ accountId, seq, prevHash: before?.hash ?? new Uint8Array(HASH_B) },
    ...{ issuedMs: nowMs, expiresMs: nowMs + LIST_TTL_MS, recoveryPublic: before?.recoveryPublic ?? null },
    recordHashes: [record.hash],
  };
  return verifyList(accountId, signList(seed, fields));
}
