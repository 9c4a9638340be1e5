/** What comes after it was to be erased, from whomever, and beside another entry under its number (ROOM-44, ROOM-46). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { hex } from "@sealroom/core/bytes.ts";
import { DAY_MS, MINUTE_MS } from "@sealroom/core/constants.ts";
import type { Entry } from "@sealroom/core/rooms/entry.ts";
import { countingWordings } from "../src/engine/rooms/wordings.ts";
import { roomView } from "../src/views.ts";
import { arrives, kept, written } from "./kin_room.ts";
import { agent, bytesFrom, desk } from "./shop.ts";
import { EDIT, ERASE, map, SAID, Scene, told } from "./shop_room.ts";

const UNKNOWN = 60;

function standing(room: Scene["room"], { hash }: Entry): string {
  const one = room.entries.get(hex(hash));
  if (one === undefined) return "absent";
  return one.entry.body === null ? "destroyed" : one.hidden ? "hidden" : "shown";
}

/** A room in which the first text of an agent has not come, and was asked for. */
function lacking(): { readonly scene: Scene; readonly absent: Entry } {
  const scene = new Scene();
  scene.state([desk, agent]);
  const absent = scene.entryOf(agent, SAID, map("Kanarienvogel"));
  scene.hears(agent, "zwei");
  scene.passes(2 * MINUTE_MS);
  assert.equal(scene.room.asking.ranges.length, 1);
  return { scene, absent };
}

test("a text that a colleague gave first keeps its time when its author brings it (ROOM-46)", () => {
  const { scene, absent } = lacking();
  scene.forwards(desk.id, [absent]);
  const before = scene.kept(absent.hash);
  assert.equal(standing(scene.room, absent), "shown");
  scene.passes(DAY_MS);
  const events = told(scene.arrives(absent).turn).filter((one) => one.type === "entry");
  assert.deepEqual([scene.kept(absent.hash)?.receivedMs, events], [before?.receivedMs, []]);
});

test("a text that a colleague gave first stays destroyed when its author brings it (ROOM-46)", () => {
  const { scene, absent } = lacking();
  scene.forwards(desk.id, [absent]);
  scene.writes(ERASE, map(null));
  scene.passes(DAY_MS + 2_000);
  assert.equal(standing(scene.room, absent), "destroyed");
  scene.arrives(absent);
  scene.forwards(desk.id, [absent]);
  assert.equal(standing(scene.room, absent), "destroyed");
});

test("a text that comes after the room was erased is hidden, and destroyed with the others (ROOM-44)", () => {
  for (const [afterMs, found] of [
    [0, "hidden"],
    [DAY_MS + 2_000, "destroyed"],
  ] as const) {
    const { scene, absent } = lacking();
    scene.writes(ERASE, map(null));
    scene.passes(afterMs);
    const { turn } = scene.forwards(desk.id, [absent]);
    assert.equal(standing(scene.room, absent), found);
    const erased = told(turn).flatMap((one) => (one.type === "erased" ? [[one.entry, one.destroyed]] : []));
    assert.deepEqual(erased, [[hex(absent.hash), found === "destroyed"]]);
    assert.equal(roomView(scene.c, scene.room).unread, 0);
    scene.passes(DAY_MS + 2_000);
    assert.equal(standing(scene.room, absent), "destroyed");
  }
});

test("of what the phase refuses no body stays, and none comes later (TRN-10)", () => {
  const { scene, absent } = lacking();
  scene.writes(ERASE, map(null));
  assert.deepEqual(scene.arrives(absent).codes, ["room.erased"]);
  for (const again of [0, 1]) {
    assert.deepEqual(
      [scene.kept(absent.hash)?.stands, standing(scene.room, absent)],
      ["refused", "destroyed"],
      `${again}`,
    );
    scene.forwards(desk.id, [absent]);
  }
});

test("of two entries under one number each is hidden and destroyed, whichever came first (ROOM-46)", async () => {
  for (const afterMs of [MINUTE_MS, 2 * DAY_MS]) {
    const { scene, device, restarted } = await kept();
    const [first, second] = [1, 1].map((n) => written(scene, device, SAID, map("Kanarienvogel"), n)) as [Entry, Entry];
    assert.deepEqual(arrives(scene, first), []);
    scene.writes(ERASE, map([first.hash, second.hash]));
    scene.passes(afterMs);
    assert.deepEqual(arrives(scene, second), []);
    assert.equal(scene.kept(second.hash)?.stands, "aside");
    assert.equal(standing(scene.room, second), afterMs < DAY_MS ? "hidden" : "destroyed");
    scene.passes(2 * DAY_MS);
    assert.deepEqual(
      [first, second].map((one) => standing(scene.room, one)),
      ["destroyed", "destroyed"],
    );
    assert.equal(standing(await restarted(), second), "destroyed");
  }
});

test("the erasure of a room is of entries beside others and of kinds that are not known, too (ROOM-46)", async () => {
  const { scene, device } = await kept();
  const all = [1, 1].map((n) => written(scene, device, SAID, map("eins"), n));
  all.push(written(scene, device, UNKNOWN, map("zwei"), 2));
  for (const one of all) arrives(scene, one);
  scene.writes(ERASE, map(null));
  assert.deepEqual(
    all.map((one) => standing(scene.room, one)),
    ["hidden", "hidden", "hidden"],
  );
  scene.passes(2 * DAY_MS);
  assert.deepEqual(
    all.map((one) => standing(scene.room, one)),
    ["destroyed", "destroyed", "destroyed"],
  );
});

test("a wording beside another entry goes with its text, and is never the one that counts (ROOM-46)", async () => {
  const { scene, device } = await kept();
  const text = written(scene, device, SAID, map("eins"), 1);
  const other = written(scene, device, SAID, map("zwei"), 2);
  const wording = written(scene, device, EDIT, map(text.hash, "drei"), 2);
  for (const one of [text, other, wording]) assert.deepEqual(arrives(scene, one), []);
  assert.equal(scene.kept(wording.hash)?.stands, "aside");
  assert.ok(!countingWordings(scene.room).has(hex(text.hash)));
  scene.writes(ERASE, map([text.hash]));
  scene.passes(DAY_MS + 2_000);
  assert.deepEqual(
    [text, wording, other].map((one) => standing(scene.room, one)),
    ["destroyed", "destroyed", "shown"],
  );
});

test("a new wording goes with its text also where the text never came, in whatever order (ROOM-44)", async () => {
  for (const order of ["wording first", "erasure first", "wording after a day", "body after a day"] as const) {
    const { scene, device, restarted } = await kept();
    const text = written(scene, device, SAID, map("eins"), 1);
    const wording = written(scene, device, EDIT, map(text.hash, "Kanarienvogel"), 2);
    const other = written(scene, device, EDIT, map(bytesFrom(3)(32), "zwei"), 4);
    if (order === "wording first") arrives(scene, wording);
    arrives(scene, written(scene, device, ERASE, map([text.hash]), 3));
    arrives(scene, other);
    if (order === "erasure first") arrives(scene, wording);
    if (order === "wording first" || order === "erasure first") assert.equal(standing(scene.room, wording), "hidden");
    if (order === "body after a day") scene.forwards(device, [{ ...wording, body: null }]);
    // At one stroke: meanwhile the text is asked for again and again.
    scene.nowMs += 2 * DAY_MS;
    scene.passes(1);
    if (order === "wording after a day") arrives(scene, wording);
    if (order === "body after a day") scene.forwards(device, [wording]);
    for (const room of [scene.room, await restarted()]) {
      assert.deepEqual([standing(room, wording), standing(room, other)], ["destroyed", "shown"], order);
    }
  }
});
