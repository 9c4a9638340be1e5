import assert from "node:assert/strict";
import { test } from "node:test";
import { sentenceOf } from "../src/row_view.ts";
import { isSameRow, rowsOf } from "../src/rows.ts";
import { clockOf, daysBetween, regional } from "../src/times.ts";
import { Heights } from "../src/virtual.ts";
import { wordsOf } from "../src/words_both.ts";
import { happeningOf, membersOf, messageOf, NOW_MS } from "./scene_parts.ts";

test("sums of heights are those of adding them up, after every change", () => {
  const plain = Array.from({ length: 300 }, (_, at) => 20 + ((at * 37) % 91));
  const heights = new Heights();
  heights.reset(plain);
  for (let change = 0; change < 200; change += 1) {
    const row = (change * 53) % plain.length;
    plain[row] = 10 + ((change * 29) % 200);
    heights.set(row, plain[row] as number);
    const upTo = (change * 17) % plain.length;
    assert.equal(
      heights.top(upTo),
      plain.slice(0, upTo).reduce((sum, one) => sum + one, 0),
    );
  }
  assert.equal(
    heights.total,
    plain.reduce((sum, one) => sum + one, 0),
  );
});

test("the row at a place covers it", () => {
  const heights = new Heights();
  heights.reset([10, 20, 30, 40]);
  const places = [-5, 0, 9, 10, 29, 30, 59, 60, 99, 100, 9_999];
  assert.deepEqual(
    places.map((place) => heights.rowAt(place)),
    [0, 0, 0, 1, 1, 2, 2, 3, 3, 3, 3],
  );
  heights.reset([]);
  assert.equal(heights.rowAt(5), 0);
});

test("the state stands under the last own message, and under each that failed", () => {
  const items = [
    messageOf("me", 9, "a"),
    messageOf("me", 8, "b", { delivery: "failed" }),
    messageOf("me", 7, "c"),
    messageOf("yildiz", 6, "d"),
  ];
  assert.deepEqual(
    rowsOf(items, "me").map((row) => row.hasState),
    [false, true, true, false],
  );
});

test("what waits while there is a connection is on its way, but no file that was interrupted", () => {
  const failed = { name: "a", mediaType: "", sizeB: 1, movedB: 0, canPreview: false, failure: null, untilMs: null };
  const items = [
    messageOf("me", 9, "a", { delivery: "waiting" }),
    messageOf("me", 8, "", { delivery: "waiting", file: { ...failed, isUpload: true, state: "failed" } }),
    messageOf("me", 7, "c", { delivery: "sent" }),
  ];
  for (const isGoing of [true, false])
    assert.deepEqual(
      rowsOf(items, "me", isGoing).map((row) => row.isGoing),
      [isGoing, false, false],
    );
});

test("a name stands once a group, a time at pauses of ten minutes, a day at its first line", () => {
  const items = [
    messageOf("me", 3_000, "a"),
    messageOf("yildiz", 40, "b"),
    messageOf("yildiz", 39, "c"),
    messageOf("yildiz", 20, "d"),
    happeningOf("left", 19, "yildiz"),
    messageOf("yildiz", 18, "e"),
  ];
  const rows = rowsOf(items, "me");
  assert.deepEqual(
    rows.map((row) => row.isFirst),
    [true, true, false, false, true, true],
  );
  assert.deepEqual(
    rows.map((row) => row.hasTime),
    [true, true, false, true, false, false],
  );
  assert.deepEqual(
    rows.map((row) => row.isNewDay),
    [true, true, false, false, false, false],
  );
});

test("a row that shows the same is the same, whatever came after it", () => {
  const items = [messageOf("yildiz", 9, "a"), messageOf("yildiz", 8, "b")];
  const [before] = rowsOf(items, "me");
  const [after] = rowsOf([...items, messageOf("me", 1, "c")], "me");
  assert.ok(before && after && isSameRow(before, after));
});

test("a row that quotes what was erased, or what is only now there, is another", () => {
  const quoted = messageOf("yildiz", 9, "geheim");
  const reply = messageOf("me", 8, "b", { replyTo: quoted.id });
  const rows = [[quoted, reply], [{ ...quoted, isErased: true, text: "" }, reply], [reply]].map((items) =>
    rowsOf(items, "me").at(-1),
  );
  for (const [at, one] of rows.entries())
    for (const [other, row] of rows.entries()) assert.equal(one && row && isSameRow(one, row), at === other);
});

test("days are counted by midnights, and said as people say them", () => {
  const minute = new Date(2026, 10, 29, 0, 1).getTime();
  assert.equal(daysBetween(minute - 120_000, minute), 1);
  assert.equal(clockOf("de").day(minute - 120_000, minute), "gestern");
  assert.equal(clockOf("de").day(NOW_MS, NOW_MS), "heute");
  assert.equal(clockOf("en").day(NOW_MS + 86_400_000, NOW_MS), "tomorrow");
});

test("English times are those of the country of the browser, and texts stay English", () => {
  const at = (wish: string) => new Intl.DateTimeFormat(regional("en", wish), { timeStyle: "short" }).format(NOW_MS);
  for (const british of ["en-GB", "en-IE", "de", "de-DE", "fr"]) assert.match(at(british), /^\d\d:\d\d$/u, british);
  for (const other of ["en-US", "en", "en-US@posix", ""]) assert.match(at(other), /M$/u, other);
  assert.equal(regional("en-AU", "de-DE"), "en-AU");
  assert.equal(regional("de", "en-US"), "de");
});

test("spans and sizes have a unit", () => {
  assert.equal(clockOf("de").span(90 * 86_400), "90 Tage");
  assert.equal(clockOf("de").span(3 * 31_536_000), "3 Jahre");
  assert.equal(clockOf("en").size(241_300), "241 kB");
  assert.match(clockOf("de").size(4_213_000), /^4,2\sMB$/u);
});

test("what was written at a time that no calendar has is shown, and what stands around it (TRN-47)", () => {
  for (const ms of [8.64e15, Number.MAX_SAFE_INTEGER]) {
    for (const locale of ["de", "en"]) {
      const clock = clockOf(locale);
      assert.match(clock.time(ms), /\d:\d\d/u);
      assert.match(clock.moment(ms, NOW_MS), /27\d{4}.*\d:\d\d/u);
      assert.match(clock.day(0, ms), /19(69|70)/u);
    }
    assert.ok(Number.isSafeInteger(daysBetween(NOW_MS, ms)));
    const items = [messageOf("me", 9, "a"), messageOf("yildiz", 8, "b", { writtenMs: ms }), messageOf("me", 7, "c")];
    assert.deepEqual(
      rowsOf(items, "me").map((row) => row.isNewDay),
      [true, true, false],
    );
  }
});

test("who comes and is handed history is told in one sentence", () => {
  const members = membersOf("de");
  const said = (what: "assigned" | "transferred" | "joined", count: number | null) =>
    sentenceOf({ ...happeningOf(what, 1, "yildiz"), count }, members, wordsOf("de"));
  for (const what of ["assigned", "transferred", "joined"] as const) {
    assert.match(said(what, 3), /kann auch frühere Nachrichten lesen\.$/u);
    assert.doesNotMatch(said(what, null), /frühere/u);
  }
});

test("why a conversation was closed or goes on is read where a clerk has said it", () => {
  const said = (what: "closed" | "reopened", why: string | null) =>
    sentenceOf(happeningOf(what, 1, null, why), [], wordsOf("en"));
  assert.equal(said("closed", "Sorted out"), "The conversation is closed: \u2068Sorted out\u2069");
  assert.equal(said("reopened", "We go on"), "The conversation goes on: \u2068We go on\u2069");
  assert.equal(said("closed", null), "The conversation is closed.");
});
