import assert from "node:assert/strict";
import { test } from "node:test";
import { alarmText, inOrder, rosterText } from "../src/alarms.ts";
import type { AlarmRow } from "../src/messages.ts";
import { deskWords } from "../src/words.ts";

const NOW_MS = Date.UTC(2026, 10, 30, 12);
const DAY_MS = 86_400_000;
const CODES = ["two_histories", "restarted_twice", "objection", "unattended"] as const;

function row(code: AlarmRow["code"], untilMs: number | null = null): AlarmRow {
  return { room: "0".repeat(32), code, untilMs };
}

test("an objection says until when it has to be decided", () => {
  const ends = row("objection", NOW_MS + 4 * DAY_MS);
  assert.match(
    alarmText(ends, deskWords("de"), NOW_MS),
    /nicht bis Freitag, 4\. Dezember, \d\d:\d\d, wird das Gespräch/u,
  );
  assert.match(alarmText(ends, deskWords("en"), NOW_MS), /decides by Friday, .*4.*, the conversation is closed\.$/u);
});

test("each alarm is whole sentences in both languages", () => {
  for (const language of ["de", "en"])
    for (const code of CODES)
      assert.match(alarmText(row(code, NOW_MS + DAY_MS), deskWords(language), NOW_MS), /^\p{Lu}[^{}]*\.$/u);
});

test("before the list of who answers ends, and after it, people are told what to do", () => {
  const soon = rosterText(NOW_MS + 4 * DAY_MS, deskWords("de"), NOW_MS);
  assert.match(soon, /^Bis Freitag, 4\. Dezember, \d\d:\d\d muss der Rechner verbunden sein/u);
  assert.match(
    rosterText(NOW_MS, deskWords("en"), NOW_MS),
    /has ended \(today, .*\)\. What is written arrives only when/u,
  );
});

test("what has no end stands first, then what ends first", () => {
  const [late, soon, ever] = [row("objection", NOW_MS + 2), row("objection", NOW_MS + 1), row("two_histories")];
  assert.deepEqual(inOrder([late, soon, ever]), [ever, soon, late]);
});
