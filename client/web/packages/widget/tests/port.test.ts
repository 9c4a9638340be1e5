/** What the page around a room may ask for, and what the room's own page allows. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { allowed, NO_SETTINGS } from "../src/port.ts";

const [OURS, OTHER] = ["a".repeat(64), "b".repeat(64)];

test("a page has a room keep less, never more, and what is unknown keeps nothing (CNS-84)", () => {
  const modes = ["session", "device", "recoverable"];
  const kept = (own: string | undefined, storage: string | null) =>
    allowed(own === undefined ? {} : { storage: own }, { ...NO_SETTINGS, storage }).storage;
  for (const [at, own] of modes.entries()) {
    assert.equal(kept(own, null), own, "alone, or in a page that says nothing");
    assert.deepEqual(
      modes.map((asked) => kept(own, asked)),
      modes.map((_, index) => modes[Math.min(at, index)]),
    );
    assert.equal(kept(own, "forever"), "session");
  }
  for (const asked of [null, ...modes])
    for (const own of [undefined, "", "odd"]) assert.equal(kept(own, asked), "session");
});

test("a room is linkable where its own page says so, and no page around it says otherwise, if it is kept for good (CNS-84, CNS-88)", () => {
  const linked = (own: string | undefined, linkable: string | null, storage = "recoverable") =>
    allowed({ storage, linkable: own }, { ...NO_SETTINGS, linkable }).linkable;
  for (const asked of [null, "yes", "no", "odd"]) {
    assert.equal(linked("yes", asked), asked === null || asked === "yes");
    for (const own of [undefined, "", "no", "odd"]) assert.equal(linked(own, asked), false);
    for (const storage of ["device", "session", "odd"]) assert.equal(linked("yes", asked, storage), false);
  }
});

test("the account that the room's page names counts, and no other beside it (CNS-84)", () => {
  const named = (account: string, asked: string | null) =>
    allowed({ storage: "device", account }, { ...NO_SETTINGS, account: asked }).account;
  assert.equal(named(OURS, null), OURS);
  assert.equal(named(OURS, OURS), OURS);
  assert.equal(named(OURS, OTHER), "", "no account: there is no room");
  assert.equal(named("", OTHER), OTHER);
  assert.equal(named("", null), null);
});
