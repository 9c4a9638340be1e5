/** What waits, or is sealed and has not left, when its person takes it back (ROOM-52, ROOM-66). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Bytes } from "@sealroom/core/bytes.ts";
import { compare, hex } from "@sealroom/core/bytes.ts";
import { MINUTE_MS } from "@sealroom/core/constants.ts";
import { content } from "@sealroom/core/content.ts";
import type { Entry } from "@sealroom/core/rooms/entry.ts";
import { contentIdOf, deviceTagOf } from "@sealroom/core/rooms/entry.ts";
import { all } from "../src/engine/outbox.ts";
import type { Outgoing } from "../src/engine/records.ts";
import { answerWant } from "../src/engine/rooms/asking.ts";
import { accept, withdraw } from "../src/engine/rooms/consenting.ts";
import { condition } from "../src/engine/rooms/judging.ts";
import type { Kept } from "../src/engine/rooms/model.ts";
import { wasConfirmed, wasSent } from "../src/engine/rooms/progress.ts";
import { retry, write } from "../src/engine/rooms/writing.ts";
import type { Turn } from "../src/engine/turn.ts";
import { kept } from "./kin_room.ts";
import * as shop from "./shop.ts";
import { agent, desk, NOW_MS, other, second } from "./shop.ts";
import { EDIT, ERASE, learnRoster, map, Scene, told } from "./shop_room.ts";
import { arrives, flightsOf } from "./shop_session.ts";

/** The company's next roster names these devices. */
function names(scene: Scene, seq: number, devices: readonly shop.Device[]): void {
  scene.engine.do(scene.nowMs, (c, turn) => learnRoster(c, turn, shop.rosterOf({ seq, devices })));
  scene.passes(1_000);
}

test("what waits does not leave once it was erased or withdrawn, nor for a new member or by an answer (ROOM-52, ROOM-35, TRN-15)", () => {
  const scene = new Scene();
  scene.state([desk, agent]);
  names(scene, 2, [other]);
  const erased = scene.says("oops");
  scene.writes(ERASE, map([erased.hash]));
  const text = scene.says("please do not tell");
  assert.deepEqual([scene.waitsFor(erased), scene.waitsFor(text)], [[], []]);
  const { turn } = scene.engine.do(scene.nowMs, (c, turn) => withdraw(c, turn, scene.roomId));
  const failed = told(turn).flatMap((one) => (one.type === "delivery" ? [[one.entry, one.state, one.code]] : []));
  assert.deepEqual(failed, [[hex(text.hash), "failed", "room.consent_withdrawn"]]);
  names(scene, 3, [desk, other]);
  scene.nowMs += MINUTE_MS;
  scene.engine.do(scene.nowMs, (c, turn) => accept(c, turn, { notice: shop.notice, locale: "de", purposes: 1 }));
  scene.state([desk, other], {
    answers: [...scene.room.entries.values()]
      .map((one) => one.entry)
      .filter((one) => [8, 9, 10].includes(one.header.kind))
      .map((one) => one.hash)
      .sort(compare),
  });
  assert.equal(scene.in((d) => condition(d.c, d.room, d.judged()).phase).result, 1);
  assert.deepEqual([scene.waitsFor(erased), scene.waitsFor(text)], [[], []]);
  for (const { hash } of [erased, text]) scene.in((d) => retry(d, hash));
  scene.passes(1_000);
  assert.deepEqual(
    [erased, text].map(({ hash }) => scene.kept(hash)?.delivery),
    ["failed", "failed"],
  );
  assert.deepEqual([scene.waitsFor(erased), scene.waitsFor(text)], [[], []]);
  const later = scene.says("wieder da");
  assert.equal(scene.waitsFor(later).length, 2);
  const own = deviceTagOf(scene.roomId, scene.c.own.record.deviceId);
  const given = scene.in((d) => answerWant(d, desk.id, [{ tag: own, first: 0, last: 99 }])).turn.changes();
  const posted = given.flatMap(({ kind, value }) => (kind === "posted" && value !== null ? [hex(value)] : []));
  const isGiven = ({ body }: Entry): boolean => posted.some((one) => one.includes(hex(body as Bytes)));
  assert.deepEqual([erased, text, later].map(isGiven), [false, false, true]);
});

test("a desk from a backup is told of a withdrawal behind the newest that it has (ROOM-86, TRN-15)", () => {
  const scene = new Scene();
  scene.state([desk]);
  const text = scene.says("geheim");
  scene.engine.do(scene.nowMs, (c, turn) => withdraw(c, turn, scene.roomId));
  const ended = [...scene.room.entries.values()].find(({ entry }) => entry.header.kind === 9)?.entry;
  assert.ok(ended !== undefined && ended.header.n > text.header.n);
  const tag = deviceTagOf(scene.roomId, scene.c.own.record.deviceId);
  const range = { tag, first: text.header.n, last: Number.MAX_SAFE_INTEGER };
  const given = scene.in((d) => answerWant(d, desk.id, [range])).turn.changes();
  const posted = given.flatMap(({ kind, value }) => (kind === "posted" && value !== null ? [hex(value)] : [])).join();
  assert.deepEqual(
    [ended, text].map(({ body }) => posted.includes(hex(body as Bytes))),
    [true, false],
  );
});

/** The desks have sessions with the person: what she writes is sealed at once, and waits for a connection. */
function met(scene: Scene): void {
  for (const [i, device] of [desk, second].entries()) {
    const spare = content(7, new Uint8Array(16).fill(i), NOW_MS, { name: "nothing" });
    assert.ok(arrives(scene.engine, flightsOf(scene.engine, device, scene.nowMs)(spare), scene.nowMs).result);
  }
}

function lanes(scene: Scene, { hash }: Entry): readonly Outgoing[] {
  const id = hex(contentIdOf(hash));
  return [desk, second].flatMap((one) => all(scene.c.outbox.lane(one.id)).filter((item) => hex(item.contentId) === id));
}

function takesBack(scene: Scene, how: string, text: Entry): Turn {
  if (how === "one") return scene.in((d) => write(d, ERASE, map([text.hash]))).turn;
  if (how === "all") return scene.in((d) => write(d, ERASE, map(null))).turn;
  return scene.engine.do(scene.nowMs, (c, turn) => withdraw(c, turn, scene.roomId)).turn;
}

test("what was written offline and is taken back before it left does not leave, sealed or not (ROOM-66)", () => {
  for (const isMet of [true, false]) {
    for (const how of ["one", "all", "withdrawal"]) {
      const scene = new Scene();
      if (isMet) met(scene);
      scene.state([desk]);
      const text = scene.says("nie abgeschickt");
      const wording = scene.writes(EDIT, map(text.hash, "auch nicht"));
      assert.equal(lanes(scene, text)[0]?.envelope != null, isMet);
      scene.nowMs += MINUTE_MS;
      const turn = takesBack(scene, how, text);
      const code = how === "withdrawal" ? "room.consent_withdrawn" : "room.erased";
      for (const { hash } of [text, wording]) {
        assert.deepEqual(lanes(scene, { hash } as Entry), []);
        assert.equal(scene.kept(hash)?.delivery, "failed");
        assert.equal(scene.c.outbox.posted.has(hex(contentIdOf(hash))), false);
        const tells = told(turn).filter((one) => one.type === "delivery" && one.entry === hex(hash));
        assert.deepEqual(
          tells.map((one) => "code" in one && one.code),
          [code],
        );
      }
    }
  }
});

test("another device of the person gets what was withdrawn, and not what was erased (ROOM-66)", async () => {
  const { scene, device } = await kept();
  scene.state([desk]);
  const [text, gone] = [scene.says("für mich"), scene.says("für niemanden")];
  takesBack(scene, "one", gone);
  takesBack(scene, "withdrawal", text);
  assert.deepEqual([scene.waitsFor(text), scene.waitsFor(gone)], [[hex(device)], []]);
});

test("what the relay has is as it was when it is taken back, and is not sent again (ROOM-66)", () => {
  for (const how of ["one", "all", "withdrawal"]) {
    const scene = new Scene();
    met(scene);
    scene.state([desk]);
    const text = scene.says("schon weg");
    scene.engine.do(scene.nowMs, (c, turn) => {
      const { ready } = c.outbox.lane(desk.id);
      const item = ready.find((one) => hex(one.contentId) === hex(contentIdOf(text.hash))) as Outgoing;
      ready.splice(ready.indexOf(item), 1);
      c.outbox.add({ ...item, envelope: null });
      wasSent(c, turn, item);
    });
    takesBack(scene, how, text);
    assert.equal(scene.kept(text.hash)?.delivery, "sent");
    assert.deepEqual(lanes(scene, text), []);
    scene.engine.do(scene.nowMs, (c, turn) => wasConfirmed(c, turn, desk.id, contentIdOf(text.hash)));
    assert.equal(scene.kept(text.hash)?.delivery, "delivered");
  }
});

test("a new member gets an erasure in a closed room, too, and though it was confirmed (ROOM-61)", () => {
  const scene = new Scene();
  scene.state([desk]);
  const text = scene.says("oops");
  const erasure = scene.writes(ERASE, map([text.hash]));
  scene.in((d) => d.keep({ ...(d.find(erasure.hash) as Kept), delivery: "delivered", waitingFor: [] }));
  scene.nowMs += MINUTE_MS;
  scene.state([desk, agent], { phase: 2 });
  assert.equal(scene.waitsFor(erasure).includes(hex(agent.id)), true);
  assert.equal(scene.waitsFor(text).includes(hex(agent.id)), false);
});
