import assert from "node:assert/strict";
import { test } from "node:test";
import { hex } from "../src/bytes.ts";
import { decode, encode } from "../src/wire/cbor.ts";
import { classB, pad, padmeB } from "../src/wire/padding.ts";
import { isClass, unpad } from "../src/wire/unpadding.ts";
import { bytes, codeOf, equal, load } from "./vectors.ts";

for (const one of load("cbor").cases) {
  test(`CBOR: ${one.diagnostic.slice(0, 40)} (WIRE-01, WIRE-04)`, () => {
    equal(encode(decode(bytes(one.encoded), 65_536)), one.encoded);
  });
}

test("a lone surrogate and a number that is not exact have no encoding (WIRE-01)", () => {
  for (const value of ["\ud800", 2 ** 53, 0.5, 2n ** 64n]) {
    assert.equal(
      codeOf(() => encode(value)),
      "local.argument",
    );
  }
});

test("every changed or cut byte of an encoding is refused or has this one encoding (WIRE-04)", () => {
  for (const one of load("cbor").cases) {
    const data = bytes(one.encoded);
    for (let i = 0; i < Math.min(data.length, 64); i++) {
      for (const changed of [data.with(i, (data[i] as number) ^ 0x20), data.with(i, 0x1b), data.slice(0, i)]) {
        const code = codeOf(() => assert.equal(hex(encode(decode(changed, 65_536))), hex(changed)));
        assert.ok(code === null || code === "remote.decode");
      }
    }
  }
});

const padding = load("padding");

test("padding classes (WIRE-07, WIRE-11, WIRE-12)", () => {
  for (const one of padding.kind_1) {
    assert.equal(classB(1, 272 + one.content_b + 1), one.body_b);
    assert.ok(isClass(1, one.body_b));
    assert.equal(2 + 8 + 16 + 64 + one.body_b + 16, one.envelope_b);
  }
  for (const one of padding.kind_2) {
    assert.equal(classB(2, one.content_b + 1), one.body_b);
    assert.ok(isClass(2, one.body_b));
    assert.equal(2 + 2108 + 8 + 16 + 64 + one.body_b + 16, one.envelope_b);
  }
  for (const one of padding.padme) assert.equal(padmeB(one.length_b), one.size_b);
  for (const one of padding.padded) {
    equal(pad(1, bytes(one.plain)), one.padded);
    equal(unpad(1, bytes(one.padded)), one.plain);
  }
});
