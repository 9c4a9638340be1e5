/** What entries of the company do: states, notices, erasures. */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex } from "@sealroom/core/bytes.ts";
import { verifyNotice } from "@sealroom/core/consent/notice.ts";
import { CoreError } from "@sealroom/core/errors.ts";
import type { Entry } from "@sealroom/core/rooms/entry.ts";
import { asState } from "@sealroom/core/rooms/state.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { Fields } from "@sealroom/core/wire/fields.ts";
import { learnCard } from "../team_hearing.ts";
import { learnNotice } from "../team_learning.ts";
import type { Draft } from "./draft.ts";
import { KIND_ERASED } from "./judging.ts";

const KIND_NOTICE = 12;

export function takeState(d: Draft, entry: Entry, payload: Value): void {
  const state = asState(payload);
  for (const card of state.cards) learnCard(d.c, d.turn, card);
  const { hash, author, header } = entry;
  d.set({ states: [...d.room.states, { hash, author: author.deviceId, n: header.n, state }] });
}

/** Do what an entry says, besides consent and erasure of ours. */
export function does(d: Draft, entry: Entry, payload: Value): void {
  const { kind } = entry.header;
  const room = hex(d.room.id);
  if (kind === KIND_NOTICE) takeNotice(d, payload);
  if (kind === KIND_ERASED) {
    const fields = new Fields(payload, 3, [3]);
    const hashes = fields.orNull(1, (value) => (value as readonly Bytes[]).map(hex));
    const outcome = (["done", "hold", "class"] as const)[fields.uint(2) - 1] ?? "done";
    d.tell({ type: "erasure", room, entries: hashes, outcome, untilMs: fields.has(3) ? fields.uint(3) : null });
  }
}

/** A notice of the company with its text in one language (CNS-01, CNS-05). */
function takeNotice(d: Draft, payload: Value): void {
  const [signed, [pair]] = payload as readonly [Bytes, readonly [readonly [string, Bytes]]];
  try {
    const notice = verifyNotice(d.room.company, signed);
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(pair[1]);
    learnNotice(d.c, d.turn, notice, [{ locale: pair[0], text }]);
  } catch (error) {
    if (!(error instanceof CoreError) && !(error instanceof TypeError)) throw error;
    d.tell({ type: "rejected", code: "remote.content" });
  }
}
