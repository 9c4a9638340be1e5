/** Consent as a person gives and takes it (CNS-17 to CNS-20): a room, a notice that is replaced, a withdrawal. */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same } from "@sealroom/core/bytes.ts";
import type { ConsentEffect, ConsentEvent, ConsentState } from "@sealroom/core/consent/customer.ts";
import { checkContent, signReceipt, signWithdrawal, stepConsent } from "@sealroom/core/consent/customer.ts";
import type { Notice } from "@sealroom/core/consent/notice.ts";
import { takesBack } from "@sealroom/core/consent/receipt.ts";
import { LocalError } from "@sealroom/core/errors.ts";
import { cborMap } from "@sealroom/core/wire/cbor.ts";
import type { Context } from "../context.ts";
import { statedNotices, untilMs } from "../team.ts";
import type { Turn } from "../turn.ts";
import type { Draft } from "./draft.ts";
import { condition, isContent, KIND_ACT, mayReopen } from "./judging.ts";
import type { Room } from "./model.ts";
import { openRoom } from "./opening.ts";
import { stepIn } from "./rooms.ts";
import { write } from "./writing.ts";

const KIND_CONSENT = 8;
const KIND_WITHDRAW = 9;
const ACT_REOPEN = 2;
const CLOSED = 2;
const WITHDRAWN = 4;
const ERASED = 5;

/**
 * The consent of a room as a state of CNS-17.
 *
 * @throws LocalError `local.consent` where none was ever given
 */
export function consentOf(c: Context, room: Room): ConsentState {
  const { receipt, withdrawal } = room.consent;
  if (receipt === null) throw new LocalError("local.consent", "no consent was given in this room");
  const accepted = c.team.notices.get(hex(receipt.noticeHash))?.notice ?? null;
  const notice = statedNotices(c)[0]?.notice ?? accepted;
  if (notice === null) throw new LocalError("local.consent", "the notice that was accepted is not here");
  if (takesBack(withdrawal, receipt)) {
    return { name: "Ended", notice, seq: Math.max(withdrawal?.seq ?? 0, receipt.seq) };
  }
  const { noticeHash, locale, mode, purposes, acceptedMs, seq } = receipt;
  const given = { noticeHash, locale, mode, purposes, acceptedMs, seq };
  if (same(notice.hash, noticeHash)) return { name: "Accepted", notice, given };
  return { name: "Stale", notice, given, untilMs: untilMs(c, noticeHash) };
}

/** Refuse content without a consent that counts (CNS-20). */
export function checkWriting(c: Context, turn: Turn, room: Room, kind: number): void {
  if (isContent(kind)) checkContent(consentOf(c, room), turn.nowMs);
}

export interface Acceptance {
  readonly notice: Notice;
  readonly locale: string;
  readonly purposes: number;
}

/** Take a notice that a person has accepted; the room, opened or given a receipt. */
export function accept(c: Context, turn: Turn, { notice, locale, purposes }: Acceptance): Bytes {
  const event: ConsentEvent = { name: "accept", noticeHash: notice.hash, locale, purposes };
  const room = newestRoom(c, turn.nowMs);
  if (room === null) {
    const { effects } = stepConsent({ name: "Shown", notice }, event, turn.nowMs);
    const open = effects.find((one) => one.name === "open_room");
    if (open?.name !== "open_room") throw new LocalError("local.consent", "nothing to open");
    return openRoom(c, turn, open.given);
  }
  stepIn(c, turn, room.id, (d) => renew(d, event));
  return room.id;
}

/** The newest room that can still be used: one that was closed for too long is not opened again (ROOM-18). */
function newestRoom(c: Context, nowMs: number): Room | null {
  const rooms = [...c.rooms.values()].filter(
    (one) => one.shown?.phase !== ERASED && (one.shown?.phase !== CLOSED || mayReopen(c, one, nowMs)),
  );
  return rooms.sort((a, b) => b.lastMs - a.lastMs)[0] ?? null;
}

function renew(d: Draft, event: ConsentEvent): void {
  let state = consentOf(d.c, d.room);
  if (state.name === "Accepted") {
    const { phase } = condition(d.c, d.room, d.judged());
    if (phase === CLOSED) act(d, ACT_REOPEN);
    if (phase !== WITHDRAWN || hasUnanswered(d)) return;
    state = { ...state, name: "Ended", seq: state.given.seq };
  }
  carryOut(d, stepConsent(state, event, d.turn.nowMs).effects);
}

/** Whether a consent waits for its answer: the room will be opened. */
function hasUnanswered(d: Draft): boolean {
  const named = d.judged().path.flatMap((one) => one.state.answers.map(hex));
  return [...d.room.entries].some(([key, { entry }]) => entry.header.kind === KIND_CONSENT && !named.includes(key));
}

/** Withdraw the consent of a room. */
export function withdraw(c: Context, turn: Turn, roomId: Bytes): void {
  stepIn(c, turn, roomId, (d) => {
    carryOut(d, stepConsent(consentOf(d.c, d.room), { name: "leave" }, d.turn.nowMs).effects);
  });
}

function carryOut(d: Draft, effects: readonly ConsentEffect[]): void {
  for (const effect of effects) {
    if (effect.name === "give_receipt") {
      write(d, KIND_CONSENT, signReceipt(d.c.own.signSeed, effect.given, d.room.id));
      if (effect.reopens) act(d, ACT_REOPEN);
    } else if (effect.name === "withdraw") {
      const { receipt } = d.room.consent;
      if (receipt === null) throw new LocalError("local.consent", "no consent was given in this room");
      const signed = signWithdrawal(d.c.own.signSeed, receipt.hash, d.room.id, d.turn.nowMs, effect.seq);
      write(d, KIND_WITHDRAW, signed);
    }
  }
}

export function act(d: Draft, what: number): void {
  write(d, KIND_ACT, cborMap([[1, what]]));
}
