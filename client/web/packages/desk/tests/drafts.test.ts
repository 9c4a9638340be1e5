/** What is being written, between the field and the process that keeps it. */
import assert from "node:assert/strict";
import { mock, test as untimed } from "node:test";
import { type Drafts, openDrafts, type Place } from "../src/drafts.ts";
import { DeskFailure, type Question } from "../src/link.ts";

const HERE: Place = { room: "r", notes: false };
const NOTES: Place = { room: "r", notes: true };
let asked: Question[] = [];
let complaints: unknown[] = [];
let answer: () => Promise<unknown> = async () => null;
let unsure: Place | null = null;
let ended = "";

function made(): Drafts {
  return openDrafts({
    keep(question) {
      asked.push(question);
      return answer();
    },
    isUnsure: (place) => place === unsure,
    hasEnded: (room) => room === ended,
    complain: (problem) => complaints.push(problem),
  });
}

const texts = () => asked.map((one) => (one.type === "keepDraft" ? one.text : null));
const settled = () => new Promise((done) => setImmediate(done));
const failed = (code: string) => new DeskFailure({ code, retryable: true, notBeforeMs: null });

/** With a clock that the test moves. Hooks of this file would be those of all files of one process. */
function test(name: string, body: () => void | Promise<void>): void {
  untimed(name, async () => {
    [asked, complaints, answer, unsure, ended] = [[], [], async () => null, null, ""];
    mock.timers.enable({ apis: ["setTimeout"] });
    try {
      await body();
    } finally {
      mock.timers.reset();
    }
  });
}

test("a draft is kept two seconds after the last key, of the room and of its notes, and nothing twice", async () => {
  const drafts = made();
  for (const place of [HERE, NOTES]) drafts.given(place, "");
  drafts.write(HERE, "Gut");
  mock.timers.tick(1_999);
  drafts.write(HERE, "Guten Tag");
  drafts.write(NOTES, "ruft zurück");
  mock.timers.tick(1_999);
  assert.deepEqual(asked, []);
  mock.timers.tick(1);
  assert.deepEqual(asked, [
    { type: "keepDraft", room: "r", notes: false, text: "Guten Tag" },
    { type: "keepDraft", room: "r", notes: true, text: "ruft zurück" },
  ]);
  await settled();
  drafts.keep();
  drafts.write(HERE, "Guten Tag");
  mock.timers.tick(9_999);
  assert.equal(asked.length, 2);
  drafts.write(HERE, "");
  drafts.keep();
  assert.deepEqual(texts().slice(2), [""]);
});

test("what is typed while a draft is being kept is kept after it", async () => {
  const drafts = made();
  drafts.given(HERE, "");
  drafts.write(HERE, "a");
  drafts.keep();
  drafts.write(HERE, "ab");
  await settled();
  mock.timers.tick(2_000);
  assert.deepEqual(texts(), ["a", "ab"]);
});

test("what the process has comes before what was typed until then, and is asked for before anything is kept", () => {
  const drafts = made();
  drafts.write(HERE, "neu");
  mock.timers.tick(9_999);
  assert.deepEqual(asked, []);
  drafts.given(HERE, "alt");
  assert.equal(drafts.text(HERE), "alt\nneu");
  drafts.keep();
  drafts.given(HERE, "anderes");
  assert.deepEqual([drafts.text(HERE), ...texts()], ["alt\nneu", "alt\nneu"]);
});

test("of two pages the newest wins, and what is being typed is not replaced", async () => {
  const drafts = made();
  drafts.told(HERE, "von dort, und hier nie gelesen");
  assert.equal(drafts.text(HERE), "");
  drafts.given(HERE, "a");
  drafts.told(HERE, "a von dort");
  assert.equal(drafts.text(HERE), "a von dort");
  drafts.write(HERE, "a von dort und hier");
  drafts.told(HERE, "");
  assert.equal(drafts.text(HERE), "a von dort und hier");
  mock.timers.tick(2_000);
  await settled();
  drafts.told(HERE, "");
  assert.deepEqual([drafts.text(HERE), ...texts()], ["", "a von dort und hier"]);
});

test("what may be sent, and what is of a room that has ended, is not kept", () => {
  const drafts = made();
  drafts.given(HERE, "");
  drafts.write(HERE, "unterwegs");
  unsure = HERE;
  drafts.keep();
  unsure = null;
  ended = "r";
  drafts.keep();
  assert.deepEqual(asked, []);
  ended = "";
  drafts.keep();
  assert.deepEqual(texts(), ["unterwegs"]);
});

test("after a lost connection what is kept is asked for again, and what is not stays and is kept", async () => {
  const drafts = made();
  for (const place of [HERE, NOTES]) drafts.given(place, "a");
  answer = () => Promise.reject(failed("local.desk_lost"));
  drafts.write(HERE, "ab");
  drafts.keep();
  await settled();
  drafts.lost();
  assert.deepEqual([drafts.text(HERE), drafts.text(NOTES), complaints], ["ab", "", []]);
  drafts.given(NOTES, "von dort");
  drafts.keep();
  assert.deepEqual([drafts.text(NOTES), ...texts()], ["von dort", "ab", "ab"]);
});

test("what cannot be kept is said once, until something is kept again", async () => {
  const drafts = made();
  drafts.given(HERE, "");
  const outcomes = [failed("store.full"), failed("store.full"), null, failed("store.full")];
  for (const [at, problem] of outcomes.entries()) {
    answer = async () => {
      if (problem !== null) throw problem;
    };
    drafts.write(HERE, `${at}`);
    drafts.keep();
    await settled();
  }
  assert.deepEqual(complaints, [outcomes[0], outcomes[3]]);
});

test("a draft is text of at most 65 536 bytes; nothing of one that is forgotten is kept", async () => {
  const drafts = made();
  drafts.given(HERE, "");
  drafts.write(HERE, `\ud800${"ä".repeat(40_000)}`);
  drafts.keep();
  await settled();
  assert.deepEqual(texts(), [`\ufffd${"ä".repeat(32_766)}`]);
  drafts.keep();
  drafts.write(HERE, "weg");
  drafts.forget();
  mock.timers.tick(9_999);
  drafts.keep();
  assert.deepEqual([asked.length, drafts.text(HERE), drafts.all()], [1, "", []]);
});
