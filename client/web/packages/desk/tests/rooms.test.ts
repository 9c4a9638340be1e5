import assert from "node:assert/strict";
import { test } from "node:test";
import { sentenceOf } from "@sealroom/ui/row_view.ts";
import type { DeskState } from "../src/desk.ts";
import { newsIn } from "../src/desk.ts";
import type { RoomRow } from "../src/messages.ts";
import { isUnsent, nameOfRoom, whyShut } from "../src/rooms.ts";
import { deskWords, isNow, longOf } from "../src/words.ts";

test("why nothing can be written is a sentence in each part of a room's life", () => {
  const phases = ["begun", "open", "closed", "frozen", "withdrawn", "erased"] as const;
  for (const language of ["de", "en"]) {
    const words = deskWords(language);
    const said = phases.map((phase) => words(whyShut(phase)));
    for (const one of said) assert.match(one, /^\p{Lu}.*\.$/u);
    assert.equal(new Set(said).size, phases.length - 1);
  }
  assert.match(deskWords("de")(whyShut("withdrawn")), /Einwilligung ist widerrufen/u);
  assert.match(deskWords("en")(whyShut("begun")), /Take the conversation/u);
});

test("what the desk has handed to its relay's way is not called sent, nor is a colleague's erasure everybody's", () => {
  assert.equal(deskWords("de").ui("delivery.sent"), "Unterwegs");
  assert.equal(deskWords("en").notes("delivery.sent"), "On its way");
  assert.match(deskWords("de")("ask.erase.text"), /Die andere Seite behält sie/u);
});

test("what has just come waits since just now, and nothing takes no minutes", () => {
  assert.deepEqual([-5, 0, 59_999, 60_000].map(isNow), [true, true, true, false]);
  assert.equal(deskWords("de")("row.waits.now"), "wartet, gerade eben");
  assert.equal(deskWords("en")("row.waits.now"), "waiting, just now");
  assert.match(longOf(20_000, "de"), /^< 1\sMin\.$/u);
  assert.equal(longOf(60_000, "en"), "1 min");
});

test("what was written for a room that has ended or gone is not asked for before the page is closed", () => {
  const rooms = new Map(
    (["open", "closed", "withdrawn", "erased"] as const).map((phase) => [phase, { phase } as RoomRow]),
  );
  const asksFor = (of: string, text: string) => isUnsent([["open false", " "] as const, [of, text]], rooms);
  assert.deepEqual(
    [...rooms.keys(), "gone"].map((id) => asksFor(`${id} false`, "Guten Tag")),
    [true, true, false, false, false],
  );
  assert.deepEqual([asksFor("open true", "Notiz"), asksFor("open true", " \n")], [true, false]);
});

test("one's own claim is no news, a transfer after one that was refused is", () => {
  const row = (isMine: boolean, assigned: string | null) =>
    ({ id: "1", isMine, assigned, unread: 0, waitsMs: null }) as unknown as RoomRow;
  const before = new Map([["1", row(false, null)]]);
  const takenAt = (nowMs: number) => newsIn([row(true, "me")], before, new Map([["1", 1_000]]), nowMs).taken.length;
  assert.deepEqual([takenAt(2_000), takenAt(60_999), takenAt(61_000)], [0, 0, 1]);
});

test("a room that waits is called the same once it is taken and its customer is known", () => {
  const state = { previews: new Map() } as unknown as DeskState;
  const names = [null, "0a1b".repeat(16)].map((customer) => {
    return nameOfRoom({ id: "fcd1".repeat(8), customer } as RoomRow, state, deskWords("de"));
  });
  assert.equal(names[0], names[1]);
});

test("a clerk reads how a customer has rated, and what it said", () => {
  const rated = (detail: string | null) =>
    sentenceOf({ kind: "happening", id: "1", atMs: 0, what: "rated", member: null, detail, count: 4 }, [], words.ui);
  const words = deskWords("en");
  assert.match(rated(null).replace(/[\u2068\u2069]/gu, ""), /^The customer has rated: 4 of 5\.$/u);
  assert.match(rated("Quick").replace(/[\u2068\u2069]/gu, ""), /: 4 of 5\. Quick$/u);
});
