/** The vectors of spec/vectors, typed as what tests read of them. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import type { Bytes } from "../src/bytes.ts";
import { hex, unhex } from "../src/bytes.ts";
import { CoreError } from "../src/errors.ts";

const FOLDER = new URL("../../../../../spec/vectors/", import.meta.url);

// Vectors are JSON of many shapes; each test knows the shape of its file.
// biome-ignore lint: any is meant
export type Json = any;

export function load(name: string): Json {
  return JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), "utf-8"));
}

/** The negative vectors, each with the name of its file. */
export function negatives(): { name: string; vector: Json }[] {
  const folder = new URL("negative/", FOLDER);
  return readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .sort()
    .map((file) => ({ name: file, vector: JSON.parse(readFileSync(new URL(file, folder), "utf-8")) }));
}

export const bytes = unhex;

export function optional(text: string | null): Bytes | null {
  return text === null ? null : unhex(text);
}

export function equal(got: Uint8Array | null, expected: string | null, what = ""): void {
  assert.equal(got === null ? null : hex(got), expected, what);
}

/** The code that `step` is refused with, or null. */
export function codeOf(step: () => unknown): string | null {
  try {
    step();
  } catch (error) {
    if (error instanceof CoreError) return error.code;
    throw error;
  }
  return null;
}
