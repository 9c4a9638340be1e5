import assert from "node:assert/strict";
import { test } from "node:test";
import { REMOTE_CODES } from "@sealroom/core/errors.ts";
import { FAULTS, wordsOf } from "../src/faults.ts";
import { DESK_WORDS, deskWords } from "../src/words.ts";

test("a clerk reads a sentence for each code that a room may answer, in both languages", () => {
  const codes = [...REMOTE_CODES.filter((code) => /^(room|file)\./u.test(code)), ...Object.keys(FAULTS)];
  for (const language of ["de", "en"]) {
    const words = deskWords(language);
    for (const code of codes) assert.match(wordsOf(code, words) ?? code, /^\p{Lu}.*\.$/u);
  }
  assert.equal(wordsOf("relay.quota", deskWords("de")), null);
  for (const code of ["local.room", "local.locked"]) assert.match(wordsOf(code, deskWords("de")) ?? "", /gesperrt/u);
  assert.match(wordsOf("room.right", deskWords("de")) ?? "", /darf dieser Platz nicht/u);
});

test("one thing has one word at the desk: a room is a Gespräch, a customer a Kontakt, no relay is named", () => {
  assert.equal(deskWords("de")("role.supervisor"), "Aufsicht");
  for (const [key, [german, english]] of Object.entries(DESK_WORDS)) {
    assert.doesNotMatch(german, /Leitung|Server|Relay|[^b]geschlossen|Raum|Räum|Kunden?\b|Kollege|Mitarbeiter/u, key);
    assert.doesNotMatch(english, /\b(server|relay|rooms?)\b/iu, key);
  }
});
