import assert from "node:assert/strict";
import { test } from "node:test";
import { hex } from "../src/bytes.ts";
import { decodeRecord } from "../src/identity/record.ts";
import * as entries from "../src/rooms/entry.ts";
import * as reading from "../src/rooms/entry_reading.ts";
import { checkPayload } from "../src/rooms/payloads.ts";
import { asDossier, asSignal } from "../src/rooms/signals.ts";
import * as files from "../src/rooms/transcript_file.ts";
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
    const entry = reading.readEntry(author, payload, bytes(one.content_id), one.sent_ms);
    equal(entry.hash, one.entry_hash);
    equal(entry.commitment, one.commitment);
    equal(entries.contentIdOf(entry.hash), one.content_id);
    equal(entries.deviceTagOf(entry.header.roomId, author.deviceId), one.tag);
    equal(entries.encodeHeader(entry.header), one.header);
    checkPayload(one.kind, entries.decodeBody(bytes(one.body)));
    if (one.sign_seed)
      equal(entries.signEntry(new Secret("Ed25519 seed", bytes(one.sign_seed)), entry.hash), one.signature);
    equal(encode(reading.lineOf(entry)), one.line);
    equal(encode(reading.lineOf({ ...entry, body: null })), one.redacted);
    for (const line of [one.line, one.redacted]) {
      const place = { ...room, roomId: entry.header.roomId };
      equal(reading.readLine(decode(bytes(line), 65_536), place, () => author.signPublic).hash, one.entry_hash);
    }
  });
}

test("payloads at their limits, signals, a dossier (TRN-21, TRN-25, ROOM-25)", () => {
  const rooms = load("rooms");
  for (const one of rooms.payloads) checkPayload(one.kind, decode(bytes(one.payload), 65_536));
  for (const one of rooms.signals) asSignal(decode(bytes(one.signal), 65_536));
  assert.ok(hex(asDossier(decode(bytes(rooms.dossier), 65_536)).list).length > 0);
});

/** What a file of the vectors says, made anew from the entries alone. */
function writtenAnew(lines: readonly string[]): readonly string[] {
  const head = JSON.parse((lines[1] as string).slice(0, -1));
  const { company, customer, nonce, room: id } = head;
  const of = { company: bytes(company), customer: bytes(customer) };
  const signed = new Map<string, Uint8Array>();
  for (const line of lines.filter((one) => one.startsWith('{"record"'))) {
    const record = decodeRecord(new Uint8Array(Buffer.from(JSON.parse(line.slice(0, -1)).record, "base64url")));
    signed.set(hex(record.deviceId), record.signPublic);
  }
  const made = lines.flatMap((line) => {
    if (!line.startsWith('{"entry"')) return [];
    const value = decode(new Uint8Array(Buffer.from(JSON.parse(line.slice(0, -1)).entry, "base64url")), 262_144);
    const entry = reading.readLine(
      value,
      { roomId: bytes(id), ...of },
      (one) => (signed.get(hex(one)) as never) ?? null,
    );
    return [`${files.entryLine(entry)},`];
  });
  return [`${files.headLine({ ...of, nonce: bytes(nonce), room: bytes(id) })},`, ...made, files.endLine(made.length)];
}

test("lines of a transcript, byte for byte (EXP-01, EXP-02)", () => {
  const [whole] = load("export").transcripts;
  assert.equal(whole.name, "whole");
  const parts = whole.lines.filter((line: string) => /^\{"(\w+_list|record|slot|card)"/u.test(line));
  assert.ok(parts.length > 5);
  for (const line of parts) {
    const [[name, text]] = Object.entries(JSON.parse(line.slice(0, -1))) as [[files.PartName, string]];
    assert.equal(`${files.partLine(name, Buffer.from(text, "base64url"))},`, line);
  }
  const others = whole.lines.filter((line: string) => !parts.includes(line));
  assert.deepEqual([files.BEGIN, ...writtenAnew(whole.lines), files.CLOSE], others);
});
