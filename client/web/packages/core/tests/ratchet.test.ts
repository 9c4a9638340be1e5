import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { hex } from "../src/bytes.ts";
import { decodeContent } from "../src/content_reading.ts";
import { verifyBundle } from "../src/identity/bundle.ts";
import { openMessage, takeFragment } from "../src/ratchet/receiving.ts";
import { sealMessage } from "../src/ratchet/sending.ts";
import type { Ratchet } from "../src/ratchet/state.ts";
import { restoreSession } from "../src/restore.ts";
import type { Session } from "../src/session.ts";
import { sealContent, startSession } from "../src/session.ts";
import { openContent, takeFlight } from "../src/session_opening.ts";
import { storeSession } from "../src/snapshot.ts";
import { decodeEnvelope } from "../src/wire/envelope_reading.ts";
import { device, encapsulated, noEncapsulation, prekeys, rows, script, storedSkipped } from "./parties.ts";
import { bySkipped, shown } from "./states.ts";
import type { Json } from "./vectors.ts";
import { bytes, equal, load } from "./vectors.ts";

function ordered(state: Json): Json {
  return { ...state, skipped: [...state.skipped].sort(bySkipped) };
}

function encapsulationOf(step: Json) {
  return step?.ciphertext ? encapsulated(step.ciphertext, step.kem_secret) : noEncapsulation;
}

const CONVERSATIONS = [
  { name: "ratchet", vectors: load("ratchet") },
  { name: "pq", vectors: load("pq") },
];

/** Play a conversation: after each step the session of its side, as `see` gets it. */
function play(vectors: Json, see: (index: number, side: "A" | "B", session: Session) => void): void {
  const [a, b] = [device(vectors.initiator), device(vectors.responder)];
  const context = { accountId: b.record.accountId, pinned: null, links: [], nowMs: vectors.start_ms, graceMs: 0 };
  const bundle = verifyBundle(bytes(vectors.bundle), context);
  const start = script(vectors.fresh);
  const ports = {
    nowMs: vectors.start_ms,
    rng: start.rng,
    encapsulate: encapsulated(vectors.ciphertext, vectors.kem_secret),
  };
  const sides: { A: Session; B: Session | null } = { A: startSession(a, bundle, vectors.epoch, 0, ports), B: null };
  assert.deepEqual(shown(sides.A.ratchet), ordered(vectors.start.A));
  see(-1, "A", sides.A);
  const messages = new Map<string, Uint8Array>();
  vectors.steps.forEach((step: Json, index: number) => {
    const side = step.side as "A" | "B";
    const before = sides[side];
    if (before !== null) assert.deepEqual(shown(before.ratchet), ordered(step.before), `before step ${index}`);
    if (step.action === "send") {
      const draws = script(step.root_step?.private_key, step.kem_step?.seed, step.fresh);
      const ports = { nowMs: step.now_ms, rng: draws.rng, encapsulate: encapsulationOf(step.kem_step) };
      const sealed = sealContent(before as Session, { ...decodeContent(bytes(step.content)), epoch: null }, ports);
      draws.finished();
      equal(sealed.envelope, step.envelope, `step ${index}`);
      messages.set(step.message, sealed.envelope);
      sides[side] = sealed.session;
    } else {
      const envelope = messages.get(step.message) as Uint8Array;
      const opened =
        before === null
          ? takeFlight(b, prekeys(b, vectors), null, envelope, step.now_ms)
          : openContent(before, envelope, step.now_ms);
      assert.equal(opened.beginsChain, step.new_chain, `step ${index}`);
      assert.equal(opened.lost.length, step.dropped, `step ${index}`);
      sides[side] = opened.session;
    }
    const after = sides[side] as Session;
    assert.deepEqual(shown(after.ratchet), ordered(step.after), `after step ${index}`);
    see(index, side, after);
  });
}

for (const { name, vectors } of CONVERSATIONS) {
  test(`the conversation of ${name}.json, every envelope and every state (DR-01 to DR-19, PQ-01 to PQ-16)`, () => {
    play(vectors, () => {});
  });
}

function compare(one: Json, session: Session): void {
  equal(storeSession(session), one.session);
  assert.deepEqual(rows(session.ratchet.skipped), byPlace(one.skipped));
  const restored = restoreSession(bytes(one.session), storedSkipped(one.skipped));
  equal(storeSession(restored), one.session);
  assert.deepEqual(shown(restored.ratchet), shown(session.ratchet));
}

function byPlace(stored: Json): Json {
  return [...stored].sort((a: Json, b: Json) => (a.place < b.place ? -1 : 1));
}

test("stored sessions of both conversations (SES-14, SES-15)", () => {
  const cases = load("snapshot").cases;
  let compared = 0;
  for (const { name, vectors } of CONVERSATIONS) {
    play(vectors, (index, side, session) => {
      const found = cases.filter((c: Json) => c.file === `${name}.json` && c.side === side && c.step === index);
      for (const one of found) {
        compared += 1;
        compare(one, session);
      }
    });
  }
  assert.equal(compared, cases.length);
});

function digestOf(ratchet: Ratchet): { count: number; sha256: string } {
  const digest = createHash("sha256");
  for (const key of [...ratchet.skipped].sort((x, y) =>
    bySkipped({ tag: hex(x.tag), number: x.number }, { tag: hex(y.tag), number: y.number }),
  )) {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(key.number);
    const stored = Buffer.alloc(8);
    stored.writeBigUInt64BE(BigInt(key.storedMs));
    for (const part of [key.tag, number, key.headerKey.expose(), key.messageKey.expose(), stored]) digest.update(part);
  }
  return { count: ratchet.skipped.length, sha256: digest.digest("hex") };
}

const single = load("ratchet_cases");
for (const one of single.cases) {
  test(`single arrival: ${one.name}`, () => {
    const session = restoreSession(bytes(one.session), storedSkipped(one.skipped));
    const opened = openContent(session, bytes(one.envelope), single.now_ms);
    assert.equal(opened.lost.length, one.dropped);
    equal(storeSession(opened.session), one.after.session);
    assert.deepEqual(digestOf(opened.session.ratchet), one.after.skipped);
  });
}

const pq = load("pq_cases");
for (const one of pq.cases) {
  test(`KEM ratchet: ${one.name}`, () => {
    let session = restoreSession(bytes(one.session), storedSkipped(one.skipped));
    if (one.arrives) {
      const opened = openMessage(session.ratchet, decodeEnvelope(bytes(one.arrives.envelope)), pq.now_ms, 1000);
      equal(opened.block, one.arrives.fragment);
      if (one.arrives.ignored) assert.deepEqual(takeFragment(opened).kem, opened.ratchet.kem);
      session = openContent(session, bytes(one.arrives.envelope), pq.now_ms).session;
    }
    equal(storeSession(session), one.after.session);
    assert.deepEqual(rows(session.ratchet.skipped), byPlace(one.after.skipped));
    if (one.reply) {
      const { ratchet_private, seed, encapsulated: made, fresh } = one.reply;
      const draws = script(ratchet_private, seed, fresh);
      const encapsulate = made ? encapsulated(made.ciphertext, made.secret ?? made.kem_secret) : noEncapsulation;
      const sealed = sealMessage(session.ratchet, null, bytes(pq.content), {
        nowMs: pq.now_ms,
        rng: draws.rng,
        encapsulate,
      });
      draws.finished();
      equal(sealed.envelope, one.reply.envelope);
    }
  });
}
