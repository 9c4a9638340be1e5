import assert from "node:assert/strict";
import { test } from "node:test";
import { accentOf, contrast, familiesOf } from "../src/theme.ts";

test("black on white has the ratio 21", () => {
  assert.equal(Math.round(contrast("#000000", "#ffffff")), 21);
});

test("an accent that cannot be read is corrected on every ground", () => {
  for (const text of ["#ffff00", "#00ff00", "#000000", "#ffffff", "#1f5fbf", "#ff9ec8"]) {
    const accent = accentOf(text);
    assert.ok(accent !== null);
    for (const ground of ["#ffffff", "#f5f6f8"]) assert.ok(contrast(accent.light, ground) >= 4.5, `${text} ${ground}`);
    for (const ground of ["#14171c", "#1c2027"]) assert.ok(contrast(accent.dark, ground) >= 4.5, `${text} ${ground}`);
    assert.ok(contrast(accent.light, accent.onLight) >= 4.5, text);
    assert.ok(contrast(accent.dark, accent.onDark) >= 4.5, text);
  }
});

test("a readable accent stays as the company chose it", () => {
  assert.equal(accentOf("#1f5fbf")?.light, "#1f5fbf");
});

test("what is no colour is none", () => {
  for (const text of ["red", "url(x)", "#12", "#12345g", "rgb(0,0,0)"]) assert.equal(accentOf(text), null);
});

test("of fonts only names are taken", () => {
  assert.equal(familiesOf("Inter, 'Open Sans', serif"), '"Inter", "Open Sans", serif');
  assert.equal(familiesOf("x; background: url(//evil)"), "");
});
