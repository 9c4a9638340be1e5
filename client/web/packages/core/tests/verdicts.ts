/**
 * Verdicts about inputs from standard input: one JSON document, a list of [operation, input]. Writes the list of
 * codes, null for what is accepted.
 */
import { readFileSync } from "node:fs";
import { CoreError } from "../src/errors.ts";
import type { Operation } from "./operations.ts";
import { OPERATIONS } from "./operations.ts";
import type { Json } from "./vectors.ts";

function verdict(operation: string, input: Json): string | null {
  try {
    (OPERATIONS[operation] as Operation)(input);
    return null;
  } catch (error) {
    return error instanceof CoreError ? error.code : `crash: ${error}`;
  }
}

const cases: [string, Json][] = JSON.parse(readFileSync(0, "utf-8"));
console.log(JSON.stringify(cases.map(([operation, input]) => verdict(operation, input))));
