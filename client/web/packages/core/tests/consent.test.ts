import assert from "node:assert/strict";
import { test } from "node:test";
import { checkAssets, checkFollows, verifyAssets } from "../src/company/assets.ts";
import { verifyMandate } from "../src/company/mandate.ts";
import { verifyDoor } from "../src/consent/door.ts";
import { type Arriving, arrivingEntry, arrivingLine, checkGate, columnOf } from "../src/consent/gate.ts";
import { challengeText, checkLogin, parseChallenge, parseToken, verifyLogin } from "../src/consent/login.ts";
import { verifyNotice } from "../src/consent/notice.ts";
import { verifyProof } from "../src/consent/proof.ts";
import * as receipts from "../src/consent/receipt.ts";
import type { Json } from "./vectors.ts";
import { bytes, codeOf, equal, load } from "./vectors.ts";

const vectors = load("consent");
const accountId = bytes(vectors.account_id);
const notice = verifyNotice(accountId, bytes(vectors.notice.signed));
const room = bytes(vectors.room);
const customer = bytes(vectors.customer);

test("notice and door (CNS-01, CNS-02, CNS-04, CNS-05)", () => {
  equal(notice.hash, vectors.notice.hash);
  const context = { accountId, origin: vectors.origin, relayUrl: vectors.relay_url, nowMs: vectors.now_ms };
  const door = verifyDoor(bytes(vectors.door), context);
  for (const { locale, text } of door.texts) assert.equal(text, vectors.texts[locale]);
  assert.equal(verifyDoor(bytes(vectors.door), { ...context, origin: null, relayUrl: null }).texts.length, 2);
});

test("receipts, withdrawals and which of them counts (CNS-06 to CNS-09)", () => {
  for (const one of Object.values<Json>(vectors.receipts)) {
    const receipt = receipts.verifyReceipt(customer, bytes(one.signed));
    equal(receipt.hash, one.hash);
    receipts.checkReceipt(receipt, room, notice);
  }
  for (const set of vectors.sets) {
    const known = set.known.reduce((consent: receipts.Consent, name: string) => {
      if (name in vectors.receipts) {
        return receipts.withReceipt(consent, receipts.verifyReceipt(customer, bytes(vectors.receipts[name].signed)));
      }
      const signed = bytes(vectors.withdrawals[name].signed);
      return receipts.withWithdrawal(consent, receipts.verifyWithdrawal(customer, room, signed));
    }, receipts.NO_CONSENT);
    const counts = receipts.countingReceipt(known);
    equal(counts?.signed ?? null, vectors.receipts[set.counts]?.signed ?? null);
  }
});

test("files for browsers (CNS-60 to CNS-63)", () => {
  const given = load("assets");
  const company = bytes(given.account_id);
  const found = verifyAssets(company, bytes(given.signed));
  checkAssets(found, given.now_ms, given.origin);
  checkFollows(verifyAssets(company, bytes(given.next)), found);
  assert.deepEqual([found.release, found.pages, found.headerSets], [given.release, given.pages, given.header_sets]);
  const rows = found.files.map((one) => [one.place === "room" ? 0 : 1, one.path, one.sizeB, one.headers, one.age]);
  assert.deepEqual(
    rows,
    given.files.map(([place, path, size, , headers, age]: Json[]) => [place, path, size, headers, age]),
  );
  for (const [at, one] of found.files.entries()) equal(one.sha256, given.files[at][3]);
});

test("challenge and login token (CNS-50 to CNS-55)", () => {
  const login = load("login");
  const asked = parseChallenge(login.challenge);
  equal(asked.customer, login.customer);
  equal(asked.deviceId, login.device_id);
  equal(asked.room, login.room);
  equal(asked.nonce, login.nonce);
  assert.equal(challengeText(asked), login.challenge);
  const mandate = verifyMandate(asked.company, bytes(login.mandate));
  const token = verifyLogin(mandate, parseToken(login.token.text));
  equal(token.signed, login.token.signed);
  assert.deepEqual(token.asked, asked);
  assert.deepEqual([token.subject, token.name, token.number, token.level], login.person);
  checkLogin(token, asked, { sentMs: login.now_ms, nowMs: login.now_ms });
  assert.equal(verifyLogin(mandate, bytes(login.bare.signed)).name, null);
});

for (const one of load("proof").proofs) {
  test(`proof ${one.name} (CNS-23 to CNS-25)`, () => {
    const proof = verifyProof(bytes(load("proof").account_id), bytes(one.proof));
    assert.equal(proof.withdrawn, one.withdrawn);
    assert.equal(proof.answer, one.answer);
    assert.deepEqual(proof.doubts, one.doubts);
  });
}

for (const [at, one] of load("consent").gate.entries()) {
  test(`the gate, room ${at} (CNS-13, CNS-92, ROOM-19)`, () => {
    const { receipt: hasReceipt, over: stale, withdrawn, phase, may_reopen: mayReopen } = one;
    const column = columnOf({ hasReceipt, withdrawn, stale, phase, mayReopen });
    const codes = (rowOf: (kind: number, reachIsNull: boolean) => Arriving) => {
      const found = Object.keys(one.codes).map((kind) => {
        const row = rowOf(Number.parseInt(kind, 10), kind.endsWith("null"));
        return [kind, codeOf(() => checkGate(row, column))];
      });
      return Object.fromEntries(found);
    };
    assert.deepEqual(codes(arrivingEntry), one.codes);
    if (hasReceipt) assert.deepEqual(codes(arrivingLine), one.lines);
  });
}
