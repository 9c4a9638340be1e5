import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConsentEvent, ConsentState } from "../src/consent/customer.ts";
import { checkContent, signReceipt, stepConsent } from "../src/consent/customer.ts";
import type { Notice } from "../src/consent/notice.ts";
import { verifyNotice } from "../src/consent/notice.ts";
import { isStale, verifyReceipt } from "../src/consent/receipt.ts";
import { MINUTE_MS } from "../src/constants.ts";
import { ed25519PublicOf } from "../src/primitives/sign.ts";
import { Secret } from "../src/secret.ts";
import { bytes, codeOf, load } from "./vectors.ts";

const vectors = load("consent");
const NOW_MS = 1_800_000_000_123;
const SINCE_2020_MS = 1_577_836_800_000;

const shown = verifyNotice(bytes(vectors.account_id), bytes(vectors.notice.signed));
const notice: Notice = { ...shown, mode: 2 };
const later: Notice = { ...notice, number: notice.number + 1, hash: new Uint8Array(32).fill(1) };
const purposes = notice.purposes.reduce((sum, one) => sum + (one.required ? 2 ** (one.number - 1) : 0), 0);
const [{ locale }] = notice.texts as unknown as [{ locale: string }];

function accepting(known: Notice): ConsentEvent {
  return { name: "accept", noticeHash: known.hash, locale, purposes };
}

function accepted(known: Notice): Extract<ConsentState, { name: "Accepted" }> {
  const { state } = stepConsent({ name: "Shown", notice: known }, accepting(known), NOW_MS);
  assert.equal(state.name, "Accepted");
  return state as Extract<ConsentState, { name: "Accepted" }>;
}

const { given } = accepted(notice);
const STALE: ConsentState = { name: "Stale", notice: later, given, untilMs: NOW_MS + 1_000 };
const ENDED: ConsentState = { name: "Ended", notice, seq: given.seq };
const STATES: Readonly<Record<string, ConsentState>> = {
  Shown: { name: "Shown", notice },
  Refused: { name: "Refused", notice },
  Accepted: accepted(notice),
  Stale: STALE,
  "Stale of mode 1": { ...STALE, given: { ...given, mode: 1 } },
  Ended: ENDED,
};
/** The table of CNS-17: the next state and the effects, null for no cell, a refusal in Stale among them (CNS-83). */
const TABLE: Readonly<Record<string, readonly (readonly string[] | null)[]>> = {
  Shown: [["Accepted", "open_room"], ["Refused", "show_channels"], null, null, ["Shown", "show_notice"]],
  Refused: [null, null, ["Shown", "show_notice"], null, ["Refused"]],
  Accepted: [null, null, null, ["Ended", "withdraw", "show_channels"], ["Stale", "show_notice"]],
  Stale: [["Accepted", "give_receipt"], null, null, ["Ended", "withdraw", "show_channels"], ["Stale", "show_notice"]],
  "Stale of mode 1": [
    ["Accepted", "give_receipt"],
    null,
    null,
    ["Ended", "withdraw", "show_channels"],
    ["Stale", "show_notice"],
  ],
  Ended: [["Accepted", "give_receipt"], null, null, null, ["Ended"]],
};

for (const [name, state] of Object.entries(STATES)) {
  test(`consent is a state of the table: ${name} (CNS-17)`, () => {
    const newest = { ...later, number: later.number + 1, hash: new Uint8Array(32).fill(2) };
    const events: readonly ConsentEvent[] = [
      accepting(state.notice),
      { name: "refuse" },
      { name: "ask" },
      { name: "leave" },
      { name: "replaced", notice: newest, untilMs: NOW_MS },
    ];
    const found = events.map((event) => {
      if (codeOf(() => stepConsent(state, event, NOW_MS)) === "local.consent") return null;
      const step = stepConsent(state, event, NOW_MS);
      return [step.state.name, ...step.effects.map((one) => one.name)];
    });
    assert.deepEqual(found, TABLE[name]);
  });
}

test("a room is reopened by who accepts after the end, and not by who was only behind (CNS-17)", () => {
  for (const [state, reopens] of [
    [STALE, false],
    [ENDED, true],
  ] as const) {
    const [effect] = stepConsent(state, accepting(state.notice), NOW_MS).effects;
    assert.ok(effect?.name === "give_receipt" && effect.reopens === reopens);
  }
});

test("a notice of a lower number replaces nothing, and the accepted one is no news (CNS-19)", () => {
  const lower = { ...notice, number: notice.number - 1, hash: new Uint8Array(32).fill(3) };
  for (const state of Object.values(STATES)) {
    const step = stepConsent(state, { name: "replaced", notice: lower, untilMs: NOW_MS }, NOW_MS);
    assert.deepEqual(step, { state, effects: [] });
  }
  const again = stepConsent(accepted(notice), { name: "replaced", notice, untilMs: 0 }, NOW_MS);
  assert.deepEqual(again, { state: accepted(notice), effects: [] });
});

test("content leaves while the consent counts, and not a millisecond longer (CNS-20)", () => {
  const codes = Object.values(STATES).map((state) => codeOf(() => checkContent(state, NOW_MS)));
  const none = "local.consent";
  assert.deepEqual(codes, [none, none, null, null, null, none]);
  assert.equal(
    codeOf(() => checkContent(STALE, NOW_MS + 1_000)),
    null,
  );
  assert.equal(
    codeOf(() => checkContent(STALE, NOW_MS + 1_001)),
    none,
  );
});

test("a receipt is over by the roster: never, at its until_ms, or at once (CNS-12)", () => {
  const seed = new Secret("Ed25519 seed", new Uint8Array(32).fill(7));
  const receipt = verifyReceipt(ed25519PublicOf(seed), signReceipt(seed, given, bytes(vectors.room)));
  const roster = (noticeHash: Uint8Array, untilMs: number | null) => {
    const older = untilMs === null ? [] : [{ hash: notice.hash, untilMs }];
    return { noticeHash, older } as unknown as Parameters<typeof isStale>[1];
  };
  assert.equal(isStale(receipt, roster(notice.hash, 0), NOW_MS), false);
  assert.equal(isStale(receipt, roster(later.hash, NOW_MS), NOW_MS), false);
  assert.equal(isStale(receipt, roster(later.hash, NOW_MS), NOW_MS + 1), true);
  assert.equal(isStale(receipt, roster(later.hash, null), NOW_MS), true);
});

test("numbers are minutes since 2020, or one more than the last where that is higher (ACC-07, CNS-09)", () => {
  const minutes = Math.floor((NOW_MS - SINCE_2020_MS) / MINUTE_MS);
  assert.equal(given.seq, minutes);
  const seqOf = (seq: number): number | string | null => {
    const last: ConsentState = { ...ENDED, seq };
    const code = codeOf(() => stepConsent(last, accepting(notice), NOW_MS));
    const { state } = code === null ? stepConsent(last, accepting(notice), NOW_MS) : { state: null };
    return state?.name === "Accepted" ? state.given.seq : code;
  };
  assert.deepEqual([5, minutes, minutes + 9].map(seqOf), [minutes, minutes + 1, minutes + 10]);
  assert.deepEqual([2 ** 31 - 2, 2 ** 31 - 1].map(seqOf), [2 ** 31 - 1, "local.counter_exhausted"]);
});
