/** Telling the company who one is, by the token that its own login signs (CNS-50 to CNS-53). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { same } from "@sealroom/core/bytes.ts";
import {
  CHALLENGE_B,
  challengeText,
  checkLogin,
  LOGIN_LIFE_MS,
  parseToken,
  verifyLogin,
} from "@sealroom/core/consent/login.ts";
import { RemoteError } from "@sealroom/core/errors.ts";
import { draw } from "@sealroom/core/ports.ts";
import type { Entry } from "@sealroom/core/rooms/entry.ts";
import { MAX_HASHES } from "@sealroom/core/rooms/payloads.ts";
import { cborMap } from "@sealroom/core/wire/cbor.ts";
import type { Draft } from "./draft.ts";
import { payloadOf, phaseCode, transcript } from "./judging.ts";
import type { Kept } from "./model.ts";
import { write } from "./writing.ts";

const KIND_ERASE = 5;
const KIND_IDENTIFY = 17;
const MAX_CHALLENGES = 4;
/** So many erasures wait to be carried out, as where a room is kept (`erasing.ts`). */
const MAX_ORDERS = 64;

/** A nonce that waits for its token; in memory alone: who has started anew asks anew. */
export interface Asked {
  readonly nonce: Bytes;
  readonly sinceMs: number;
}

function waiting(d: Draft): readonly Asked[] {
  const { nowMs } = d.turn;
  return d.room.challenges.filter(({ sinceMs }) => sinceMs <= nowMs && nowMs < sinceMs + LOGIN_LIFE_MS);
}

/** A challenge of this device, as the text that its page hands to the company's web server. */
export function challenge(d: Draft): string {
  const nonce = draw(d.c.rng, CHALLENGE_B);
  d.set({ challenges: [...waiting(d), { nonce, sinceMs: d.turn.nowMs }].slice(-MAX_CHALLENGES) });
  const { accountId: customer, deviceId } = d.c.own.record;
  return challengeText({ company: d.room.company, customer, deviceId, room: d.room.id, nonce });
}

/**
 * Write a login by a token that answers one of our challenges, which is used up by it.
 *
 * @throws RemoteError `login.used`, and as `verifyLogin` and `checkLogin`; nothing has changed then
 */
export function identify(d: Draft, text: string): Entry {
  const { mandate } = d.c.team;
  if (mandate === null) throw new RemoteError("room.mandate", "no mandate is known");
  const token = verifyLogin(mandate, parseToken(text));
  const { accountId: customer, deviceId } = d.c.own.record;
  const { nowMs } = d.turn;
  checkLogin(token, { customer, deviceId, room: d.room.id }, { sentMs: nowMs, nowMs });
  const left = waiting(d).filter(({ nonce }) => !same(nonce, token.asked.nonce));
  if (left.length === waiting(d).length) throw new RemoteError("login.used", "a login that answers no challenge");
  d.set({ challenges: left });
  return write(d, KIND_IDENTIFY, token.signed);
}

/** The logins that are here, of any device of the person. */
function logins(d: Draft): readonly Bytes[] {
  const isLogin = ({ entry: { header, author } }: Kept): boolean =>
    header.kind === KIND_IDENTIFY && same(author.accountId, d.room.customer);
  return transcript(d.room)
    .filter((one) => isLogin(one) && payloadOf(one) !== null)
    .map(({ entry }) => entry.hash);
}

/** Whether a null passes: by the phase, and by our list (ID-65). */
function mayBeSaid(d: Draft): boolean {
  return phaseCode(d, KIND_IDENTIFY) === undefined && d.c.kin?.ending(d.turn.nowMs)?.canWrite !== false;
}

/**
 * Say that the person has signed out, by an entry of its own where a login is here and one passes (CNS-75).
 * Open challenges are worth nothing (CNS-56). It needs no code for what comes from others.
 */
export function signOut(d: Draft): void {
  d.set({ challenges: [] });
  if (logins(d).length > 0 && mayBeSaid(d)) write(d, KIND_IDENTIFY, null);
}

/** Erase the logins that are here, in every phase (CNS-75). */
export function eraseLogins(d: Draft): void {
  const named = logins(d).slice(-MAX_HASHES);
  if (named.length === 0 || (mayBeSaid(d) && d.room.orders.length >= MAX_ORDERS)) return;
  write(d, KIND_ERASE, cborMap([[1, named]]));
}
