import assert from "node:assert/strict";
import { test } from "node:test";
import { codeIn, headOf } from "../src/code_paper.ts";

const CODE = "MTH5F-VVSPT-07X0V-4RED7-XD7VX-NS0J";
const head = headOf({ company: "Praxis Dr. Weber", origin: "https://chat.praxis-weber.example" });

test("a code that was copied with the line above it is typed by pasting both (ACC-72)", () => {
  for (const typed of [CODE, `${head}\n${CODE}`, ` ${head} \r\n${CODE}\n`]) {
    const { code, whose } = codeIn(typed, head);
    assert.deepEqual([code.trim(), whose], [CODE, null]);
  }
});

test("a line above a code with another name or page is named, and nothing is guessed (ACC-72)", () => {
  const other = headOf({ company: "Stadtwerke", origin: "https://chat.stadtwerke.example" });
  assert.deepEqual(codeIn(`${other}\n${CODE}`, head), { code: CODE, whose: other });
  assert.equal(codeIn(`${head}/\n${CODE}`, head).whose, `${head}/`);
});

test("a code in several lines stays whole (ACC-62)", () => {
  const lines = CODE.replaceAll("-", "\n");
  assert.deepEqual(codeIn(lines, head), { code: lines, whose: null });
});
