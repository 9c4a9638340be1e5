/** Devices, prekeys, scripted randomness and stored rows as vectors write them. */
import assert from "node:assert/strict";
import type { Bytes } from "../src/bytes.ts";
import { hex } from "../src/bytes.ts";
import type { OwnDevice, UsedPrekeys } from "../src/handshake.ts";
import type { DeviceList } from "../src/identity/list.ts";
import { verifyList } from "../src/identity/list.ts";
import { verifyPrekey } from "../src/identity/prekey.ts";
import { decodeRecord } from "../src/identity/record.ts";
import type { Encapsulate, Rng } from "../src/ports.ts";
import type { SkippedKey } from "../src/ratchet/skipped.ts";
import { Secret } from "../src/secret.ts";
import type { StoredSkipped } from "../src/snapshot.ts";
import { storeSkipped } from "../src/snapshot.ts";
import type { Json } from "./vectors.ts";
import { bytes } from "./vectors.ts";

export function device(json: Json): OwnDevice {
  const record = decodeRecord(bytes(json.record));
  return {
    record,
    list: verifyList(record.accountId, bytes(json.signed_list)),
    dhPrivate: new Secret("X25519 private key", bytes(json.dh_private)),
    hedge: new Secret("hedge secret", bytes(json.hedge)),
  };
}

export function prekeys(owner: OwnDevice, json: Json): UsedPrekeys {
  const { spk, opk, pqk } = json;
  const x25519 = (text: string) => new Secret("X25519 private key", bytes(text));
  return {
    spk: { private: x25519(spk.private), prekey: verifyPrekey(owner.record, bytes(spk.signed), ["SPK"]) },
    opk: opk && { private: x25519(opk.private), prekey: verifyPrekey(owner.record, bytes(opk.signed), ["OPK"]) },
    pqk: {
      seed: new Secret("ML-KEM seed", bytes(pqk.private)),
      prekey: verifyPrekey(owner.record, bytes(pqk.signed), ["PQK_ONE_TIME", "PQK_LAST_RESORT"]),
    },
  };
}

export function pinnedList(json: Json): DeviceList | null {
  return json && verifyList(bytes(json.account_id), bytes(json.signed_list));
}

/** Randomness that gives these draws, in this order, and no other. */
export function script(...draws: (string | null | undefined)[]): { rng: Rng; finished: () => void } {
  const left = draws.filter((draw) => draw !== null && draw !== undefined).map(bytes);
  const rng = (sizeB: number): Bytes => {
    const next = left.shift();
    assert.equal(next?.length, sizeB, "another draw than the script has");
    return next as Bytes;
  };
  return { rng, finished: () => assert.equal(left.length, 0, "draws are left") };
}

export function encapsulated(ciphertext: string, secret: string): Encapsulate {
  return () => ({ ciphertext: bytes(ciphertext), secret: new Secret("shared secret", bytes(secret)) });
}

export const noEncapsulation: Encapsulate = () => assert.fail("nothing is encapsulated here");

export function storedSkipped(rows: Json): StoredSkipped[] {
  return rows.map((row: Json) => ({ place: bytes(row.place), value: bytes(row.value) }));
}

/** Rows in the order of their places. */
export function rows(keys: readonly SkippedKey[]): { place: string; value: string }[] {
  const found = storeSkipped(keys).map(({ place, value }) => ({ place: hex(place), value: hex(value) }));
  return found.sort((a, b) => (a.place < b.place ? -1 : 1));
}
