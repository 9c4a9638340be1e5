/** What is kept of our directory entry and of our other devices, each with its stored form. */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex } from "@sealroom/core/bytes.ts";
import type { DeviceList } from "@sealroom/core/identity/list.ts";
import { verifyList } from "@sealroom/core/identity/list.ts";
import type { DeviceRecord } from "@sealroom/core/identity/record.ts";
import { decodeRecord } from "@sealroom/core/identity/record.ts";
import { bytesOf, named, RowReader, row, stored } from "../engine/codec.ts";
import type { Row } from "../engine/ports.ts";

export const ENTRY_KEY = named("entry");
export const NEXT_KEY = named("next");
export const OLDER_KEY = named("older");
export const REFUSED_KEY = named("refused");
const DEVICE = "device:";
const LISTED = "listed:";

/** `publishedSeq` is the list that the directory has, 0 where that is not known. */
export interface EntryRow {
  /** The front-door token of our address, and the token of our other devices (ID-20, CON-06). */
  readonly doorToken: Bytes;
  readonly ownToken: Bytes;
  readonly tokensKnown: boolean;
  readonly publishedSeq: number;
  /** The newest id of a one-time key of the stock (ID-30). */
  readonly stockId: number;
}

export function encodeEntryRow(one: EntryRow): Bytes {
  return row(one.doorToken, one.ownToken, one.tokensKnown, one.publishedSeq, one.stockId);
}

function decodeEntryRow(reader: RowReader): EntryRow {
  return {
    doorToken: reader.bytes(),
    ownToken: reader.bytes(),
    tokensKnown: reader.flag(),
    publishedSeq: reader.uint(),
    stockId: reader.uint(),
  };
}

/**
 * A record of another device. `listed`: the list in use names it; `leaving`: the next one does not; one that is gone is
 * kept for its key alone. `owed`: it has still to be given our rooms (ACC-52). `sinceSeq`: the list that named it first,
 * 0 before one does (TRN-48).
 */
export interface Sibling {
  readonly record: DeviceRecord;
  /** Signed, as the entry shows it. */
  readonly address: Bytes | null;
  readonly listed: boolean;
  readonly leaving: boolean;
  readonly gone: boolean;
  readonly owed: boolean;
  readonly sinceSeq: number;
}

export function siblingOf(record: DeviceRecord, change: Partial<Sibling> = {}): Sibling {
  return { record, address: null, listed: false, leaving: false, gone: false, owed: false, sinceSeq: 0, ...change };
}

export function siblingKey(record: DeviceRecord): Bytes {
  return named(DEVICE, record.hash);
}

export function encodeSibling(one: Sibling): Bytes {
  return row(one.record.bytes, one.address, one.listed, one.leaving, one.gone, one.owed, one.sinceSeq);
}

function decodeSibling(reader: RowReader): Sibling {
  return {
    record: decodeRecord(reader.bytes()),
    address: reader.orNull(bytesOf),
    listed: reader.flag(),
    leaving: reader.flag(),
    gone: reader.flag(),
    owed: reader.flag(),
    sinceSeq: reader.uint(),
  };
}

/** A device that lists of our account have named for a while and that is not known here, by its record's hash (ACC-80). */
export interface Listed {
  readonly hash: Bytes;
  readonly addedMs: number;
  readonly removedMs: number;
}

export function listedKey(one: Listed): Bytes {
  return named(LISTED, one.hash);
}

export function encodeListed(one: Listed): Bytes {
  return row(one.hash, one.addedMs, one.removedMs);
}

function decodeListed(reader: RowReader): Listed {
  return { hash: reader.bytes(), addedMs: reader.uint(), removedMs: reader.uint() };
}

export interface KinRows {
  readonly entry: EntryRow | null;
  readonly next: DeviceList | null;
  readonly older: DeviceRecord | null;
  readonly refusedId: number;
  readonly others: readonly Sibling[];
  readonly listed: readonly Listed[];
}

export function readRows(accountId: Bytes, rows: readonly Row[]): KinRows {
  const isAt = (key: Uint8Array) => (one: Row) => hex(one.key) === hex(key);
  const entry = rows.find(isAt(ENTRY_KEY));
  const next = rows.find(isAt(NEXT_KEY));
  const older = rows.find(isAt(OLDER_KEY));
  const refused = rows.find(isAt(REFUSED_KEY));
  const under = (prefix: string) => rows.filter(({ key }) => hex(key).startsWith(hex(named(prefix))));
  return stored(() => ({
    entry: entry === undefined ? null : decodeEntryRow(new RowReader(entry.value)),
    next: next === undefined ? null : verifyList(accountId, new RowReader(next.value).bytes()),
    older: older === undefined ? null : decodeRecord(new RowReader(older.value).bytes()),
    refusedId: refused === undefined ? 0 : new RowReader(refused.value).uint(),
    others: under(DEVICE).map(({ value }) => decodeSibling(new RowReader(value))),
    listed: under(LISTED).map(({ value }) => decodeListed(new RowReader(value))),
  }));
}
