/** What a conversation says of a room that goes from one agent to another. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Bytes, hex } from "@sealroom/core/bytes.ts";
import type { Happening } from "@sealroom/ui/backend.ts";
import { agent, other } from "./shop.ts";
import { itemsOf } from "./shop_items.ts";
import { map, Scene } from "./shop_room.ts";

const ACCESS = 16;
const HAND_OVER = 2;
const ACT = 10;
const FREEZE = 3;

function lines(scene: Scene): readonly Happening[] {
  const items = itemsOf(scene);
  return items.flatMap((one) => (one.kind === "happening" ? [one] : []));
}

test("who gives a room away is seen to hand it over and to leave, and logs nothing after that (ROOM-16)", () => {
  const scene = new Scene();
  scene.state([agent], { assigned: agent });
  const said = scene.hears(agent, "Guten Tag");
  scene.nowMs += 1_000;
  scene.state([agent, other], { assigned: other, reason: 64 });
  const log = map(HAND_OVER, other.id, 1, [said.hash, said.hash], null);
  scene.nowMs += 1_000;
  assert.deepEqual(scene.arrives(scene.entryOf(agent, ACCESS, log)).codes, []);
  scene.nowMs += 1_000;
  scene.state([other], { assigned: other });
  assert.deepEqual(
    lines(scene).map(({ what, member, count }) => [what, member, count]),
    [
      ["assigned", hex(agent.id), null],
      ["transferred", hex(other.id), 1],
      ["left", hex(agent.id), null],
    ],
  );
  assert.deepEqual(scene.arrives(scene.entryOf(agent, ACCESS, log)).codes, ["room.not_member"]);
});

test("who comes, and two who hand history to that colleague, are one line", () => {
  const scene = new Scene();
  scene.state([agent], { assigned: agent });
  const said = scene.hears(agent, "Guten Tag");
  const log = map(HAND_OVER, other.id, 1, [said.hash, said.hash], null);
  scene.nowMs += 1_000;
  scene.state([agent, other], { assigned: other, reason: 64 });
  for (const _ of [1, 2]) {
    scene.nowMs += 1_000;
    assert.deepEqual(scene.arrives(scene.entryOf(agent, ACCESS, log)).codes, []);
  }
  assert.deepEqual(
    lines(scene).map(({ what }) => what),
    ["assigned", "transferred"],
  );
});

test("a decision about an objection is told with its text, as a closing is (ROOM-14)", () => {
  const scene = new Scene();
  scene.state([agent], { assigned: agent });
  const later = (phase: number, text: string | null, answers: readonly Bytes[] = []) => {
    scene.nowMs += 1_000;
    scene.state([agent], { assigned: agent, phase, text, answers });
  };
  later(2, "Erledigt");
  later(1, null);
  scene.nowMs += 1_000;
  const { hash } = scene.writes(ACT, map(FREEZE));
  later(3, null, [hash]);
  later(1, "Wir speichern weniger", [hash]);
  const told = () => lines(scene).map(({ what, detail }) => [what, detail]);
  assert.deepEqual(told(), [
    ["assigned", null],
    ["closed", "Erledigt"],
    ["reopened", null],
    ["reopened", "Wir speichern weniger"],
  ]);
  later(5, null);
  assert.ok(told().every(([, detail]) => detail === null));
});
