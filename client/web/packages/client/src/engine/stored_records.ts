/** What the engine keeps of itself, its company and what is on its way, from its stored form. */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex } from "@sealroom/core/bytes.ts";
import { asNumber, asWayBack } from "@sealroom/core/content_reading.ts";
import { verifyList } from "@sealroom/core/identity/list.ts";
import { verifyPrekey } from "@sealroom/core/identity/prekey.ts";
import { decodeRecord } from "@sealroom/core/identity/record.ts";
import type { Pair } from "@sealroom/core/pair_state.ts";
import { Secret } from "@sealroom/core/secret.ts";
import { bytesOf, named, RowReader, stored } from "./codec.ts";
import type { Held } from "./contents.ts";
import type { Posted } from "./outbox.ts";
import type { Row } from "./ports.ts";
import type { Company, Mailbox, Outgoing, Own, OwnPrekey, Peer, TakenFlight } from "./records.ts";
import { PREKEY_KINDS } from "./records.ts";
import { RECEIPTS } from "./state_ends.ts";

export function decodeOwn(data: Bytes): Own {
  return stored(() => {
    const reader = new RowReader(data);
    const accountSeed = reader.orNull((value) => new Secret("Ed25519 seed", bytesOf(value)));
    const signSeed = new Secret("Ed25519 seed", reader.bytes());
    const dhPrivate = new Secret("X25519 private key", reader.bytes());
    const hedge = new Secret("hedge secret", reader.bytes());
    const record = decodeRecord(reader.bytes());
    return { accountSeed, signSeed, dhPrivate, hedge, record, list: verifyList(record.accountId, reader.bytes()) };
  });
}

export function decodeMailbox(data: Bytes): Mailbox {
  return stored(() => {
    const reader = new RowReader(data);
    return {
      id: reader.bytes(),
      relayUrl: reader.text(),
      ownerSeed: new Secret("Ed25519 seed", reader.bytes()),
      token: reader.bytes(),
      created: reader.flag(),
      tokenKnown: reader.flag(),
    };
  });
}

export function decodeCompany(data: Bytes): Company {
  return stored(() => {
    const reader = new RowReader(data);
    const accountId = reader.bytes();
    return {
      accountId,
      name: reader.text(),
      relayUrl: reader.text(),
      list: reader.orNull((value) => verifyList(accountId, bytesOf(value))),
      lookedUpMs: reader.uint(),
      alarm: reader.text(),
    };
  });
}

export function decodePeer(data: Bytes, pair: Pair): Peer {
  return stored(() => {
    const reader = new RowReader(data);
    const record = decodeRecord(reader.bytes());
    const wayBack = reader.orNull(asWayBack);
    const wayBackMs = reader.uint();
    const told = [reader.uint(), reader.uint()] as const;
    return { deviceId: record.deviceId, record, wayBack, wayBackMs, told, pair, heardMs: 0, firstGiven: null };
  });
}

export function decodePrekeyRow(data: Bytes): OwnPrekey {
  return stored(() => {
    const reader = new RowReader(data);
    const kind = PREKEY_KINDS[reader.uint()] ?? "SPK";
    const [signed, secret] = [reader.bytes(), reader.bytes()];
    const record = decodeRecord(reader.bytes());
    if (kind === "SPK" || kind === "OPK") {
      const prekey = verifyPrekey(record, signed, [kind]);
      return { prekey, private: new Secret("X25519 private key", secret), record };
    }
    return { prekey: verifyPrekey(record, signed, [kind]), private: new Secret("ML-KEM seed", secret), record };
  });
}

export function decodeOutgoing(data: Bytes): Outgoing {
  return stored(() => {
    const reader = new RowReader(data);
    return {
      place: reader.uint(),
      deviceId: reader.bytes(),
      contentId: reader.bytes(),
      shown: reader.flag(),
      createdMs: reader.uint(),
      envelope: reader.orNull(bytesOf),
      msgId: reader.orNull(bytesOf),
      sessionId: reader.orNull(bytesOf),
      number: reader.orNull(asNumber),
      sendings: reader.uint(),
      sealedMs: reader.uint(),
      askId: reader.orNull(bytesOf),
      first: reader.flag(),
    };
  });
}

export function decodePosted(data: Bytes): Posted {
  return stored(() => {
    const reader = new RowReader(data);
    return { contentId: reader.bytes(), sentMs: reader.uint(), type: reader.uint(), payload: reader.value() };
  });
}

export function decodeTakenFlight(data: Bytes): TakenFlight {
  return stored(() => {
    const reader = new RowReader(data);
    return { endsMs: reader.uint(), sessionId: reader.bytes() };
  });
}

/** What is to be confirmed, by device. */
export function loadReceipts(rows: readonly Row[]): Map<string, readonly Bytes[]> {
  const found = rows.filter(({ key }) => hex(key).startsWith(hex(named(RECEIPTS))));
  return new Map(
    found.map(({ key, value }) => {
      return [hex(key.slice(RECEIPTS.length)), stored(() => new RowReader(value).list(bytesOf))] as const;
    }),
  );
}

/** Contents that wait for a newer list (ID-36), by the hex of their key. */
export function loadHeld(rows: readonly Row[]): Map<string, Held> {
  return new Map(
    rows.map(({ key, value }) => {
      const one = stored(() => {
        const reader = new RowReader(value);
        return { deviceId: reader.bytes(), sessionId: reader.bytes(), heldMs: reader.uint(), encoded: reader.bytes() };
      });
      return [hex(key), one] as const;
    }),
  );
}
