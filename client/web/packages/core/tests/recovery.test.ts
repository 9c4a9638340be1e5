import assert from "node:assert/strict";
import { test } from "node:test";
import { hasReplaced, isRecovered, verifyList } from "../src/identity/list.ts";
import { decodeRecord } from "../src/identity/record.ts";
import {
  accountSeedOf,
  decodeRecovery,
  doubtfulGroup,
  encodeRecovery,
  groupsOf,
  newRecovery,
  readTyped,
  recoveredList,
  recoveredSeq,
} from "../src/identity/recovery.ts";
import { ed25519PublicOf } from "../src/primitives/sign.ts";
import type { Json } from "./vectors.ts";
import { bytes, codeOf, equal, load } from "./vectors.ts";

const vectors = load("recovery");

test("recovery codes and the keys that follow (ACC-60, ACC-61)", () => {
  for (const one of Object.values<Json>(vectors.codes)) {
    const code = newRecovery(() => bytes(one.r), one.entry === 1);
    assert.equal(encodeRecovery(code), one.code);
    const read = decodeRecovery(one.code);
    assert.equal(read.entry, code.entry);
    equal(read.r.expose(), one.r);
    equal(accountSeedOf(code.r).expose(), one.account_seed);
    equal(ed25519PublicOf(accountSeedOf(code.r)), one.account_id);
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

test("a group that was typed is read as the code is (ACC-62, ACC-68)", () => {
  const groups = groupsOf(decodeRecovery(vectors.codes.a.code));
  assert.deepEqual(
    groups.map((one) => one.length),
    [5, 5, 5, 5, 5, 4],
  );
  for (const one of groups) assert.equal(readTyped(` ${one.toLowerCase()}\n`), one);
});

const seed = accountSeedOf(decodeRecovery(vectors.codes.a.code).r);
const accountId = ed25519PublicOf(seed);
const record = decodeRecord(bytes(vectors.lists.record));

test("first lists of accounts that were recovered (ACC-63)", () => {
  for (const one of Object.values<Json>(vectors.lists.cases)) {
    const before = one.before === null ? null : verifyList(accountId, bytes(one.before));
    const list = recoveredList(seed, record, before, one.now_ms, () => bytes(one.random));
    assert.ok(list !== null);
    equal(list.signed, one.signed);
    assert.ok(isRecovered(list));
    const other = new Uint8Array(32);
    assert.ok(!hasReplaced(list, { seq: 1, hash: other }, [record]));
    for (const seq of [list.seq - 1, list.seq]) assert.ok(hasReplaced(list, { seq, hash: other }, []));
    assert.ok(!hasReplaced(list, { seq: list.seq + 1, hash: other }, []));
    assert.ok(!hasReplaced(list, list, []));
  }
});

test("no number for a first list (ACC-70)", () => {
  for (const one of Object.values<Json>(vectors.lists.none)) {
    const before = one.before === null ? null : verifyList(accountId, bytes(one.before));
    assert.equal(
      recoveredSeq(one.now_ms, before?.seq ?? 0, () => bytes(one.random)),
      null,
    );
    assert.equal(
      recoveredList(seed, record, before, one.now_ms, () => bytes(one.random)),
      null,
    );
  }
});
