import assert from "node:assert/strict";
import { test } from "node:test";
import { filled, onOneLine, sizeOf, startOf } from "../src/texts.ts";

test("what is pasted with tabs and line ends is one line, and half a character is none", () => {
  assert.equal(onOneLine(" Meier\t4711\r\n"), "Meier 4711");
  assert.equal(onOneLine("a\u2028b\u0085c"), "a b c");
  assert.ok(onOneLine("halb \ud83d").isWellFormed());
  assert.equal(onOneLine("\t \n"), "");
});

test("a label is cut to its bytes between characters, never inside one", () => {
  const family = "👨‍👩‍👧";
  assert.equal(startOf(`${"x".repeat(19)}${family}`, 40), `${"x".repeat(19)}${family}`);
  assert.equal(startOf(`${"x".repeat(39)}${family}`, 40), "x".repeat(39));
  assert.equal(sizeOf(startOf("客".repeat(20), 40)), 39);
  assert.equal(startOf("Rückfrage", 40), "Rückfrage");
  assert.equal(startOf("abc def", 4), "abc");
});

test("a canned answer reads as written, whether the names in it are known or not", () => {
  const named = { name: "Frau Meier", agent: "Dr. $& Kern", company: "Praxis" };
  const nobody = { name: null, agent: null, company: "Praxis" };
  for (const [text, known, unknown] of [
    ["Guten Tag {name}, wie geht es?", "Guten Tag Frau Meier, wie geht es?", "Guten Tag, wie geht es?"],
    ["{name}, danke\n{name} ist da", "Frau Meier, danke\nFrau Meier ist da", "Danke\nIst da"],
    ["Ihr Anruf ({name}) war da", "Ihr Anruf (Frau Meier) war da", "Ihr Anruf war da"],
    ["({name}) danke", "(Frau Meier) danke", "Danke"],
    ["Gruß\n{agent}\n{company}", "Gruß\nDr. $& Kern\nPraxis", "Gruß\n\nPraxis"],
    ["Der {agent}s", "Der Dr. $& Kerns", "Ders"],
  ] as const)
    assert.deepEqual([filled(text, named), filled(text, nobody)], [known, unknown]);
});
