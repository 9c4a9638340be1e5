import assert from "node:assert/strict";
import { test } from "node:test";
import { OPERATIONS } from "./operations.ts";
import type { Operation } from "./operations.ts";
import { codeOf, load, negatives } from "./vectors.ts";

for (const { name, vector } of negatives()) {
  const operation = OPERATIONS[vector.operation] as Operation;
  test(`${name} is refused with ${vector.error}`, () => {
    assert.equal(codeOf(() => operation(vector.input)), vector.error);
  });
}

for (const one of load("limits").cases) {
  const operation = OPERATIONS[one.operation] as Operation;
  test(`${one.operation} accepts ${one.name}`, () => {
    operation(one.input);
  });
}
