import assert from "node:assert/strict";
import { test } from "node:test";
import { signList, verifyList } from "../src/identity/list.ts";
import { decodeRecord } from "../src/identity/record.ts";
import {
  accountSeedOf,
  decodeRecovery,
  doubtfulGroup,
  encodeRecovery,
  isRecovered,
  recoveredSeq,
} from "../src/identity/recovery.ts";
import { ed25519PublicOf } from "../src/primitives/sign.ts";
import { Secret } from "../src/secret.ts";
import type { Json } from "./vectors.ts";
import { bytes, codeOf, equal, load } from "./vectors.ts";

const vectors = load("recovery");

test("recovery codes and the keys that follow (ACC-60, ACC-61)", () => {
  for (const one of Object.values<Json>(vectors.codes)) {
    const code = { r: bytes(one.r), entry: one.entry === 1 };
    assert.equal(encodeRecovery(code), one.code);
    assert.deepEqual(decodeRecovery(one.code), code);
    equal(accountSeedOf(code.r), one.account_seed);
    equal(ed25519PublicOf(new Secret("Ed25519 seed", accountSeedOf(code.r))), one.account_id);
  }
});

test("what is read of a code that was typed (ACC-62)", () => {
  for (const one of Object.values<Json>(vectors.read)) {
    assert.equal(encodeRecovery(decodeRecovery(one.typed)), vectors.codes[one.code].code);
  }
});

for (const [name, one] of Object.entries<Json>(vectors.refused)) {
  test(`refused: ${name} (ACC-62)`, () => {
    assert.equal(
      codeOf(() => decodeRecovery(one.typed)),
      "remote.decode",
    );
    assert.equal(doubtfulGroup(one.typed), one.group);
  });
}

test("first lists of accounts that were recovered (ACC-63)", () => {
  const seed = new Secret("Ed25519 seed", bytes(vectors.codes.a.account_seed));
  const accountId = ed25519PublicOf(seed);
  const record = decodeRecord(bytes(vectors.lists.record));
  for (const one of Object.values<Json>(vectors.lists.cases)) {
    const before = one.before === null ? null : verifyList(accountId, bytes(one.before));
    const seq = recoveredSeq(one.now_ms, before?.seq ?? 0, () => bytes(one.random));
    assert.ok(seq !== null);
    const signed = signList(seed, {
      accountId,
      seq,
      prevHash: before === null ? new Uint8Array(32) : before.hash,
      issuedMs: one.now_ms,
      expiresMs: one.now_ms + 30 * 86_400_000,
      recoveryPublic: before === null ? null : before.recoveryPublic,
      recordHashes: [record.hash],
    });
    equal(signed, one.signed);
    assert.ok(isRecovered(verifyList(accountId, signed).seq));
  }
});

test("no number for a first list (ACC-70)", () => {
  const accountId = ed25519PublicOf(new Secret("Ed25519 seed", bytes(vectors.codes.a.account_seed)));
  for (const one of Object.values<Json>(vectors.lists.none)) {
    const before = one.before === null ? null : verifyList(accountId, bytes(one.before));
    assert.equal(
      recoveredSeq(one.now_ms, before?.seq ?? 0, () => bytes(one.random)),
      null,
    );
  }
});
