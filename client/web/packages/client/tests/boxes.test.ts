/** Boxes of a browser's store: what they show of a row (STO-01, STO-07). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { classOf, newKeys, openRow, sealRow } from "../src/store/boxes.ts";
import { bytesFrom } from "./shop.ts";

test("a box has the smallest class that holds it: 128 to 1024 by twos, then 4 to 7 times 2^n (STO-07)", () => {
  const classes = [128, 256, 512, 1_024];
  for (let unit = 256; unit < 2 ** 21; unit *= 2) classes.push(5 * unit, 6 * unit, 7 * unit, 8 * unit);
  let before = 0;
  for (const classB of classes) {
    assert.equal(classOf(before + 1), classB);
    assert.equal(classOf(classB), classB);
    before = classB;
  }
});

test("two writes of one value share no bytes but their size, and both open (STO-01, STO-07)", async () => {
  const rng = bytesFrom(3);
  const keys = await newKeys(rng);
  const place = { id: rng(32), tag: rng(8), seq: 1 };
  const row = { key: rng(16), value: new Uint8Array(600).fill(7) };
  const [first, second] = [await sealRow(keys, rng, place, row), await sealRow(keys, rng, place, row)];
  assert.deepEqual([first.length, second.length], [1_024, 1_024]);
  const alike = first.filter((byte, at) => byte === second[at]).length;
  assert.ok(alike < 40, `${alike} bytes at one place`);
  for (const box of [first, second]) assert.deepEqual(await openRow(keys, place, box), row);
});
