import assert from "node:assert/strict";
import { test } from "node:test";
import { hex } from "../src/bytes.ts";
import * as entries from "../src/rooms/entry.ts";
import { asDossier, asSignal } from "../src/rooms/forward.ts";
import { checkPayload } from "../src/rooms/payloads.ts";
import { Secret } from "../src/secret.ts";
import { decode, encode } from "../src/wire/cbor.ts";
import { bytes, equal, load, optional } from "./vectors.ts";

const vectors = load("transcript");
const room = { roomId: bytes(vectors.room_id), company: bytes(vectors.company), customer: bytes(vectors.customer) };

test("ids of rooms (ROOM-01, ROOM-02)", () => {
  const nonce = bytes(vectors.nonce);
  equal(entries.roomIdOf(room.company, room.customer, nonce), vectors.room_id);
  equal(entries.notesIdOf(room.company, room.roomId, nonce), vectors.notes_id);
});

for (const one of vectors.entries) {
  test(`entry: ${one.name} (TRN-02 to TRN-05, TRN-08, TRN-17)`, () => {
    const accountId = one.sign_public === null ? room.customer : room.company;
    const author = { accountId, deviceId: bytes(one.device_id), signPublic: optional(one.sign_public) };
    const payload = decode(bytes(one.content), 65_536);
    const entry = entries.readEntry(author, payload, bytes(one.content_id), one.sent_ms);
    equal(entry.hash, one.entry_hash);
    equal(entry.commitment, one.commitment);
    equal(entries.contentIdOf(entry.hash), one.content_id);
    equal(entries.deviceTagOf(entry.header.roomId, author.deviceId), one.tag);
    equal(entries.encodeHeader(entry.header), one.header);
    checkPayload(one.kind, entries.decodeBody(bytes(one.body)));
    if (one.sign_seed)
      equal(entries.signEntry(new Secret("Ed25519 seed", bytes(one.sign_seed)), entry.hash), one.signature);
    equal(encode(entries.lineOf(entry)), one.line);
    equal(encode(entries.lineOf({ ...entry, body: null })), one.redacted);
    for (const line of [one.line, one.redacted]) {
      const place = { ...room, roomId: entry.header.roomId };
      equal(entries.readLine(decode(bytes(line), 65_536), place, () => author.signPublic).hash, one.entry_hash);
    }
  });
}

test("payloads at their limits, signals, a dossier (TRN-21, TRN-25, ROOM-25)", () => {
  const rooms = load("rooms");
  for (const one of rooms.payloads) checkPayload(one.kind, decode(bytes(one.payload), 65_536));
  for (const one of rooms.signals) asSignal(decode(bytes(one.signal), 65_536));
  assert.ok(hex(asDossier(decode(bytes(rooms.dossier), 65_536)).list).length > 0);
});
