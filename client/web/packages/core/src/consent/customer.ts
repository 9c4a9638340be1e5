/** Consent on the side of the person: a state, an event, and what is to be done (CNS-17 to CNS-20). */

import type { Bytes } from "../bytes.ts";
import { concat, same } from "../bytes.ts";
import { MAX_COUNTER, MAX_U32, MINUTE_MS } from "../constants.ts";
import { LocalError } from "../errors.ts";
import { signMap } from "../identity/signed.ts";
import type { Ed25519Seed } from "../secret.ts";
import { cborMap, encode } from "../wire/cbor.ts";
import type { Notice } from "./notice.ts";

const NUMBERS_SINCE_MS = 1_577_836_800_000; // 2020-01-01 00:00 UTC (ACC-07)
const SECOND_MS = 1_000;

/** What was accepted, when, and its number in the room. */
export interface Given {
  readonly noticeHash: Bytes;
  readonly locale: string;
  readonly mode: number;
  /** Purpose n is bit n - 1. */
  readonly purposes: number;
  readonly acceptedMs: number;
  readonly seq: number;
}

export type ConsentState =
  | { readonly name: "Shown"; readonly notice: Notice }
  | { readonly name: "Refused"; readonly notice: Notice }
  | { readonly name: "Accepted"; readonly notice: Notice; readonly given: Given }
  /** The notice has replaced the accepted one, which counts until `untilMs`. */
  | { readonly name: "Stale"; readonly notice: Notice; readonly given: Given; readonly untilMs: number }
  /** Withdrawn; `seq` is the last number of the room. */
  | { readonly name: "Ended"; readonly notice: Notice; readonly seq: number };

export type ConsentEvent =
  | { readonly name: "accept"; readonly noticeHash: Bytes; readonly locale: string; readonly purposes: number }
  | { readonly name: "refuse" }
  | { readonly name: "ask" }
  | { readonly name: "leave" }
  /** A verified notice is in force; the one accepted before counts until `untilMs`, 0 for no longer. */
  | { readonly name: "replaced"; readonly notice: Notice; readonly untilMs: number };

export type ConsentEffect =
  | { readonly name: "show_notice"; readonly notice: Notice }
  | { readonly name: "show_channels" }
  | { readonly name: "open_room"; readonly given: Given }
  | { readonly name: "give_receipt"; readonly given: Given; readonly reopens: boolean }
  | { readonly name: "withdraw"; readonly seq: number };

export interface ConsentStep {
  readonly state: ConsentState;
  readonly effects: readonly ConsentEffect[];
}

/**
 * The state after an event, and what is to be done (CNS-17).
 *
 * @throws LocalError `local.consent` for an event without a cell or another notice, `local.argument` for a language or
 *   purposes that the notice does not offer
 */
export function stepConsent(state: ConsentState, event: ConsentEvent, nowMs: number): ConsentStep {
  switch (event.name) {
    case "accept":
      return accept(state, event, nowMs);
    case "refuse":
      return refuse(state);
    case "ask":
      if (state.name !== "Refused") throw noCell();
      return {
        state: { name: "Shown", notice: state.notice },
        effects: [{ name: "show_notice", notice: state.notice }],
      };
    case "leave":
      return leave(state, nowMs);
    case "replaced":
      return replaced(state, event.notice, event.untilMs);
  }
}

function noCell(): LocalError {
  return new LocalError("local.consent", "not an event of this state");
}

type Accept = Extract<ConsentEvent, { name: "accept" }>;

function accept(state: ConsentState, event: Accept, nowMs: number): ConsentStep {
  const { notice } = state;
  if (!same(event.noticeHash, notice.hash)) throw new LocalError("local.consent", "another notice was shown");
  if (!notice.texts.some((one) => one.locale === event.locale) || !allows(notice, event.purposes)) {
    throw new LocalError("local.argument", "not a language or purposes of the notice");
  }
  const { locale, purposes } = event;
  const acceptedMs = nowMs - (nowMs % SECOND_MS);
  const seq = nextSeq(lastOf(state), nowMs);
  const given = { noticeHash: notice.hash, locale, mode: notice.mode, purposes, acceptedMs, seq };
  const accepted = { name: "Accepted", notice, given } as const;
  if (state.name === "Shown") return { state: accepted, effects: [{ name: "open_room", given }] };
  if (state.name !== "Stale" && state.name !== "Ended") throw noCell();
  return { state: accepted, effects: [{ name: "give_receipt", given, reopens: state.name === "Ended" }] };
}

/** Purposes of the notice, all required ones among them. */
function allows(notice: Notice, purposes: number): boolean {
  const bits = notice.purposes.map((one) => ({ bit: 2 ** (one.number - 1), required: one.required }));
  const has = (bit: number): boolean => Math.floor(purposes / bit) % 2 === 1;
  const rest = bits.reduce((left, { bit }) => left - (has(bit) ? bit : 0), purposes);
  return purposes >= 0 && purposes <= MAX_U32 && rest === 0 && bits.every(({ bit, required }) => !required || has(bit));
}

function refuse(state: ConsentState): ConsentStep {
  const { notice } = state;
  if (state.name !== "Shown") throw noCell();
  return { state: { name: "Refused", notice }, effects: [{ name: "show_channels" }] };
}

function leave(state: ConsentState, nowMs: number): ConsentStep {
  const { notice } = state;
  if (state.name !== "Accepted" && state.name !== "Stale") throw noCell();
  const seq = withdrawalSeq(state.given.seq, nowMs);
  return { state: { name: "Ended", notice, seq }, effects: [{ name: "withdraw", seq }, { name: "show_channels" }] };
}

/** A notice of a lower number than the known one is never shown and replaces nothing (CNS-19). */
function replaced(state: ConsentState, notice: Notice, untilMs: number): ConsentStep {
  if (notice.number < state.notice.number) return { state, effects: [] };
  const isNew = !same(notice.hash, state.notice.hash);
  const show = isNew ? [{ name: "show_notice", notice } as const] : [];
  if (state.name === "Shown") return { state: { name: "Shown", notice }, effects: show };
  if (state.name === "Refused" || state.name === "Ended") return { state: { ...state, notice }, effects: [] };
  const { given } = state;
  if (same(notice.hash, given.noticeHash)) return { state: { name: "Accepted", notice, given }, effects: [] };
  return { state: { name: "Stale", notice, given, untilMs }, effects: show };
}

function lastOf(state: ConsentState): number {
  if (state.name === "Ended") return state.seq;
  return state.name === "Accepted" || state.name === "Stale" ? state.given.seq : 0;
}

/** max(last + 1, minutes since 2020) (ACC-07, CNS-09). */
function nextSeq(last: number, nowMs: number): number {
  const seq = Math.max(last + 1, Math.floor((nowMs - NUMBERS_SINCE_MS) / MINUTE_MS), 1);
  if (seq >= MAX_COUNTER) throw new LocalError("local.counter_exhausted", "no number is left for a consent");
  return seq;
}

/** A withdrawal has the last number again where no higher one is left (CNS-09). */
function withdrawalSeq(last: number, nowMs: number): number {
  return last === MAX_COUNTER - 1 ? last : nextSeq(last, nowMs);
}

/**
 * Content leaves in Accepted, and in Stale until the time that the roster states (CNS-20).
 *
 * @throws LocalError `local.consent`
 */
export function checkContent(state: ConsentState, nowMs: number): void {
  if (state.name === "Accepted" || (state.name === "Stale" && nowMs <= state.untilMs)) return;
  throw new LocalError("local.consent", "no consent that counts");
}

/** A receipt for a room (CNS-06). */
export function signReceipt(seed: Ed25519Seed, given: Given, room: Bytes): Bytes {
  const { noticeHash, locale, mode, purposes, acceptedMs, seq } = given;
  const values = [concat(noticeHash), locale, mode, purposes, acceptedMs, room, seq];
  return signMap(seed, "SR1-sig-consent", encode(cborMap(values.map((value, i) => [i + 1, value] as const))));
}

/** A withdrawal of a receipt (CNS-08). */
export function signWithdrawal(
  seed: Ed25519Seed,
  receipt: Bytes,
  room: Bytes,
  withdrawnMs: number,
  seq: number,
): Bytes {
  const values = [receipt, room, withdrawnMs, seq];
  return signMap(seed, "SR1-sig-withdraw", encode(cborMap(values.map((value, i) => [i + 1, value] as const))));
}
