/** Login tokens: who a customer is, by the company's own word (CNS-50 to CNS-55). */

import { fromBase64url, toBase64url } from "../base64url.ts";
import type { Bytes } from "../bytes.ts";
import { concat, cut, same } from "../bytes.ts";
import type { Mandate } from "../company/mandate.ts";
import { lifetime } from "../company/mandate.ts";
import { checkMandateOf } from "../company/roster.ts";
import { MAX_COUNTER, MINUTE_MS, RELAY_RETENTION_MS } from "../constants.ts";
import { notAccepted, RemoteError } from "../errors.ts";
import { isName } from "../grammar.ts";
import { ACCOUNT_ID_B, DEVICE_ID_B } from "../identity/record.ts";
import { checkVersion, decodeSigned, openSigned } from "../identity/signed.ts";
import { hash } from "../primitives/hash.ts";
import type { Value } from "../wire/cbor.ts";
import { decode } from "../wire/cbor.ts";
import { asText, Fields } from "../wire/fields.ts";

export const MAX_LOGIN_B = 1_200;
export const LOGIN_LIFE_MS = 10 * MINUTE_MS;
export const CHALLENGE_B = 16;
const TOLERANCE_MS = 5 * MINUTE_MS;
const ROOM_B = 16;
const CHECK_B = 5;
const MAX_NAME_B = 256;
const MAX_LEVEL = 3;
const CHALLENGE = /^[\t\n\r ]*sealroom:login\?v=1&c=([A-Za-z0-9_-]{156})[\t\n\r ]*$/;
const TOKEN = /^[\t\n\r ]*([A-Za-z0-9_-]{2,1600})[\t\n\r ]*$/;

/** What a device of a customer asks a token for (CNS-53). */
export interface Challenge {
  readonly company: Bytes;
  readonly customer: Bytes;
  readonly deviceId: Bytes;
  readonly room: Bytes;
  readonly nonce: Bytes;
}

export interface LoginToken {
  readonly signed: Bytes;
  readonly asked: Challenge;
  readonly issuedMs: number;
  readonly expiresMs: number;
  readonly subject: string;
  readonly name: string | null;
  readonly number: string | null;
  /** 1 password, 2 second factor, 3 document. */
  readonly level: number;
}

// --- as text (CNS-55) ---

export function challengeText({ company, customer, deviceId, room, nonce }: Challenge): string {
  const packed = concat(company, customer, deviceId, room, nonce);
  return `sealroom:login?v=1&c=${toBase64url(concat(packed, cut(hash("SR1-login-ask", packed), 0, CHECK_B)))}`;
}

/**
 * The challenge of a text.
 *
 * @throws RemoteError `remote.decode`
 */
export function parseChallenge(text: string): Challenge {
  const data = fromBase64url(CHALLENGE.exec(text)?.[1] ?? "*");
  const packed = cut(data, 0, data.length - CHECK_B);
  const check = cut(data, packed.length, CHECK_B);
  if (!same(check, cut(hash("SR1-login-ask", packed), 0, CHECK_B))) throw notAccepted("a damaged challenge");
  return {
    company: cut(packed, 0, ACCOUNT_ID_B),
    customer: cut(packed, 32, ACCOUNT_ID_B),
    deviceId: cut(packed, 64, DEVICE_ID_B),
    room: cut(packed, 80, ROOM_B),
    nonce: cut(packed, 96, CHALLENGE_B),
  };
}

/**
 * The signed bytes of a token, whose one spelling this is.
 *
 * @throws RemoteError `remote.decode`
 */
export function parseToken(text: string): Bytes {
  const digits = TOKEN.exec(text)?.[1] ?? "*";
  const missing = (4 - (digits.length % 4)) % 4;
  if (missing === 3) throw notAccepted("no login token");
  const data = fromBase64url(digits + "A".repeat(missing));
  const sizeB = data.length - missing;
  if (sizeB > MAX_LOGIN_B || data.subarray(sizeB).some((byte) => byte !== 0)) throw notAccepted("no login token");
  return cut(data, 0, sizeB);
}

// --- checks (CNS-50 to CNS-52) ---

/**
 * The token by the mandate that counts.
 *
 * @throws RemoteError `login.expired`, `room.mandate`, and as CNS-51 says
 */
export function verifyLogin(mandate: Mandate, data: Uint8Array): LoginToken {
  const stated = new Fields(decode(decodeSigned(data, MAX_LOGIN_B).map, MAX_LOGIN_B), 13).uint(3, MAX_COUNTER - 1, 1);
  if (stated < mandate.seq) throw new RemoteError("login.expired", "a login under a mandate that was replaced");
  if (stated > mandate.seq) throw new RemoteError("room.mandate", "a login under a mandate that is not known");
  if (mandate.loginPublic === null) throw new RemoteError("remote.signature", "the mandate names no login key");
  const { value } = openSigned(data, MAX_LOGIN_B, mandate.loginPublic, "SR1-sig-login");
  const fields = new Fields(value, 13);
  checkVersion(fields.get(1));
  checkMandateOf(fields, mandate);
  return { signed: new Uint8Array(data), ...read(fields) };
}

function read(fields: Fields): Omit<LoginToken, "signed"> {
  const asked = {
    company: fields.bytes(2, ACCOUNT_ID_B),
    customer: fields.bytes(4, ACCOUNT_ID_B),
    deviceId: fields.bytes(5, DEVICE_ID_B),
    room: fields.bytes(6, ROOM_B),
    nonce: fields.bytes(7, CHALLENGE_B),
  };
  const times = lifetime(fields, 8, LOGIN_LIFE_MS);
  const [subject, name] = [asName(fields.get(10)), fields.orNull(11, asName)];
  return { asked, ...times, subject, name, number: fields.orNull(12, asName), level: fields.uint(13, MAX_LEVEL, 1) };
}

function asName(value: Value): string {
  const name = asText(value, MAX_NAME_B);
  if (!isName(name)) throw notAccepted("no name");
  return name;
}

/**
 * Refuse a token that was made for another device or room, or that is sent or comes outside its time.
 *
 * @throws RemoteError `login.holder`, `login.expired`
 */
export function checkLogin(token: LoginToken, holder: Omit<Challenge, "company" | "nonce">, at: LoginTimes): void {
  const { asked, issuedMs, expiresMs } = token;
  const isTheirs = same(asked.customer, holder.customer) && same(asked.deviceId, holder.deviceId);
  if (!isTheirs || !same(asked.room, holder.room)) throw new RemoteError("login.holder", "a login of another");
  const isSentInTime = at.sentMs >= issuedMs - TOLERANCE_MS && at.sentMs <= expiresMs + TOLERANCE_MS;
  if (!isSentInTime || at.nowMs > expiresMs + RELAY_RETENTION_MS) {
    throw new RemoteError("login.expired", "a login outside its time");
  }
}

export interface LoginTimes {
  readonly sentMs: number;
  readonly nowMs: number;
}
