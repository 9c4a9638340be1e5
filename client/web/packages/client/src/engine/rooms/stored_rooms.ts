/** Rooms from rows: what is kept of them and of their entries, and what follows from those (chapters 16 and 17). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same } from "@sealroom/core/bytes.ts";
import { NO_CONSENT } from "@sealroom/core/consent/receipt.ts";
import { RemoteError } from "@sealroom/core/errors.ts";
import { NOTHING_SEEN, takeEntry } from "@sealroom/core/rooms/chain.ts";
import type { Entry } from "@sealroom/core/rooms/entry.ts";
import { commitmentOf, decodeBody, entryHashOf } from "@sealroom/core/rooms/entry.ts";
import { decodeHeader } from "@sealroom/core/rooms/entry_reading.ts";
import type { WantedRange } from "@sealroom/core/rooms/forward.ts";
import type { TakenState } from "@sealroom/core/rooms/head.ts";
import { checkPayload } from "@sealroom/core/rooms/payloads.ts";
import { asState } from "@sealroom/core/rooms/state.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { asArray, asBoolean, asUint } from "@sealroom/core/wire/fields.ts";
import { bytesOf, RowReader, stored } from "../codec.ts";
import type { Row } from "../ports.ts";
import { KIND_STATE } from "./judging.ts";
import { consentAfter } from "./keeping.ts";
import type { Asking, Kept, Order, Room, Shown } from "./model.ts";
import { DELIVERIES, STANDS } from "./model.ts";

/** The rooms of a store, with what follows from their entries. */
export function loadRooms(rooms: readonly Row[], entries: readonly Row[], signers: Signers): Map<string, Room> {
  const kept = entries.map((row) => ({ room: hex(row.key.slice(0, 16)), one: decodeKept(row.value) }));
  return new Map(
    rooms.map(({ key, value }) => {
      const ours = kept.filter(({ room }) => room === hex(key)).map(({ one }) => one);
      return [
        hex(key),
        loadRoom(
          value,
          [...ours].sort((a, b) => a.place - b.place),
          signers,
        ),
      ] as const;
    }),
  );
}

type Signers = Parameters<typeof consentAfter>[3];

function loadRoom(value: Bytes, kept: readonly Kept[], signers: Signers): Room {
  const { early, ...stored } = decodeRoom(value);
  let view = NOTHING_SEEN;
  let consent = NO_CONSENT;
  const states: TakenState[] = [];
  const entries = new Map<string, Kept>();
  for (const one of kept) {
    const { entry, stands } = one;
    view = takeEntry(view, entry).view;
    entries.set(hex(entry.hash), one);
    if (entry.body === null || stands === "refused") continue;
    const { hash, author, header } = entry;
    try {
      const payload = decodeBody(entry.body);
      checkPayload(header.kind, payload);
      if (header.kind === KIND_STATE)
        states.push({ hash, author: author.deviceId, n: header.n, state: asState(payload) });
      if (stands === "taken" && same(author.accountId, stored.customer))
        consent = consentAfter(consent, entry, payload, signers);
    } catch (error) {
      // It is left out, and the rest of the store is opened (TRN-46).
      if (!(error instanceof RemoteError)) throw error;
      entries.set(hex(hash), { ...one, stands: "refused" });
    }
  }
  const held = early.map(([one, receivedMs]) => ({ entry: entryOf(one), receivedMs }));
  return {
    ...stored,
    early: held,
    entries,
    view,
    states,
    consent,
    shownGaps: new Set(),
    askedBy: new Map(),
    challenges: [],
  };
}

// --- rows ---

type StoredRoom = Omit<
  Room,
  "entries" | "view" | "states" | "consent" | "shownGaps" | "askedBy" | "challenges" | "early"
> & {
  readonly early: readonly (readonly [Value, number])[];
};

function decodeRoom(data: Bytes): StoredRoom {
  return stored(() => {
    const reader = new RowReader(data);
    return {
      id: reader.bytes(),
      company: reader.bytes(),
      customer: reader.bytes(),
      nonce: reader.bytes(),
      root: reader.bytes(),
      openedTo: reader.list(bytesOf),
      named: reader.orNull(bytesOf),
      restarts: reader.flag(),
      restartedMs: reader.uint(),
      orders: reader.list(orderOf),
      asking: askingOf(reader.value()),
      asked: reader.list(rangeOf),
      missing: new Map(reader.list((pair) => pair as unknown as readonly [string, number])),
      sought: new Map(reader.list((pair) => pair as unknown as readonly [string, [number, number]])),
      shown: reader.orNull(shownOf),
      marksAtOnce: reader.flag(),
      lastMs: reader.uint(),
      early: reader.list((pair) => pair as unknown as readonly [Value, number]),
      served: reader.list(bytesOf),
      away: reader.list(bytesOf),
    };
  });
}

function orderOf(value: Value): Order {
  const [by, hashes, sinceMs] = asArray(value, 3, 3) as [Value, Value, Value];
  return {
    by: bytesOf(by),
    hashes: hashes === null ? null : asArray(hashes, 64).map(bytesOf),
    sinceMs: asUint(sinceMs),
  };
}

function askingOf(value: Value): Asking {
  const [ranges, times, dueMs] = asArray(value, 3, 3) as [Value, Value, Value];
  const due = dueMs === null ? null : asUint(dueMs);
  return { ranges: asArray(ranges, 64).map(rangeOf), times: asUint(times), dueMs: due };
}

function shownOf(value: Value): Shown {
  const [phase, members, assigned, sensitive] = asArray(value, 4, 4) as [Value, Value, Value, Value];
  const whom = assigned === null ? null : bytesOf(assigned);
  return {
    phase: asUint(phase),
    members: asArray(members, 12).map(bytesOf),
    assigned: whom,
    sensitive: asBoolean(sensitive),
  };
}

function rangeOf(value: Value): WantedRange {
  const [tag, first, last] = asArray(value, 3, 3) as [Value, Value, Value];
  return { tag: bytesOf(tag), first: asUint(first), last: asUint(last) };
}

function decodeKept(data: Bytes): Kept {
  return stored(() => {
    const reader = new RowReader(data);
    return {
      entry: entryOf(reader.value()),
      place: reader.uint(),
      receivedMs: reader.uint(),
      followed: reader.orNull(bytesOf),
      stands: STANDS[reader.uint()] ?? "taken",
      hidden: reader.flag(),
      marked: reader.flag(),
      unread: reader.flag(),
      waitingFor: reader.list(bytesOf),
      delivery: reader.orNull((value) => DELIVERIES[asUint(value)] ?? "failed"),
    };
  });
}

/** An entry that was checked when it came; `signPublic` is of no use any more. */
function entryOf(value: Value): Entry {
  const [account, device, header, commitment, body, signature] = asArray(value, 6, 6) as Value[];
  const author = { accountId: bytesOf(account as Value), deviceId: bytesOf(device as Value) };
  const headerBytes = bytesOf(header as Value);
  const kept = body === null ? null : bytesOf(body as Value);
  const commit = kept === null ? bytesOf(commitment as Value) : commitmentOf(kept);
  const signed = signature === null ? null : bytesOf(signature as Value);
  return {
    author: { ...author, signPublic: signed === null ? null : author.accountId },
    headerBytes,
    header: decodeHeader(headerBytes),
    body: kept,
    commitment: commit,
    signature: signed,
    hash: entryHashOf(author.accountId, author.deviceId, commit, headerBytes),
  };
}
