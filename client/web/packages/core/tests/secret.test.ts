import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Secret } from "../src/secret.ts";

const SOURCES = join(import.meta.dirname, "../src");
const files = readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).filter((one) => one.endsWith(".ts"));
/** Bytes of a secret beside a comparison that ends at the first difference. */
const COMPARED = /(?:\bsame|\bcompare|\bhex)\([^\n]*\.expose\(\)|\.expose\(\)[^\n]*[!=]==|[!=]==[^\n]*\.expose\(\)/u;

function code(file: string): string {
  const text = readFileSync(join(SOURCES, file), "utf8");
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/gu, "");
}

test("a secret is compared by `equals` alone, which looks at every byte, and shown by nothing (PRM-10)", () => {
  assert.deepEqual(
    files.filter((file) => COMPARED.test(code(file))),
    [],
  );
  assert.ok(COMPARED.test("if (same(one.expose(), other))"));
  const bytes = (last: number) => new Uint8Array(32).fill(7).fill(last, 31);
  const secret = new Secret("chain key", bytes(1));
  assert.ok(secret.equals(new Secret("chain key", bytes(1))));
  assert.ok(!secret.equals(new Secret("chain key", bytes(2))));
  for (const shown of [`${secret}`, JSON.stringify({ secret }), JSON.stringify(Object.entries(secret))])
    assert.doesNotMatch(shown, /7,7|0707/u);
});
