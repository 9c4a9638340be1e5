import assert from "node:assert/strict";
import { test } from "node:test";
import { isGapAskDue } from "../src/asks_due.ts";
import * as budget from "../src/budget.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../src/constants.ts";
import { numbered } from "../src/counting.ts";
import { start } from "../src/pair.ts";
import { message } from "../src/pair_hearing.ts";
import type { Pair, Standing } from "../src/pair_state.ts";
import { NEW_PAIR } from "../src/pair_state.ts";
import { passTime } from "../src/pair_time.ts";
import { codeOf } from "./vectors.ts";

const NOW_MS = 1_800_000_000_000;
const ASK = new Uint8Array(8);

function standing(first: number, epoch: number): Standing {
  const id = new Uint8Array(32).fill(first);
  const times = { createdMs: NOW_MS, endsMs: NOW_MS + DAY_MS, sinceMs: 0 };
  return { id, epoch, ours: true, proven: true, beside: null, top: null, ...times };
}

/** A pair with an active session and an older one beside it. */
const PAIR: Pair = { ...NEW_PAIR, met: true, sessions: [standing(1, 1), standing(2, 2)] };

test("what a pair may use in 24 hours, in windows that begin with the first use (SES-35)", () => {
  const most = { flights: 8, tells: 48, asks: 12, starts: 3, skips: 2_000, lists: 1 } as const;
  for (const [name, count] of Object.entries(most)) {
    const what = name as budget.Use;
    assert.equal(budget.left(PAIR, what, NOW_MS), count);
    let pair = PAIR;
    for (let i = 0; i < count; i++) pair = budget.use(pair, what, NOW_MS + i);
    for (const ms of [0, HOUR_MS, DAY_MS - 1]) assert.equal(budget.left(pair, what, NOW_MS + ms), 0);
    assert.equal(budget.left(pair, what, NOW_MS + DAY_MS), count);
    for (const other of Object.keys(most).filter((one) => one !== name)) {
      assert.equal(budget.left(pair, other as budget.Use, NOW_MS), most[other as budget.Use]);
    }
  }
  const ahead = budget.use(PAIR, "starts", NOW_MS + 365 * DAY_MS, 3);
  const noticed = budget.use(ahead, "asks", NOW_MS);
  assert.equal(budget.left(noticed, "starts", NOW_MS + DAY_MS), 3, "a time ahead counts as now");
});

test("doubt leads to one ask on the active session, ten minutes after the last (SES-25)", () => {
  const asked = budget.askSent(PAIR, ASK, budget.SHORT_PATIENCE_MS, NOW_MS);
  assert.ok(budget.mayAsk(PAIR, NOW_MS));
  assert.ok(!budget.mayAsk(asked, NOW_MS + DAY_MS), "an ask is open");
  const answered = { ...asked, ask: null };
  assert.ok(!budget.mayAsk(answered, NOW_MS + 10 * MINUTE_MS - 1));
  assert.ok(budget.mayAsk(answered, NOW_MS + 10 * MINUTE_MS));
  assert.ok(budget.mayAsk(answered, NOW_MS - DAY_MS + 10 * MINUTE_MS) === false, "a time ahead counts as now");
  const candidate = { id: standing(3, 3).id, sinceMs: NOW_MS, askedMs: NOW_MS, repeats: 0 };
  assert.ok(!budget.mayAsk({ ...answered, candidate }, NOW_MS + HOUR_MS));
  const wanted = { sinceMs: NOW_MS, top: null, again: false };
  assert.ok(!budget.mayAsk({ ...answered, wanted }, NOW_MS + HOUR_MS), "a session is wanted");
  assert.ok(!budget.mayAsk({ ...answered, sessions: [] }, NOW_MS + HOUR_MS));
  let often: Pair = answered;
  for (let i = 1; i < 12; i++) often = budget.use(often, "asks", NOW_MS + HOUR_MS);
  assert.ok(!budget.mayAsk(often, NOW_MS + 2 * HOUR_MS));
});

test("a message on a proven session that is not active is a doubt (SES-25)", () => {
  const doubts = PAIR.sessions.map(({ id }) => message(PAIR, id, NOW_MS).doubted);
  assert.deepEqual(doubts, [true, false]);
});

test("a gap is asked for at once, after an hour and after a day, and no more (SES-25)", () => {
  const line = new Uint8Array(4);
  let { pair, findings } = numbered(PAIR, { n: 1, line, first: 1 });
  assert.deepEqual(findings, []);
  ({ pair, findings } = numbered(pair, { n: 3, line, first: 1 }));
  assert.deepEqual(findings, ["gap"]);
  let nowMs = NOW_MS;
  for (const waitMs of [0, HOUR_MS, DAY_MS]) {
    if (waitMs > 0) assert.ok(!isGapAskDue(pair, nowMs + waitMs - 1));
    nowMs += waitMs;
    assert.ok(isGapAskDue(pair, nowMs));
    pair = { ...budget.askSent(pair, ASK, budget.LONG_PATIENCE_MS, nowMs, true), ask: null };
  }
  assert.ok(!isGapAskDue(pair, nowMs + 365 * DAY_MS));
  assert.equal(budget.LONG_PATIENCE_MS, DAY_MS);
});

test("numbers count up by one from what was given, on the line of this opening (SES-29)", () => {
  const line = Uint8Array.of(1, 2, 3, 4);
  const [one, first] = budget.give({ ...PAIR, given: 7 }, line, null);
  const [two, second] = budget.give(one, line, first.first);
  assert.deepEqual(
    [first, second],
    [
      { n: 8, line, first: 8 },
      { n: 9, line, first: 8 },
    ],
  );
  assert.equal(two.given, 9);
  const last = { ...PAIR, given: 2 ** 53 - 2 };
  assert.equal(budget.give(last, line, null)[1].n, 2 ** 53 - 1);
  assert.equal(
    codeOf(() => budget.give({ ...last, given: 2 ** 53 - 1 }, line, null)),
    "local.counter_exhausted",
  );
});

test("of several candidates each has the time of the search before it, a day at least (SES-44)", () => {
  let pair: Pair = { ...PAIR, sessions: [standing(1, 1)] };
  const days = [0, 1, 2, 4, 8, 15, 28];
  for (const [at, day] of days.entries()) {
    const nowMs = NOW_MS + day * DAY_MS;
    const made = { id: new Uint8Array(32).fill(9 + at), epoch: 2 + at, endsMs: nowMs + 14 * DAY_MS - 1 };
    pair = start(pair, made, null, nowMs).pair;
    const dueMs = NOW_MS + ([...days, 42][at + 1] as number) * DAY_MS;
    assert.equal(passTime(pair, true, dueMs - 1).pair.wanted, null);
    pair = passTime(pair, true, dueMs).pair;
    assert.deepEqual(pair.wanted, { sinceMs: NOW_MS, top: null, again: true });
    assert.ok(pair.sessions.length <= 5, "the active one and, of ours, the four made last (SES-33)");
  }
});
