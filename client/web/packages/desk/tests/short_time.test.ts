import assert from "node:assert/strict";
import { test } from "node:test";
import { shortTime } from "../src/short_time.ts";

const NOW_MS = Date.UTC(2026, 10, 29, 13, 5);
const DAY_MS = 86_400_000;

test("the times of a list are short, and one that no calendar has is shown too (TRN-47)", () => {
  assert.match(shortTime(NOW_MS, NOW_MS, "de"), /^\d\d:05$/u);
  assert.equal(shortTime(NOW_MS - DAY_MS, NOW_MS, "de"), "gestern");
  assert.match(shortTime(NOW_MS - 9 * DAY_MS, NOW_MS, "de"), /^2[01]\.11\.$/u);
  for (const ms of [8.64e15, Number.MAX_SAFE_INTEGER])
    for (const language of ["de", "en"]) assert.match(shortTime(ms, NOW_MS, language), /\d\d[./]\d\d/u);
});
