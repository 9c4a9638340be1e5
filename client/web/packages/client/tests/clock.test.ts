/** When the clock of a browser wakes who waits. */
import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { DAY_MS } from "@sealroom/core/constants.ts";
import { browserClock } from "../src/link/clock.ts";

const LOOK_MS = 30_000;

/** How often who waits for a minute was woken, after each look; `steps` are what the clock moves by beside the time. */
function woken(...steps: readonly number[]): readonly number[] {
  let nowMs = 1_000 * DAY_MS;
  let count = 0;
  mock.timers.enable({ apis: ["setTimeout"] });
  const date = mock.method(Date, "now", () => nowMs);
  browserClock.wake(nowMs + 2 * LOOK_MS, () => void count++);
  const counts = steps.map((stepMs) => {
    nowMs += LOOK_MS + stepMs;
    mock.timers.tick(LOOK_MS);
    return count;
  });
  date.mock.restore();
  mock.timers.reset();
  return counts;
}

test("who waits is woken once at its time, and at once where the clock was put back or on (STO-60)", () => {
  assert.deepEqual(woken(0, 0, 0), [0, 1, 1]);
  assert.deepEqual(woken(-31 * DAY_MS, 0, 0), [1, 1, 1]);
  assert.deepEqual(woken(0, -31 * DAY_MS, 0), [0, 1, 1]);
  assert.deepEqual(woken(365 * DAY_MS, 0), [1, 1]);
  assert.deepEqual(woken(-1_000, 0, 1_000), [0, 0, 1]);
});
