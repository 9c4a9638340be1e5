import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { inspect } from "../src/guard.ts";

const kinds = (text: string) => inspect(text).map(({ kind, start, end }) => [kind, text.slice(start, end)]);

test("numbers whose check digits hold are found in a sentence, by kind and place", () => {
  assert.deepEqual(kinds("Bitte auf DE89 3704 0044 0532 0130 00 überweisen."), [
    ["iban", "DE89 3704 0044 0532 0130 00"],
  ]);
  assert.deepEqual(kinds("Karte 4111 1111 1111 1111, danke"), [["card", "4111 1111 1111 1111"]]);
  assert.deepEqual(kinds("Steuer-ID 86 095 742 719"), [["tax-id", "86 095 742 719"]]);
  assert.deepEqual(kinds("Meine Nummer ist A123456780."), [["health-insurance", "A123456780"]]);
});

test("with one digit changed nothing is found", () => {
  for (const text of ["DE89 3704 0044 0532 0130 01", "4111 1111 1111 1112", "86 095 742 718", "A123456781"])
    assert.deepEqual(kinds(text), [], text);
});

test("dates, telephone numbers and prices are let pass", () => {
  for (const text of [
    "Am 29.11.2026 um 14:05",
    "+49 30 555 0142",
    "1.234,56 Euro",
    "Aktenzeichen 2026-000123",
    "Hallo",
  ])
    assert.deepEqual(kinds(text), [], text);
});

test("words behind an IBAN are no part of it", () => {
  for (const text of ["meine iban ist DE64212144664180678649 lg", "an DE80.3106.4014.0262.0780.97 bitte"])
    assert.equal(kinds(text).length, 1, text);
});

test("numbers of orders, parcels and devices are let pass, whatever their check digits", () => {
  for (const text of ["Bestellung 4570305979882318 ist da", "IMEI 490154203237518", "Kundennr. 12733560894"])
    assert.deepEqual(kinds(text), [], text);
});

test("the Python guard finds the same numbers in every message of the corpus", () => {
  const file = new URL("../../../../../tests/guard/numbers.json", import.meta.url);
  const vectors: [text: string, found: [kind: string, start: number, end: number][]][] = JSON.parse(
    readFileSync(file, "utf-8"),
  );
  assert.ok(vectors.length > 500);
  for (const [text, found] of vectors) {
    const characters = (units: number) => [...text.slice(0, units)].length;
    const ours = inspect(text).map(({ kind, start, end }) => [kind, characters(start), characters(end)]);
    assert.deepEqual(ours, found, text);
  }
});

test("a long text is searched in proportion to its length", () => {
  assert.deepEqual(inspect("1 ".repeat(50_000)), []);
});
