/** What entries do about others: new wordings, erasures, marks, replies and answers (chapter 17). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Bytes } from "@sealroom/core/bytes.ts";
import { compare, hex } from "@sealroom/core/bytes.ts";
import { DAY_MS, HOUR_MS } from "@sealroom/core/constants.ts";
import { content, FORWARD, SIGNAL } from "@sealroom/core/content.ts";
import type { Entry } from "@sealroom/core/rooms/entry.ts";
import { contentIdOf, deviceTagOf } from "@sealroom/core/rooms/entry.ts";
import { askAgain } from "../src/engine/rooms/asking.ts";
import type { Kept } from "../src/engine/rooms/model.ts";
import { fromLine } from "../src/engine/rooms/taking.ts";
import { countingWordings, fits } from "../src/engine/rooms/wordings.ts";
import { erasureOf } from "../src/room_state.ts";
import { entriesOf } from "../src/views.ts";
import { agent, desk, NOW_MS } from "./shop.ts";
import { codeOf, EDIT, ERASE, MARKED, map, SAID, Scene } from "./shop_room.ts";

const FORM = 18;
const ANSWER = 19;

/** A room with an agent who can write and a desk that is a supervisor. */
function opened(): Scene {
  const scene = new Scene();
  scene.state([desk, agent]);
  return scene;
}

function refused(scene: Scene, kind: number, payload: ReturnType<typeof map>): string | null {
  return codeOf(() => scene.writes(kind, payload));
}

function standing(scene: Scene, { hash }: { readonly hash: Bytes }): string {
  const kept = scene.kept(hash);
  if (kept === null) return "absent";
  return kept.entry.body === null ? "destroyed" : kept.hidden ? "hidden" : "shown";
}

test("a text is worded anew by the device that wrote it, and nothing else is (TRN-23, TRN-45)", () => {
  const scene = opened();
  const [own, theirs, form] = [scene.says("eins"), scene.hears(agent, "zwei"), scene.entryOf(agent, FORM, formOf())];
  scene.arrives(form);
  scene.writes(EDIT, map(own.hash, "anders"));
  assert.ok(countingWordings(scene.room).has(hex(own.hash)));
  assert.equal(standing(scene, own), "shown", "the earlier wording stays");
  for (const hash of [theirs.hash, form.hash]) assert.equal(refused(scene, EDIT, map(hash, "nie")), "room.right");
  for (const [by, hash, codes] of [
    [agent, theirs.hash, []],
    [desk, theirs.hash, ["room.right"]],
    [desk, own.hash, ["room.right"]],
    [agent, form.hash, ["room.right"]],
  ] as const) {
    assert.deepEqual(scene.arrives(scene.entryOf(by, EDIT, map(hash, "neu"))).codes, codes);
  }
  assert.equal(refused(scene, EDIT, map(new Uint8Array(32), "neu")), "local.argument");
  scene.writes(ERASE, map([own.hash]));
  assert.equal(refused(scene, EDIT, map(own.hash, "neu")), "room.right", "a text that is hidden");
});

test("who may erase what (TRN-24)", () => {
  const scene = opened();
  const [own, theirs, desks] = [scene.says("eins"), scene.hears(agent, "zwei"), scene.hears(desk, "drei")];
  const act = scene.writes(10, map(3));
  const state = scene.room.states[0] as { hash: Bytes };
  for (const hash of [theirs.hash, act.hash, state.hash, scene.room.root]) {
    assert.equal(refused(scene, ERASE, map([hash])), "room.right");
  }
  for (const [by, payload, codes] of [
    [agent, map([theirs.hash]), []],
    [agent, map([desks.hash]), ["room.right"]],
    [desk, map([theirs.hash]), []],
    [desk, map([own.hash]), ["room.right"]],
    [desk, map([state.hash]), ["room.right"]],
    [desk, map(null), ["room.right"]],
  ] as const) {
    assert.deepEqual(scene.arrives(scene.entryOf(by, ERASE, payload)).codes, codes);
  }
  assert.equal(standing(scene, own), "shown");
  scene.writes(ERASE, map(null));
  assert.equal(standing(scene, own), "hidden");
});

test("an erasure hides at once and destroys after a day; the company's binds the company only (ROOM-26)", () => {
  const scene = opened();
  const [own, theirs] = [scene.says("eins"), scene.hears(agent, "zwei")];
  scene.arrives(scene.entryOf(agent, ERASE, map([theirs.hash])));
  scene.writes(ERASE, map([own.hash]));
  assert.deepEqual([standing(scene, own), standing(scene, theirs)], ["hidden", "shown"]);
  scene.passes(DAY_MS - 1_000);
  assert.equal(standing(scene, own), "hidden");
  scene.passes(2_000);
  assert.deepEqual([standing(scene, own), standing(scene, theirs)], ["destroyed", "shown"]);
});

test("an erasure that was ordered by a clock ahead destroys a day after the clock is right (ROOM-26, TRN-13)", () => {
  const scene = opened();
  const own = scene.says("eins");
  scene.nowMs += 300 * DAY_MS;
  scene.writes(ERASE, map([own.hash]));
  scene.nowMs -= 300 * DAY_MS;
  // Each time the page is opened for an hour, as people do.
  for (let day = 0; day < 3; day++) {
    assert.equal(standing(scene, own), "hidden");
    scene.c.timers.clockPutBack(scene.nowMs);
    for (const name of ["room", "rooms"]) scene.c.timers.drop(name);
    scene.in((d) => askAgain(d));
    scene.passes(HOUR_MS);
    scene.nowMs += 11 * HOUR_MS;
  }
  scene.in((d) => askAgain(d));
  scene.passes(2_000);
  assert.equal(standing(scene, own), "destroyed");
});

test("an erasure that a state names destroys at once, and under a hold nothing is destroyed (ROOM-26)", () => {
  for (const isHeld of [false, true]) {
    const scene = opened();
    const own = scene.says("eins");
    if (isHeld) scene.state([desk, agent], { flags: 2, text: "Rechtsstreit" });
    const erasure = scene.writes(ERASE, map([own.hash]));
    const flags = isHeld ? 2 : 0;
    scene.state([desk, agent], { flags, answers: [erasure.hash] });
    scene.passes(isHeld ? 3 * DAY_MS : 2_000);
    assert.equal(standing(scene, own), isHeld ? "hidden" : "destroyed");
    if (!isHeld) continue;
    scene.state([desk, agent], { text: "vorbei" });
    scene.passes(2_000);
    assert.equal(standing(scene, own), "destroyed");
  }
});

test("what is destroyed is in nothing that still waits to be sent (ROOM-44)", () => {
  const scene = opened();
  const [own, stays] = [scene.says("eins"), scene.says("zwei")];
  const wording = scene.writes(EDIT, map(own.hash, "anders"));
  const wanted = [deviceTagOf(scene.roomId, scene.c.own.record.deviceId), 0, 9];
  const want = map(scene.roomId, 2, [wanted]);
  scene.takes(desk.id, content(SIGNAL, new Uint8Array(16), scene.nowMs, { name: "room", value: want }));
  scene.writes(ERASE, map([own.hash]));
  scene.passes(DAY_MS + 2_000);
  const posted = [...scene.c.outbox.posted.values()];
  for (const one of [own, wording]) {
    assert.equal(standing(scene, one), "destroyed");
    assert.deepEqual(scene.waitsFor(one), []);
    assert.ok(!posted.some(({ contentId }) => hex(contentId) === hex(contentIdOf(one.hash))));
  }
  const forwards = posted.filter(({ type }) => type === FORWARD);
  assert.equal(forwards.length, 1);
  const said = JSON.stringify(
    forwards.map(({ payload }) => payload),
    (_, value) => (value instanceof Map ? [...value.values()] : value instanceof Uint8Array ? hex(value) : value),
  );
  const isIn = ({ body }: Entry): boolean => said.includes(hex(body as Bytes));
  assert.deepEqual([own, wording, stays].map(isIn), [false, false, true]);
  assert.notDeepEqual(scene.waitsFor(stays), []);
});

test("a mark is for any content by us, and by an agent for what we wrote (ROOM-17)", () => {
  const scene = opened();
  const [own, theirs, desks] = [scene.says("eins"), scene.hears(agent, "zwei"), scene.hears(desk, "drei")];
  const isMarked = (): readonly unknown[] => [own, theirs, desks].map(({ hash }) => scene.kept(hash)?.marked);
  assert.deepEqual(scene.arrives(scene.entryOf(agent, MARKED, map([desks.hash]))).codes, ["room.right"]);
  assert.deepEqual(scene.arrives(scene.entryOf(agent, MARKED, map([own.hash]))).codes, []);
  assert.deepEqual(isMarked(), [true, false, false]);
  assert.deepEqual(scene.arrives(scene.entryOf(desk, MARKED, map([theirs.hash]))).codes, []);
  scene.writes(MARKED, map([desks.hash]));
  assert.deepEqual(isMarked(), [true, true, true]);
  const state = scene.room.states[0] as { hash: Bytes };
  assert.equal(refused(scene, MARKED, map([state.hash])), "room.right");
  assert.equal(standing(scene, own), "shown", "a mark hides nothing from us");
});

test("however many marks and erasures of the company wait, we erase (ROOM-63)", () => {
  const scene = opened();
  const [own, theirs] = [scene.says("eins"), scene.hears(agent, "zwei")];
  for (let count = 0; count < 65; count += 1) {
    assert.deepEqual(scene.arrives(scene.entryOf(agent, MARKED, map([own.hash]))).codes, []);
    assert.deepEqual(scene.arrives(scene.entryOf(agent, ERASE, map([theirs.hash]))).codes, []);
  }
  for (let count = 0; count < 64; count += 1) scene.writes(ERASE, map([own.hash]));
  assert.equal(standing(scene, own), "hidden");
  assert.equal(refused(scene, ERASE, map([own.hash])), "room.too_many");
  scene.writes(MARKED, map([own.hash]));
});

test("the fate of a text is that of its wordings, of later ones too (TRN-41)", () => {
  const scene = opened();
  const own = scene.says("eins");
  const before = scene.writes(EDIT, map(own.hash, "zwei"));
  const theirs = scene.hears(agent, "drei");
  scene.writes(MARKED, map([theirs.hash]));
  const later = scene.entryOf(agent, EDIT, map(theirs.hash, "vier"));
  scene.arrives(later);
  assert.equal(scene.kept(later.hash)?.marked, true);
  scene.writes(ERASE, map([own.hash]));
  assert.deepEqual([standing(scene, before), standing(scene, own)], ["hidden", "hidden"]);
  scene.passes(DAY_MS + 2_000);
  assert.deepEqual([standing(scene, before), standing(scene, own)], ["destroyed", "destroyed"]);
});

function formOf(): ReturnType<typeof map> {
  const questions = [
    [1, 1, "Wann", true, ["Mo", "Di"]],
    [2, 2, "Warum", false, []],
    [3, 3, "Wie viele", false, []],
    [4, 4, "Tag", false, []],
  ];
  return map("Termin", questions);
}

test("an answer fits its form by ids, what is required, and types (TRN-43)", () => {
  const cases: readonly (readonly [readonly (readonly [number, number | string])[], boolean])[] = [
    [[[1, 0]], true],
    [[[1, 1]], true],
    [[[1, 2]], false],
    [[[1, "Mo"]], false],
    [[[2, "weil"]], false],
    [
      [
        [1, 0],
        [2, "weil"],
        [3, 7],
        [4, 1],
      ],
      true,
    ],
    [
      [
        [1, 0],
        [2, 5],
      ],
      false,
    ],
    [
      [
        [1, 0],
        [3, "viele"],
      ],
      false,
    ],
    ...([0, 1, 3_652_059, 3_652_060] as const).map((day) => {
      return [
        [
          [1, 0],
          [4, day],
        ],
        day >= 1 && day <= 3_652_059,
      ] as const;
    }),
    [
      [
        [1, 0],
        [5, 0],
      ],
      false,
    ],
  ];
  for (const [given, isFit] of cases) assert.equal(fits(formOf(), given), isFit, JSON.stringify(given));
});

test("a reply or an answer is written to what is here, an answer if it fits (TRN-43, TRN-45)", () => {
  const scene = opened();
  const form = scene.entryOf(agent, FORM, formOf());
  const absent = scene.entryOf(agent, SAID, map("nie angekommen"));
  const reply = (hash: Bytes) => {
    return new Map<number, string | Bytes>([
      [1, "ja"],
      [2, hash],
    ]);
  };
  assert.equal(refused(scene, SAID, reply(absent.hash)), "local.argument");
  assert.equal(refused(scene, ANSWER, map(form.hash, [[1, 0]])), "local.argument");
  scene.arrives(form);
  assert.equal(refused(scene, ANSWER, map(form.hash, [[1, 2]])), "local.argument");
  assert.equal(refused(scene, ANSWER, map(scene.says("kein Formular").hash, [[1, 0]])), "local.argument");
  assert.equal(refused(scene, ANSWER, map(form.hash, [[1, 0]])), null);
  assert.equal(refused(scene, SAID, reply(form.hash)), null);
});

test("a mark that comes before what it names holds for it, if that is content (ROOM-17)", () => {
  const scene = opened();
  const [theirs, act] = [scene.entryOf(agent, SAID, map("vom Agenten")), scene.entryOf(agent, 10, map(1))];
  scene.arrives(scene.entryOf(desk, MARKED, map([theirs.hash, act.hash].sort(compare))));
  assert.deepEqual([scene.kept(theirs.hash), scene.kept(act.hash)], [null, null]);
  scene.arrives(theirs);
  scene.arrives(act);
  assert.deepEqual([scene.kept(theirs.hash)?.marked, scene.kept(act.hash)?.marked], [true, false]);
});

test("a body that comes in a session after its commitment completes it, unless it was erased here (TRN-17)", () => {
  const scene = opened();
  const [one, other] = [scene.entryOf(agent, SAID, map("eins")), scene.entryOf(agent, SAID, map("zwei"))];
  const bare = [one, other].map((entry) => ({ ...entry, body: null }));
  for (const entry of bare) scene.in((d) => fromLine(d, entry));
  assert.deepEqual([scene.kept(one.hash)?.entry.body, scene.kept(other.hash)?.entry.body], [null, null]);
  assert.deepEqual(scene.arrives(one).codes, []);
  assert.deepEqual(scene.kept(one.hash)?.entry.body, one.body);
  scene.in((d) => d.keep({ ...(scene.kept(other.hash) as Kept), hidden: true }));
  scene.arrives(other);
  assert.equal(scene.kept(other.hash)?.entry.body, null);
});

test("the commitment alone of what nobody erases is refused, and leaves nothing (TRN-53)", () => {
  const scene = opened();
  const act = scene.entryOf(agent, 12, map(1));
  assert.throws(() => scene.in((d) => fromLine(d, { ...act, body: null })), { code: "remote.content" });
  assert.equal(scene.kept(act.hash), null);
});

test("each order for the whole room has its own answer (ROOM-45)", () => {
  const scene = opened();
  const [shown, answer] = [
    () => erasureOf(entriesOf(scene.c, scene.room)).erasure,
    (hashes: readonly Bytes[] | null) => scene.arrives(scene.entryOf(desk, 6, map(hashes, 1))),
  ];
  const first = scene.writes(ERASE, map(null));
  const order = scene.writes(ERASE, map(null));
  for (const hashes of [null, [first.hash]]) {
    assert.deepEqual(answer(hashes).codes, []);
    assert.equal(shown(), "unsent");
  }
  assert.deepEqual(answer([order.hash]).codes, []);
  assert.equal(shown(), "confirmed");
});

test("an erasure that one device has carried out is held as long as another one keeps what it is of (ROOM-45)", () => {
  const scene = opened();
  const order = scene.writes(ERASE, map(null));
  const shown = () => erasureOf(entriesOf(scene.c, scene.room));
  scene.arrives(scene.entryOf(agent, 6, map([order.hash], 2, NOW_MS)));
  scene.arrives(scene.entryOf(desk, 6, map([order.hash], 1)));
  assert.deepEqual(shown(), { erasure: "held", heldUntilMs: NOW_MS });
  scene.arrives(scene.entryOf(agent, 6, map([order.hash], 1)));
  assert.deepEqual(shown(), { erasure: "confirmed", heldUntilMs: null });
});
