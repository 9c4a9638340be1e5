/** What an element is made with, and drawn again with. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { set } from "../src/dom.ts";

test("a listener that is not given any more is gone, as an attribute is", () => {
  const attributes = new Map<string, string>();
  const element = {
    onclick: null,
    getAttribute: (name: string) => attributes.get(name) ?? null,
    setAttribute: (name: string, text: string) => void attributes.set(name, text),
    removeAttribute: (name: string) => void attributes.delete(name),
  };
  const made = element as unknown as Element & typeof element;
  const press = () => {};
  set(made, "onclick", press);
  set(made, "hidden", true);
  assert.deepEqual([made.onclick, attributes.get("hidden")], [press, ""]);
  set(made, "onclick", undefined);
  set(made, "hidden", false);
  assert.deepEqual([made.onclick, attributes.has("hidden")], [null, false]);
});
