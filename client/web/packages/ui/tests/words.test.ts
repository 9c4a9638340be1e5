import assert from "node:assert/strict";
import { test } from "node:test";
import { languageOf, speak } from "../src/words.ts";
import { WORDS, wordsOf } from "../src/words_both.ts";
import { faultOf, LATER_WORDS, laterWords } from "../src/words_later.ts";

const entries = [...Object.entries(WORDS), ...Object.entries(LATER_WORDS)];
const holes = (sentence: string) => [...sentence.matchAll(/\{(\w+)\}/gu)].map(([, name]) => name).sort();

test("every key has a German and an English sentence with the same places to fill", () => {
  for (const [key, [german, english]] of entries) {
    assert.ok(german.trim() !== "" && english.trim() !== "", key);
    assert.deepEqual(holes(german), holes(english), key);
  }
});

test("no sentence shouts, or boasts of encryption", () => {
  for (const [key, pair] of entries) for (const one of pair) assert.doesNotMatch(one, /!|verschlüssel|encrypt/iu, key);
});

test("a hand-over is not told as if it were all that was written: who gives has the newest of its own", () => {
  for (const [key, pair] of entries)
    if (/^happened\.(handed-over|.*\.reads)$/u.test(key))
      for (const one of pair) assert.match(one, /frühere Nachrichten|earlier messages/u, key);
});

test("what is counted has both forms", () => {
  const keys = new Set(entries.map(([key]) => key));
  for (const key of keys) if (key.endsWith(".one")) assert.ok(keys.has(key.replace(/one$/u, "other")), key);
});

test("a wish for a language of a country gives its words and its numbers", () => {
  assert.equal(wordsOf("de-AT")("composer.send"), "Senden");
  assert.equal(wordsOf("de-AT").locale, "de-AT");
  assert.equal(wordsOf("fr")("composer.send"), "Send");
  assert.equal(wordsOf("en-nonsense-tag-that-is-none").locale, "en");
  assert.equal(languageOf("DE_de"), "de");
});

test("who reads that a file keeps what it says reads how to send it all the same", () => {
  const both = [wordsOf("de"), wordsOf("en")].map((words) => words("file.fault.metadata"));
  assert.match(both[0] ?? "", /^Ort, Zeit und Kamera .*Häkchen/u);
  assert.match(both[1] ?? "", /^Place, time and camera .*tick/u);
});

test("one is counted as one", () => {
  const words = wordsOf("en");
  assert.equal(words.count("messages.new", 1), "\u20681\u2069 new message");
  assert.equal(words.count("messages.new", 2_000), "\u20682,000\u2069 new messages");
});

test("a name of the other direction is isolated, and its braces are no place to fill", () => {
  const words = speak("en", "ltr", () => "{name} is here");
  assert.equal(words("happened.joined", { name: "{name}\u202e" }), "\u2068{name}\u202e\u2069 is here");
});

test("words that come later are of the language of the room, and each fault has a sentence", () => {
  assert.equal(laterWords(wordsOf("de-AT"))("join.go"), "Weiter");
  const english = laterWords(wordsOf("en"));
  assert.match(faultOf(english, "link.expired")[0], /no longer good/u);
  assert.deepEqual(faultOf(english, "relay.quota"), ["That did not work.", "relay.quota"]);
});

test("no sentence has the code of an error in it: it stands below", () => {
  for (const [key, pair] of entries) for (const one of pair) assert.doesNotMatch(one, /\{code\}/u, key);
});

test("one thing has one word: who carries messages is called as in the notice, a conversation is closed in one word", () => {
  for (const [key, [german, english]] of entries) {
    assert.doesNotMatch(german, /Leitung|Server|Relay|[^b]geschlossen/u, key);
    assert.doesNotMatch(english, /\b(line|server|relay)\b/iu, key);
    if (!/[Bb]etr(ei|ie)b|operat/u.test(`${german}${english}`)) continue;
    assert.match(german, /Übertragungsdienst/u, key);
    assert.match(english, /transport service/u, key);
  }
});
