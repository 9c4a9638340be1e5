import assert from "node:assert/strict";
import { test } from "node:test";
import { purposeOf } from "../src/purposes.ts";

const consent = "Art. 6 Abs. 1 Buchst. a DSGVO (GDPR)";
const proof = "Art. 6 Abs. 1 Buchst. c, Art. 7 Abs. 1 DSGVO (GDPR)";
const purposes = [consent, consent, proof].map((basis, i) => ({ number: i + 1, basis, isRequired: i !== 1 }));
const lines = [
  `Um Ihre Anfragen zu beantworten. Rechtsgrundlage ist Ihre Einwilligung: ${consent}`,
  `Um Ihnen mitzuteilen, dass eine Antwort wartet. Rechtsgrundlage ist Ihre Einwilligung: ${consent}`,
  `Um Ihre Einwilligung nachzuweisen. Rechtsgrundlage: ${proof}`,
];

test("a purpose is said in the words of the notice's text, each in its own", () => {
  const text = ["2. Wozu wir Daten verwenden", ...lines.map((line, i) => `${"abc"[i]}) ${line}`), ""].join("\n");
  assert.deepEqual(
    purposes.map((one) => purposeOf({ purposes, text }, one)),
    lines,
  );
});

test("a text that does not say each purpose in a line of its own leaves the basis as it is", () => {
  for (const text of ["", lines[0], `${lines[0]}\n${lines[1]}\n${lines[1]}`].map(String))
    assert.equal(purposeOf({ purposes, text }, purposes[1] as (typeof purposes)[number]), consent);
  const free = [{ number: 1, basis: "Ihre Fragen beantworten", isRequired: true }] as const;
  assert.equal(purposeOf({ purposes: free, text: "Anderes" }, free[0]), "Ihre Fragen beantworten");
});
