/** How a room begins, and the `open` with which each flight to a desk begins until it is confirmed (TRN-30, ROOM-21). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same } from "@sealroom/core/bytes.ts";
import type { Given } from "@sealroom/core/consent/customer.ts";
import { signReceipt } from "@sealroom/core/consent/customer.ts";
import { NO_CONSENT } from "@sealroom/core/consent/receipt.ts";
import { draw } from "@sealroom/core/ports.ts";
import { NOTHING_SEEN } from "@sealroom/core/rooms/chain.ts";
import { KIND_OPEN, roomIdOf } from "@sealroom/core/rooms/entry.ts";
import type { Session } from "@sealroom/core/session.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { cborMap } from "@sealroom/core/wire/cbor.ts";
import type { Context } from "../context.ts";
import { all, putItem } from "../outbox.ts";
import { contentOf } from "../posting.ts";
import { sealCounted } from "../sending.ts";
import type { Turn } from "../turn.ts";
import { Draft } from "./draft.ts";
import type { Room } from "./model.ts";
import { NOT_ASKING } from "./model.ts";
import { settle } from "./settling.ts";
import { postedEntry, write } from "./writing.ts";

/** Open a room: its first entry, with the receipt (ROOM-01). */
export function openRoom(c: Context, turn: Turn, given: Given): Bytes {
  const { accountId } = c.own.record;
  const nonce = draw(c.rng, 16);
  const id = roomIdOf(c.company.accountId, accountId, nonce);
  const d = new Draft(c, turn, newRoom(id, c.company.accountId, accountId, nonce));
  const receipt = signReceipt(c.own.signSeed, given, id);
  const payload = cborMap([
    [1, nonce],
    [2, receipt],
  ]);
  const entry = write(d, KIND_OPEN, payload);
  d.set({ root: entry.hash });
  d.rejudge();
  settle(d);
  d.apply();
  return id;
}

export function newRoom(id: Bytes, company: Bytes, customer: Bytes, nonce: Bytes): Room {
  return {
    ...{ id, company, customer, nonce, root: new Uint8Array(32), openedTo: [], named: null },
    ...{ restarts: false, restartedMs: 0, orders: [], asking: NOT_ASKING, asked: [], missing: new Map() },
    ...{
      sought: new Map(),
      shown: null,
      marksAtOnce: false,
      lastMs: 0,
      early: [],
      served: [],
      away: [],
      entries: new Map(),
      view: NOTHING_SEEN,
    },
    ...{ states: [], consent: NO_CONSENT, shownGaps: new Set(), askedBy: new Map(), challenges: [] },
  };
}

/** Seal the `open` that a flight of ours begins with, ahead of its ask, under the same number each time (TRN-30). */
export function sealOpenAhead(c: Context, turn: Turn, deviceId: Bytes, session: Session, bundle: Value | null): void {
  for (const room of c.rooms.values()) {
    const root = room.entries.get(hex(room.root));
    if (root === undefined || !root.waitingFor.some((id) => same(id, deviceId))) continue;
    const posted = postedEntry(root.entry);
    const lane = c.outbox.lane(deviceId);
    const known = all(lane).find((one) => one.shown && same(one.contentId, posted.contentId));
    if (known === undefined) return;
    const isNew = lane.waiting.includes(known) && known.sendings === 0;
    if (isNew) lane.waiting = lane.waiting.filter((one) => one !== known);
    // Another sending of what is on its way is forgotten when the relay has it, and does not count (SES-37).
    const copy = { ...c.outbox.newItem(deviceId, posted.contentId, false, turn.nowMs), number: known.number };
    const item = isNew ? known : copy;
    const isSealed = sealCounted(c, turn, deviceId, session, item, { ...contentOf(posted), bundle }, true);
    if (!isSealed && isNew) {
      lane.waiting.unshift(item);
      putItem(turn, item);
    }
    return;
  }
}
