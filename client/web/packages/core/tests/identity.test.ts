import assert from "node:assert/strict";
import { test } from "node:test";
import { verifyAddress, verifySuccessor } from "../src/identity/address.ts";
import { decodeCompact, encodeBundle, oneTimeKeys, verifyBundle, verifyCompact } from "../src/identity/bundle.ts";
import { followChain, signList, verifyList } from "../src/identity/list.ts";
import type { PrekeyKind } from "../src/identity/prekey.ts";
import { encodePrekey, signPrekey, verifyPrekey } from "../src/identity/prekey.ts";
import { decodeRecord, encodeRecord } from "../src/identity/record.ts";
import { compareScanned, fingerprint, qrPayload, safetyNumber } from "../src/identity/safety.ts";
import { publicOf } from "../src/primitives/dh.ts";
import { kemPublicOf } from "../src/primitives/kem.ts";
import { ed25519PublicOf } from "../src/primitives/sign.ts";
import { Secret } from "../src/secret.ts";
import type { Json } from "./vectors.ts";
import { bytes, codeOf, equal, load, optional } from "./vectors.ts";

const vectors = load("identity");
const accountId = bytes(vectors.account.account_id);
const seed = new Secret("Ed25519 seed", bytes(vectors.account.seed));
const owner = decodeRecord(bytes(vectors.records[0].record));
const signing = new Secret("Ed25519 seed", bytes(vectors.records[0].signing_seed));

test("device records (ID-01 to ID-03)", () => {
  equal(ed25519PublicOf(seed), vectors.account.account_id);
  for (const one of vectors.records) {
    const record = {
      accountId,
      deviceId: bytes(one.device_id),
      signPublic: ed25519PublicOf(new Secret("Ed25519 seed", bytes(one.signing_seed))),
      dhPublic: publicOf(new Secret("X25519 private key", bytes(one.dh_private))),
      kind: one.kind,
      flags: one.flags,
      createdMs: one.created_ms,
      expiresMs: one.expires_ms,
    };
    equal(encodeRecord(record), one.record);
    const decoded = decodeRecord(bytes(one.record));
    equal(decoded.hash, one.record_hash);
    assert.deepEqual({ ...decoded, bytes: null, hash: null }, { ...record, bytes: null, hash: null });
  }
});

test("device lists and their chain (ID-05 to ID-07)", () => {
  for (const one of vectors.lists) {
    const list = {
      accountId,
      seq: one.seq,
      prevHash: optional(one.prev_hash),
      issuedMs: one.issued_ms,
      expiresMs: one.expires_ms,
      recoveryPublic: optional(one.recovery_public),
      recordHashes: one.record_hashes.map(bytes),
    };
    equal(signList(seed, list), one.signed);
    const verified = verifyList(accountId, bytes(one.signed));
    equal(verified.hash, one.list_hash);
    assert.deepEqual({ ...verified, signed: 0, hash: 0 }, { ...list, signed: 0, hash: 0 });
  }
  const lists = vectors.lists.map((one: Json) => verifyList(accountId, bytes(one.signed)));
  assert.equal(followChain(lists[0], [lists[0], lists[0], lists[1], lists[2]]), lists[2]);
  assert.equal(followChain(lists[1], [lists[0], lists[1], lists[2]]), lists[2]);
});

test("prekeys of all kinds (ID-14, ID-15)", () => {
  for (const one of vectors.prekeys) {
    const kind = one.kind as PrekeyKind;
    const raw = bytes(one.private);
    const key =
      one.type === 1 ? publicOf(new Secret("X25519 private key", raw)) : kemPublicOf(new Secret("ML-KEM seed", raw));
    equal(key, one.key);
    const found = (["SPK", "OPK", "PQK_ONE_TIME", "PQK_LAST_RESORT"] as const).find((name) => {
      return codeOf(() => verifyPrekey(owner, bytes(one.signed), [name])) === null;
    });
    assert.ok(found !== undefined, kind);
    const map = encodePrekey(owner, found, one.id, one.not_after_ms, key);
    equal(map, one.prekey);
    equal(signPrekey(signing, map), one.signed);
  }
});

test("bundles and their times (ID-16, ID-17, ID-31)", () => {
  const context = { accountId, pinned: null, links: [], nowMs: vectors.now_ms, graceMs: 0 };
  for (const one of vectors.bundles) {
    const bundle = verifyBundle(bytes(one.bundle), context);
    assert.deepEqual(oneTimeKeys(bundle), [one.one_time_x25519, one.one_time_kem]);
    const { record, list, spk, opk, pqk } = bundle;
    equal(encodeBundle(record.bytes, list.signed, spk.signed, opk?.signed ?? null, pqk.signed), one.bundle);
  }
  for (const one of vectors.times) {
    const code = codeOf(() =>
      verifyBundle(bytes(one.bundle), { ...context, nowMs: one.now_ms, graceMs: one.grace_ms }),
    );
    assert.equal(code === null, one.accepted);
  }
});

test("a compact bundle, an address, a successor (ID-13, ID-19, ID-20)", () => {
  const compact = verifyCompact(owner, decodeCompact(bytes(vectors.compact_bundle)));
  assert.ok(compact.opks.length > 0 && compact.oneTimePqks.length > 0);
  const address = verifyAddress(owner, bytes(vectors.address.signed));
  equal(address.mailbox, vectors.address.mailbox);
  equal(address.token, vectors.address.token);
  const head = verifyList(accountId, bytes(vectors.lists.at(-1).signed));
  equal(verifySuccessor(head, bytes(vectors.successor.signed)).newAccountId, vectors.successor.new_account_id);
});

test("safety numbers (ID-24 to ID-26)", () => {
  for (const one of load("safety").cases) {
    const [a, b] = one.accounts.map((account: string) => fingerprint(bytes(account)));
    equal(a, one.fingerprints[0]);
    equal(b, one.fingerprints[1]);
    assert.equal(safetyNumber(a, b), one.safety_number);
    assert.equal(safetyNumber(b, a), one.safety_number);
    assert.equal(qrPayload(b, a), one.qr);
    assert.equal(compareScanned(a, b, one.qr), true);
    assert.equal(compareScanned(a, a, one.qr), false);
  }
});
