import assert from "node:assert/strict";
import { test } from "node:test";
import { hex } from "../src/bytes.ts";
import { decodeAgentCard } from "../src/company/agent_card.ts";
import { verifyChannels } from "../src/company/card.ts";
import * as invites from "../src/company/invite.ts";
import * as said from "../src/company/invite_messages.ts";
import { verifyMandate } from "../src/company/mandate.ts";
import { verifyRoster } from "../src/company/roster.ts";
import { asRosterContent } from "../src/company/roster_content.ts";
import { inForce, learnSlots } from "../src/company/team.ts";
import { DAY_MS } from "../src/constants.ts";
import { verifyList } from "../src/identity/list.ts";
import { decodeRecord } from "../src/identity/record.ts";
import { decode } from "../src/wire/cbor.ts";
import type { Json } from "./vectors.ts";
import { bytes, codeOf, equal, load } from "./vectors.ts";

const vectors = load("accounts");
const accountId = bytes(vectors.account_id);
const mandates = vectors.mandates.map((one: Json) => verifyMandate(accountId, bytes(one.signed)));

test("mandates, rosters, cards and channels of a company (ACC-01 to ACC-03, ACC-14, ACC-18)", () => {
  mandates.forEach((mandate: Json, i: number) => {
    equal(mandate.hash, vectors.mandates[i].hash);
  });
  for (const [name, one] of Object.entries<Json>(vectors.rosters)) {
    const mandate = mandates[name === "next mandate" ? 1 : 0];
    equal(verifyRoster(mandate, bytes(one.signed)).hash, one.hash, name);
  }
  for (const one of Object.values<Json>(vectors.cards)) equal(decodeAgentCard(bytes(one.card)).hash, one.hash);
  assert.ok(verifyChannels(mandates[0], bytes(vectors.channels.signed), 1764000000000).channels.length > 0);
});

function check(slots: string[], list: string, records: string[], one: Json): void {
  const view = learnSlots(accountId, slots.map(bytes), one.now_ms);
  const known = records.map((record) => decodeRecord(bytes(record)));
  const devices = () => inForce(view, verifyList(accountId, bytes(list)), known, one.now_ms);
  if (typeof one.in_force === "string") {
    assert.equal(codeOf(devices), one.in_force);
    return;
  }
  const ranks = Object.fromEntries(devices().map((device) => [hex(device.record.deviceId), device.rank]));
  assert.deepEqual(ranks, one.in_force);
}

for (const one of vectors.views) {
  test(`in force after ${one.slots.join(", ")} at ${one.now_ms} (ACC-05, ACC-09, ACC-10)`, () => {
    const slots = one.slots.map((name: string) => vectors.slots[name]);
    check(slots, vectors.list, Object.values(vectors.records), one);
  });
}

for (const one of vectors.teams) {
  test(`in force: ${one.name} (ACC-04, ACC-09, ACC-19)`, () => check(one.slots, one.list, one.records, one));
}

test("a content of type 12 (ACC-12)", () => {
  const parts = asRosterContent(decode(bytes(vectors.content), 65_536));
  assert.ok(parts.lists.length > 0 && parts.records.length > 0);
});

test("an invite, from code to digits (ACC-31 to ACC-34)", () => {
  const one = load("invite");
  const account = bytes(one.account_id);
  const [s, r] = [bytes(one.s), bytes(one.r)];
  const code = { secret: s, commitment: invites.commitmentOf(r), kind: one.kind, frontDesk: one.front_desk };
  equal(code.commitment, one.commitment);
  assert.equal(invites.encodeInvite(account, code), one.code);
  assert.deepEqual(invites.decodeInvite(account, one.code), code);
  const stranger = account.with(0, (account[0] as number) ^ 1);
  assert.equal(
    codeOf(() => invites.decodeInvite(stranger, one.code)),
    "remote.decode",
  );
  const place = invites.placeOf(s, account);
  assert.deepEqual(Object.values(place).map(hex), [one.place.mailbox, one.place.token, one.place.device_id]);
  for (const message of one.messages) {
    const [fresh, said] = [bytes(message.fresh), bytes(message.message)];
    equal(invites.keyOf(s, account, message.n, fresh), message.key);
    equal(invites.sealInvite(s, account, message.n, fresh, said), message.sealed);
    equal(invites.openInvite(s, account, message.n, bytes(message.sealed)), message.message);
  }
  assert.equal(invites.digitsOf(s, bytes(one.messages[0].message), r), one.digits);
});

test("what the messages of an invite say, and of whom they are refused (ACC-33, ACC-35)", () => {
  const one = load("invite");
  const account = bytes(one.account_id);
  const code = invites.decodeInvite(account, one.code);
  const [came, , out] = one.messages.map((message: Json) => bytes(message.message));
  const request = said.decodeRequest(account, code, came, one.now_ms);
  equal(said.encodeRequest(request.record.bytes, request.mailbox, request.token), hex(came));
  const asks = (other: Partial<typeof code>) =>
    codeOf(() => said.decodeRequest(account, { ...code, ...other }, came, one.now_ms));
  for (const other of [{ kind: 0 }, { frontDesk: 0 }, { secret: code.secret.with(0, 0) }]) {
    assert.equal(asks(other), "remote.identity");
  }
  assert.equal(
    codeOf(() => said.decodeRequest(account, code, came, request.record.expiresMs + 1)),
    "remote.expired",
  );
  const { createdMs } = request.record;
  for (const [offMs, refusal] of [
    [-DAY_MS - 1, "remote.expired"],
    [DAY_MS, null],
    [DAY_MS + 1, "remote.expired"],
  ] as const) {
    assert.equal(
      codeOf(() => said.decodeRequest(account, code, came, createdMs + offMs)),
      refusal,
    );
  }
  assert.deepEqual(said.readRequest(came), request);
  const { list, records } = said.decodeWelcome(request.record, out, one.now_ms);
  const sorted = records.map((record) => record.bytes);
  equal(said.encodeWelcome(list.signed, sorted), hex(out));
  assert.equal(
    codeOf(() => said.decodeWelcome(request.record, out, list.expiresMs + 1)),
    "remote.list_expired",
  );
  const stranger = { ...request.record, hash: request.record.hash.with(0, 0) };
  assert.equal(
    codeOf(() => said.decodeWelcome(stranger, out, one.now_ms)),
    "remote.identity",
  );
  const fewer = said.encodeWelcome(list.signed, sorted.slice(1));
  assert.ok(
    ["remote.decode", "remote.identity"].includes(
      codeOf(() => said.decodeWelcome(request.record, fewer, one.now_ms)) ?? "",
    ),
  );
});
