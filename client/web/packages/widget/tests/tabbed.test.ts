import assert from "node:assert/strict";
import { test } from "node:test";
import { talkOf } from "../../ui/tests/scene_parts.ts";
import { sceneOf } from "../../ui/tests/scenes.ts";
import { packState, unpackState } from "../src/tabbed.ts";

test("a state goes to another tab as it is, and an item that says the same stays the same object", () => {
  const before = sceneOf("open", "de");
  const after = unpackState(packState({ ...before, unread: 2 }), before);
  assert.deepEqual(after, { ...before, unread: 2 });
  assert.ok(after.items.every((item, at) => item === before.items[at]));
  assert.equal(after.members, before.members);
});

test("of a state that is too long for one message the newest part goes", () => {
  const [first] = talkOf("de");
  assert.ok(first?.kind === "message");
  const items = Array.from({ length: 200 }, (_, at) => ({ ...first, id: `x${at}`, text: "a".repeat(16_000) }));
  const state = { ...sceneOf("open", "de"), items };
  const load = packState(state);
  assert.ok(load.data.length <= 1_048_576);
  const came = unpackState(load, sceneOf("open", "de"));
  assert.ok(came.items.length > 10 && came.hasEarlier);
  assert.equal(came.items.at(-1)?.id, "x199");
});
