import assert from "node:assert/strict";
import { test } from "node:test";
import { hex } from "../src/bytes.ts";
import type { Top } from "../src/content.ts";
import { NOTHING_RECEIVED } from "../src/numbers.ts";
import { take, told } from "../src/numbers_judging.ts";
import type { Pair } from "../src/pair_state.ts";
import * as states from "../src/pair_state.ts";
import { restorePair } from "../src/restore_pair.ts";
import { nextEpoch } from "../src/session.ts";
import { storePair } from "../src/snapshot_pair.ts";
import { happen } from "./pair_events.ts";
import type { Json } from "./vectors.ts";
import { bytes, codeOf, load } from "./vectors.ts";

const vectors = load("sessions");

test("which of some sessions is active (SES-22)", () => {
  const standing = { ours: true, createdMs: 0, endsMs: 0, sinceMs: 0, beside: null, top: null };
  for (const one of vectors.sets) {
    const sessions = one.sessions.map((s: Json) => ({
      ...standing,
      id: bytes(s.id),
      epoch: s.epoch,
      proven: s.proven,
    }));
    const active = states.activeOf(sessions);
    assert.equal(active && hex(active.id), one.active);
  }
});

function topShown(top: Top | null): Json {
  return top && [top.epoch, hex(top.id)];
}

function shown(pair: Pair, nowMs: number): Json {
  const { wanted, candidate, ask } = pair;
  const active = states.activeOf(pair.sessions);
  const sending = states.sendingOf(pair, nowMs);
  return {
    sessions: pair.sessions.map((one) => [hex(one.id), one.epoch, states.standpoint(pair, one)]),
    active: active && hex(active.id),
    sending: sending && hex(sending.id),
    known: pair.known,
    met: pair.met,
    wanted: wanted && [wanted.sinceMs, topShown(wanted.top), wanted.again],
    candidate: candidate && [hex(candidate.id), candidate.sinceMs, candidate.askedMs, candidate.repeats],
    ask: ask && [hex(ask.id), ask.takenMs, ask.patienceMs],
  };
}

for (const one of vectors.scripts) {
  test(`pair: ${one.name} (SES-21 to SES-33)`, () => {
    let pair: Pair = states.NEW_PAIR;
    one.steps.forEach((step: Json, index: number) => {
      const { pair: after, gone, ...flags } = happen(pair, step);
      const what = `step ${index}, ${step.event}`;
      assert.deepEqual({ ...flags, gone: gone.map((g) => hex(g.id)) }, step.outcome, what);
      assert.deepEqual(shown(after, step.now_ms), step.after, what);
      pair = after;
    });
  });
}

for (const one of vectors.numbers) {
  test(`numbers: ${one.name} (SES-30, SES-31)`, () => {
    let received = NOTHING_RECEIVED;
    for (const step of one.steps) {
      const [n, line, first] = step.number;
      const judged = (step.event === "take" ? take : told)(received, { n, line: bytes(line), first });
      assert.deepEqual(judged.findings, step.findings);
      received = judged.received;
    }
    const { highest, missing, forgotten } = received;
    assert.deepEqual({ highest, missing, forgotten }, one.after);
  });
}

test("the epoch of the next session (SES-21)", () => {
  for (const one of vectors.epochs) {
    if (one.epoch === null)
      assert.equal(
        codeOf(() => nextEpoch(one.known, one.now_ms)),
        "local.counter_exhausted",
      );
    else assert.equal(nextEpoch(one.known, one.now_ms), one.epoch);
  }
});

test("stored pairs (SES-14, SES-15)", () => {
  for (const one of load("snapshot").pairs) {
    const pair = restorePair(bytes(one.pair));
    assert.equal(hex(storePair(pair)), one.pair);
    const { sessions, known, met, wanted, candidate, ask } = shown(pair, 0);
    assert.deepEqual([known, met, wanted, candidate, ask], [one.known, one.met, one.wanted, one.candidate, one.ask]);
    assert.equal(sessions.length, one.sessions.length);
    assert.equal(pair.given, one.given);
    assert.deepEqual(Object.values(pair.budget), one.budget);
  }
});
