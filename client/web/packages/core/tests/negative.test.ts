import assert from "node:assert/strict";
import { test } from "node:test";
import type { Operation } from "./operations.ts";
import { OPERATIONS } from "./operations.ts";
import { codeOf, load, negatives } from "./vectors.ts";

for (const { name, vector } of negatives()) {
  const operation = OPERATIONS[vector.operation];
  const skip = operation === undefined && `${vector.operation} is not in this core yet`;
  test(`${name} is refused with ${vector.error}`, { skip }, () => {
    assert.equal(
      codeOf(() => (operation as Operation)(vector.input)),
      vector.error,
    );
  });
}

for (const one of load("limits").cases) {
  const operation = OPERATIONS[one.operation];
  const skip = operation === undefined && `${one.operation} is not in this core yet`;
  test(`${one.operation} accepts ${one.name}`, { skip }, () => {
    (operation as Operation)(one.input);
  });
}
