/** What a conversation says of a person's logins. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { hex } from "@sealroom/core/bytes.ts";
import { agent, desk, notice, TEXT } from "./shop.ts";
import { itemsOf } from "./shop_items.ts";
import { ERASE, map, Scene } from "./shop_room.ts";

const NOTICE = 12;
const ACCESS = 16;
const IDENTIFY = 17;
const REFUSAL = 22;

function shown(scene: Scene): string {
  return JSON.stringify(itemsOf(scene));
}

function lines(scene: Scene): readonly string[] {
  return itemsOf(scene).flatMap((one) => (one.kind === "happening" && one.what !== "joined" ? [one.what] : []));
}

test("a login that is refused is told once, and one that was granted is not told as refused (CNS-57)", () => {
  const scene = new Scene();
  scene.state([desk, agent]);
  const login = scene.writes(IDENTIFY, new Uint8Array(400));
  for (const device of [desk, agent]) scene.arrives(scene.entryOf(device, REFUSAL, map(login.hash, "login.expired")));
  assert.deepEqual(lines(scene), ["not-identified"]);
  scene.arrives(scene.entryOf(desk, REFUSAL, map(new Uint8Array(8), "room.right")));
  assert.deepEqual(lines(scene), ["not-identified"]);
  scene.state([desk, agent], { answers: [login.hash] });
  assert.deepEqual(lines(scene), ["identified"]);
});

test("what an agent refuses is no answer, whatever it names (ROOM-70)", () => {
  const scene = new Scene();
  scene.state([desk, agent]);
  const login = scene.writes(IDENTIFY, new Uint8Array(400));
  const refusal = scene.entryOf(agent, REFUSAL, map(login.hash, "room.right"));
  assert.deepEqual([scene.arrives(refusal).codes, lines(scene)], [["room.right"], []]);
});

test("what an agent decides like a steward is shown as nothing that holds (ROOM-71)", () => {
  const scene = new Scene();
  scene.state([desk, agent]);
  scene.state([desk], { by: agent, phase: 2, text: "on request" });
  assert.deepEqual(lines(scene), []);
});

test("that another notice applies is not said by who sends one (TRN-56)", () => {
  const scene = new Scene();
  scene.state([desk, agent]);
  const payload = [notice.signed, [["de", new TextEncoder().encode(TEXT)]]];
  for (const device of [agent, desk]) assert.deepEqual(scene.arrives(scene.entryOf(device, NOTICE, payload)).codes, []);
  assert.deepEqual(lines(scene), []);
});

test("who logs what it does in the name of a colleague is told as itself (TRN-54)", () => {
  const scene = new Scene();
  scene.state([desk, agent]);
  scene.nowMs += 1_000;
  const said = scene.says("Guten Tag");
  for (const [what, told] of [
    [1, agent],
    [2, desk],
    [3, agent],
    [4, agent],
  ] as const) {
    scene.nowMs += 1_000;
    const log = scene.entryOf(agent, ACCESS, map(what, desk.id, 1, [said.hash, said.hash], null));
    scene.arrives(log);
    const shown = itemsOf(scene).find(({ id }) => id === hex(log.hash));
    assert.equal(shown?.kind === "happening" && shown.member, hex(told.id));
  }
});

test("what was said with a state before all was erased is shown no more, though the company has not answered", () => {
  const scene = new Scene();
  scene.state([agent], { assigned: agent });
  scene.state([agent], { assigned: agent, phase: 2, text: "because of X" });
  assert.match(shown(scene), /because of X/u);
  scene.writes(ERASE, map(null));
  assert.doesNotMatch(shown(scene), /because of X/u);
});

test("a login is told with the state that grants it, and its end is none", () => {
  const scene = new Scene();
  scene.state([desk, agent]);
  const login = scene.writes(IDENTIFY, new Uint8Array(400));
  assert.deepEqual(lines(scene), []);
  scene.state([desk, agent], { answers: [login.hash] });
  assert.deepEqual(lines(scene), ["identified"]);
  const end = scene.writes(IDENTIFY, null);
  scene.state([desk, agent], { answers: [end.hash] });
  assert.deepEqual(lines(scene), ["identified"]);
});
