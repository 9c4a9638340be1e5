/** Consent that another device of ours gives us, and what of a store does not fit (TRN-46). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same } from "@sealroom/core/bytes.ts";
import { FORWARD } from "@sealroom/core/content.ts";
import { signMap } from "@sealroom/core/identity/signed.ts";
import type { Entry } from "@sealroom/core/rooms/entry.ts";
import * as entries from "@sealroom/core/rooms/entry.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { encode } from "@sealroom/core/wire/cbor.ts";
import { answerWant } from "../src/engine/rooms/asking.ts";
import { encodeKept, entryKey } from "../src/engine/rooms/model.ts";
import { removeDevice } from "../src/kin/devices.ts";
import { kinState } from "../src/kin/kin.ts";
import type { KinState } from "../src/kin/state.ts";
import { entriesOf } from "../src/views.ts";
import { arrives, kept, rng, written } from "./kin_room.ts";
import * as shop from "./shop.ts";
import { agent, desk } from "./shop.ts";
import type { Scene } from "./shop_room.ts";
import { map, SAID, STATE } from "./shop_room.ts";

const OPEN = 1;
const CONSENT = 8;
const WITHDRAWAL = 9;

const FORGED: readonly (readonly [what: string, kind: number, payload: Bytes])[] = [
  ["a receipt of no form", CONSENT, rng(200)],
  ["a withdrawal of no form", WITHDRAWAL, rng(200)],
  ["a receipt of another signer", CONSENT, signMap(shop.desk.signSeed, "SR1-sig-consent", encode(map(1)))],
  ["a withdrawal of another signer", WITHDRAWAL, signMap(shop.desk.signSeed, "SR1-sig-withdraw", encode(map(1)))],
];

for (const [what, kind, payload] of FORGED) {
  test(`${what} by another device of ours is refused in a line, and the store opens again (TRN-46)`, async () => {
    const { scene, device, restarted } = await kept();
    const { consent } = scene.room;
    const entry = written(scene, device, kind, payload);
    assert.equal(scene.forwards(device, [entry]).codes.length, 1);
    assert.equal(scene.kept(entry.hash)?.stands, "refused");
    assert.deepEqual((await restarted()).consent, consent);
  });

  test(`${what} by another device of ours is refused under a number that is taken (TRN-46)`, async () => {
    const { scene, device, restarted } = await kept();
    const { consent } = scene.room;
    assert.deepEqual(arrives(scene, written(scene, device, SAID, map("eins"))), []);
    const second = written(scene, device, kind, payload);
    assert.equal(arrives(scene, second).length, 1);
    assert.equal(scene.kept(second.hash)?.stands, "refused");
    assert.deepEqual((await restarted()).consent, consent);
  });

  test(`${what} that a store has as taken is left out at a start, and nothing else (TRN-46)`, async () => {
    const { scene, device, restarted } = await kept();
    const { consent } = scene.room;
    const good = written(scene, device, SAID, map("eins"));
    arrives(scene, good);
    const entry = written(scene, device, kind, payload, 2);
    stored(scene, entry);
    const room = await restarted();
    assert.deepEqual(room.consent, consent);
    const stands = [good, entry].map(({ hash }) => room.entries.get(hex(hash))?.stands);
    assert.deepEqual(stands, ["taken", "refused"]);
    assert.ok(entriesOf(scene.c, room).some(({ text }) => text === "eins"));
  });
}

test("a device of ours is given what it asks for, until it is being struck off (ACC-52, TRN-15)", async () => {
  const { scene, device } = await kept();
  scene.says("eins");
  const { c, roomId } = scene;
  const tag = entries.deviceTagOf(roomId, c.own.record.deviceId);
  const forwards = (): number => {
    scene.in((d) => answerWant(d, device, [{ tag, first: 0, last: 9 }]));
    const waiting = c.outbox.lane(device).waiting.map(({ contentId }) => c.outbox.posted.get(hex(contentId))?.type);
    return waiting.filter((type) => type === FORWARD).length;
  };
  assert.equal(forwards(), 1);
  scene.engine.do(scene.nowMs, (context, turn) => removeDevice(kinState(context) as KinState, turn, hex(device)));
  assert.equal(forwards(), 1);
});

test("without the account key what is from before another device was listed is not given to it (TRN-48)", async () => {
  const { scene, device } = await kept();
  const { c, roomId } = scene;
  const { accountSeed } = c.own;
  scene.state([desk]);
  const before = scene.hears(desk, "vorher");
  scene.state([desk], { listSeq: c.own.list.seq });
  const after = scene.hears(desk, "nachher");
  const given = (): readonly boolean[] => {
    const { turn } = scene.in((d) =>
      answerWant(d, device, [{ tag: entries.deviceTagOf(roomId, desk.id), first: 0, last: 9 }]),
    );
    const posted = turn.changes().filter(({ kind, value }) => kind === "posted" && value !== null);
    return [before, after].map(({ body }) =>
      posted.some(({ value }) => hex(value as Bytes).includes(hex(body as Bytes))),
    );
  };
  assert.deepEqual(given(), [true, true]);
  c.own = { ...c.own, accountSeed: null };
  assert.deepEqual(given(), [false, true]);
  const [text] = [...scene.room.entries.values()].filter(({ entry }) => same(entry.hash, before.hash));
  assert.ok(text !== undefined);
  scene.in((d) => d.keep({ ...text, waitingFor: [device] }));
  assert.deepEqual(given(), [true, true]);
  scene.in((d) => d.keep({ ...text, waitingFor: [] }));
  c.own = { ...c.own, accountSeed };
  scene.engine.do(scene.nowMs, (_, turn) => removeDevice(kinState(c) as KinState, turn, hex(device)));
  assert.deepEqual(given(), [false, false]);
});

/** A store has an entry as one that was taken, whatever it says. */
function stored(scene: Scene, entry: Entry): void {
  const [some] = [...scene.room.entries.values()];
  assert.ok(some !== undefined);
  const one = { ...some, entry, place: scene.room.entries.size, delivery: null };
  scene.engine.do(scene.nowMs, (_, turn) =>
    turn.put("entry", entryKey(scene.roomId, entry.hash), () => encodeKept(one)),
  );
}

test("a body of no form, or of another than its kind has, keeps no store from opening (TRN-46)", async () => {
  const { scene, restarted } = await kept();
  const payloads: readonly Value[] = [map(1), rng(40), "x", null];
  const found = payloads.map((payload) => scene.entryOf(agent, STATE, payload));
  const noBody = scene.entryOf(agent, SAID, map("x"));
  const body = rng(50);
  const commitment = entries.commitmentOf(body);
  const hash = entries.entryHashOf(shop.accountId, agent.id, commitment, noBody.headerBytes);
  for (const one of [...found, { ...noBody, body, commitment, hash }]) stored(scene, one);
  const room = await restarted();
  assert.deepEqual(room.states, []);
  assert.equal(room.entries.get(hex(hash))?.stands, "refused");
  assert.equal(entriesOf(scene.c, room).length, scene.room.entries.size);
});

test("an open of another device of ours with a receipt that does not verify begins no room (TRN-46)", async () => {
  const { scene, device, restarted } = await kept();
  const nonce = rng(16);
  const id = entries.roomIdOf(shop.accountId, scene.c.own.record.accountId, nonce);
  const open = written(scene, device, OPEN, map(nonce, rng(200)), 0, id);
  assert.deepEqual(arrives(scene, open), ["remote.content"]);
  assert.deepEqual([...scene.c.rooms.keys()], [hex(scene.roomId)]);
  await restarted();
});

test("a body that comes later and does not fit completes nothing (TRN-46)", async () => {
  const { scene, restarted } = await kept();
  scene.state([desk, agent]);
  const wrong = scene.entryOf(agent, SAID, "x");
  const behind = scene.entryOf(agent, SAID, map("zwei"));
  scene.arrives(behind);
  scene.passes(60_000);
  assert.deepEqual(scene.forwards(desk.id, [{ ...wrong, body: null }]).codes, []);
  assert.equal(scene.kept(wrong.hash)?.entry.body, null);
  assert.deepEqual(scene.forwards(desk.id, [wrong]).codes, ["remote.content"]);
  assert.equal(scene.kept(wrong.hash)?.entry.body, null);
  assert.ok(entriesOf(scene.c, await restarted()).some(({ text }) => text === "zwei"));
});
