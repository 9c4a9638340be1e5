import assert from "node:assert/strict";
import { test } from "node:test";
import { initiate } from "../src/handshake.ts";
import { respond } from "../src/handshake_responding.ts";
import { verifyBundle } from "../src/identity/bundle.ts";
import { startSession } from "../src/session.ts";
import { takeFlight } from "../src/session_opening.ts";
import { decodePrefix } from "../src/wire/envelope_reading.ts";
import { device, encapsulated, pinnedList, prekeys, script } from "./parties.ts";
import { bytes, codeOf, equal, load } from "./vectors.ts";

const vectors = load("handshake");
const initiator = device(vectors.initiator);
const responder = device(vectors.responder);

for (const one of vectors.cases) {
  test(`handshake ${one.name}, both halves (HS-01 to HS-13)`, () => {
    const context = {
      accountId: responder.record.accountId,
      pinned: null,
      links: [],
      nowMs: vectors.now_ms,
      graceMs: 0,
    };
    const bundle = verifyBundle(bytes(one.bundle), context);
    const draws = script(one.fresh);
    const { keys, prefix } = initiate(initiator, bundle, draws.rng, encapsulated(one.ciphertext, one.kem_secret));
    draws.finished();
    equal(prefix, one.prefix);
    const taken = respond(responder, prekeys(responder, one), null, decodePrefix(prefix), vectors.now_ms);
    for (const made of [keys, taken.keys]) {
      equal(made.sessionId, one.session_id);
      equal(made.rootKey.expose(), one.root_key);
      equal(made.initiatorHeaderKey.expose(), one.initiator_header_key);
      equal(made.responderHeaderKey.expose(), one.responder_header_key);
    }
    equal(taken.peer.bytes, vectors.initiator.record);
  });
}

test("the list in force of a first flight (ID-10, ID-11)", () => {
  const lists = load("flight_lists");
  const own = device(lists.responder);
  const keys = prekeys(own, lists);
  for (const one of lists.cases) {
    const taken = takeFlight(own, keys, pinnedList(one.pinned), bytes(one.envelope), one.now_ms);
    equal(taken.list.hash, one.in_force, one.name);
  }
});

test("a session is not started with our own device (HS-01)", () => {
  const one = vectors.cases[0];
  const context = { accountId: responder.record.accountId, pinned: null, links: [], nowMs: vectors.now_ms, graceMs: 0 };
  const bundle = verifyBundle(bytes(one.bundle), context);
  const ports = { nowMs: vectors.now_ms, rng: script().rng, encapsulate: encapsulated(one.ciphertext, one.kem_secret) };
  assert.equal(
    codeOf(() => startSession(responder, bundle, 1, 0, ports)),
    "local.argument",
  );
});
