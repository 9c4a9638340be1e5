/** What a text answers, and what a device of the own account writes, as a screen is given it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { hex } from "@sealroom/core/bytes.ts";
import { content, TEXT } from "@sealroom/core/content.ts";
import type { Message } from "@sealroom/ui/backend.ts";
import { person, roomView } from "../src/views.ts";
import { arrives, kept, rng, written } from "./kin_room.ts";
import { agent, desk, NOW_MS } from "./shop.ts";
import { itemsOf } from "./shop_items.ts";
import { ERASE, map, SAID, Scene } from "./shop_room.ts";

/** The conversation as its screen shows it. */
function messageOf(scene: Scene, hash: Uint8Array): Message | undefined {
  return itemsOf(scene).find((one): one is Message => one.kind === "message" && one.id === hex(hash));
}

test("a text is shown, whatever it answers: what is missing, hidden, no text, or itself a reply (TRN-42)", () => {
  const scene = new Scene();
  const state = scene.state([desk, agent]);
  const hidden = scene.says("Kanarienvogel");
  const first = scene.hears(agent, "eins");
  scene.writes(ERASE, map([hidden.hash]));
  for (const target of [rng(32), hidden.hash, state.hash, scene.room.root, first.hash]) {
    const entry = scene.entryOf(agent, SAID, map("Antwort", target));
    assert.deepEqual(scene.arrives(entry).codes, []);
    const message = messageOf(scene, entry.hash);
    assert.deepEqual([message?.text, message?.replyTo], ["Antwort", hex(target)]);
  }
  assert.deepEqual([messageOf(scene, hidden.hash)?.text, messageOf(scene, hidden.hash)?.isErased], ["", true]);
});

test("nothing follows from a reply: what it answers is as it was (TRN-42)", () => {
  const scene = new Scene();
  scene.state([desk, agent]);
  const question = scene.hears(agent, "Passt Montag?");
  const before = [scene.kept(question.hash), roomView(scene.c, scene.room).unread];
  scene.writes(SAID, map("ja", question.hash));
  assert.deepEqual([scene.kept(question.hash), roomView(scene.c, scene.room).unread], before);
});

test("a device of the own account is the person itself, and needs no consent (ACC-38)", async () => {
  const { scene, device } = await kept();
  const entry = written(scene, device, SAID, map("vom Telefon"));
  assert.deepEqual(arrives(scene, entry), []);
  const message = messageOf(scene, entry.hash);
  const author = person(scene.c, scene.room, device);
  assert.deepEqual([message?.text, author.isSelf, author.kind], ["vom Telefon", true, "customer"]);
  scene.state([desk]);
  assert.ok(!roomView(scene.c, scene.room).members.some(({ id }) => id === hex(device)));
});

test("a text outside a room is refused from a device of the own account, too (ACC-38)", async () => {
  const { scene, device } = await kept();
  const before = scene.room;
  for (const from of [device, desk.id]) {
    const { codes } = scene.takes(from, content(TEXT, rng(16), NOW_MS, { name: "text", text: "heimlich" }));
    assert.deepEqual(codes, ["room.right"]);
  }
  assert.equal(scene.room, before);
});
