/** A text for several devices of the company, new ones among them, and what a flight to one begins with. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same } from "@sealroom/core/bytes.ts";
import { DAY_MS, MINUTE_MS } from "@sealroom/core/constants.ts";
import { content } from "@sealroom/core/content.ts";
import { signAddress } from "@sealroom/core/identity/address.ts";
import type { Entry } from "@sealroom/core/rooms/entry.ts";
import { contentIdOf } from "@sealroom/core/rooms/entry.ts";
import type { Context } from "../src/engine/context.ts";
import { lookUp } from "../src/engine/directory.ts";
import { linkOf } from "../src/engine/links.ts";
import { pin } from "../src/engine/lists.ts";
import { all } from "../src/engine/outbox.ts";
import type { Outgoing, Peer } from "../src/engine/records.ts";
import { sendAsk, start } from "../src/engine/renewal.ts";
import { lookAt } from "../src/engine/renewal_time.ts";
import { wasLost, wasSent } from "../src/engine/rooms/progress.ts";
import { write } from "../src/engine/rooms/writing.ts";
import { takeReceipt } from "../src/engine/sending_again.ts";
import { newPeer, peerOf, setPair, setPeer } from "../src/engine/state.ts";
import * as relay from "./relay_frames.ts";
import type { Device } from "./shop.ts";
import * as shop from "./shop.ts";
import { agent, desk, NOW_MS, other, second } from "./shop.ts";
import { engineOf, learnRoster, map, SAID, Scene, told } from "./shop_room.ts";
import { arrives, bundleOf, flightsOf } from "./shop_session.ts";

const [LOOKUP, FETCH] = [9, 12];
const SPARE = 7;

function spare(first = 0) {
  return content(SPARE, new Uint8Array(16).fill(first), NOW_MS, { name: "nothing" } as never);
}

/** These devices have started sessions with the engine. */
function meets(scene: Scene, ...devices: readonly Device[]): void {
  for (const device of devices) {
    assert.ok(arrives(scene.engine, flightsOf(scene.engine, device, scene.nowMs)(spare()), scene.nowMs).result);
  }
}

/** What goes to a device for an entry. */
function itemsOf({ c }: Scene, device: Device, entry: Entry): readonly Outgoing[] {
  return all(c.outbox.lane(device.id)).filter((one) => same(one.contentId, contentIdOf(entry.hash)));
}

// --- several devices (SES-39) ---

test("a text is sealed for each device in force, with one content id and a number of each pair (SES-39)", () => {
  const scene = new Scene();
  meets(scene, desk, agent);
  scene.state([desk]);
  scene.says("an eine");
  scene.state([desk, agent]);
  const text = scene.says("an beide");
  const [one, two] = [desk, agent].map((device) => itemsOf(scene, device, text));
  assert.deepEqual([one?.length, two?.length], [1, 1]);
  const [first, next] = [one?.[0] as Outgoing, two?.[0] as Outgoing];
  assert.ok(first.envelope !== null && next.envelope !== null);
  assert.notDeepEqual(first.envelope, next.envelope);
  const given = [desk, agent].map((device) => peerOf(scene.c, device.id)?.pair.given);
  assert.deepEqual([first.number?.n, next.number?.n], given);
  assert.notEqual(first.number?.n, next.number?.n);
  assert.deepEqual([itemsOf(scene, second, text), itemsOf(scene, other, text)], [[], []]);
});

test("the state of a text is the best of its devices, in whatever order they answer (SES-39)", () => {
  const scene = new Scene();
  meets(scene, desk, agent);
  scene.state([desk, agent]);
  const text = scene.says("an beide");
  const item = itemsOf(scene, desk, text)[0] as Outgoing;
  const states = (work: (c: Context, turn: Parameters<typeof wasSent>[1]) => void) => {
    scene.engine.do(NOW_MS, work);
    return scene.kept(text.hash)?.delivery;
  };
  const read = (c: Context, turn: Parameters<typeof wasSent>[1]) =>
    takeReceipt(c, turn, peerOf(c, agent.id) as Peer, [item.contentId]);
  assert.equal(
    states(() => {}),
    "waiting",
  );
  assert.equal(
    states((c, turn) => wasSent(c, turn, item)),
    "sent",
  );
  assert.equal(states(read), "delivered");
  assert.equal(
    states((c, turn) => wasSent(c, turn, item)),
    "delivered",
  );
  assert.equal(
    states((c, turn) => wasLost(c, turn, item, "remote.identity")),
    "delivered",
  );
});

test("a pair that has not met is written to at once: a session with it is wanted (SES-39)", () => {
  const scene = new Scene();
  meets(scene, agent);
  scene.state([agent, other]);
  const wanted = (device: Device): boolean => peerOf(scene.c, device.id)?.pair.wanted !== null;
  assert.deepEqual([agent, other].map(wanted), [false, false]);
  const text = scene.says("an beide");
  assert.deepEqual([itemsOf(scene, other, text)[0]?.envelope, peerOf(scene.c, other.id)?.pair.met], [null, false]);
  assert.deepEqual([agent, other].map(wanted), [false, true]);
});

test("doubt that names no device asks the four that were heard last (SES-39)", () => {
  const scene = new Scene();
  const fifth = shop.newDevice(0);
  const list = shop.listOf([desk, second, agent, other, fifth], 2, shop.list);
  scene.engine.do(NOW_MS, (c, turn) => {
    pin(c, turn, list);
    setPeer(c, turn, newPeer(fifth.record));
  });
  const all = [agent, desk, fifth, other, second];
  for (const device of all) {
    scene.nowMs += 2 * MINUTE_MS;
    const seal = flightsOf(scene.engine, device, scene.nowMs, false, list);
    assert.ok(arrives(scene.engine, seal(spare()), scene.nowMs).result);
    scene.engine.do(scene.nowMs, (c, turn) => {
      const { pair } = peerOf(c, device.id) as Peer;
      const sessions = pair.sessions.map((one) => ({ ...one, proven: true }));
      setPair(c, turn, device.id, { ...pair, sessions, wanted: null });
    });
  }
  const { turn, result } = arrives(scene.engine, new Uint8Array(400).fill(9), scene.nowMs + MINUTE_MS);
  const doubted = told(turn).flatMap((one) => (one.type === "session" && one.what === "doubt" ? [one.device] : []));
  assert.deepEqual([result, doubted], [false, all.slice(1).map(({ id }) => hex(id))]);
});

test("an account is unreachable when three days of candidates were for each device that was met (SES-43)", () => {
  const scene = new Scene();
  meets(scene, desk, agent);
  const seek = (device: Device, days: number, met = true, emptied = true) => {
    scene.engine.do(NOW_MS, (c, turn) => {
      const { pair } = peerOf(c, device.id) as Peer;
      const wanted = { sinceMs: NOW_MS - days * DAY_MS, top: null, again: false };
      setPair(c, turn, device.id, { ...pair, met, candidate: null, wanted });
      start(c, turn, device.id, bundle(device));
    });
    const { turn } = scene.engine.do(NOW_MS + 10 * MINUTE_MS, (c, turn) => {
      c.links.all.set("mailbox", { ...linkOf(c, turn, "mailbox"), state: "ready", emptied });
      lookAt(c, turn, device.id);
    });
    return told(turn).some((one) => one.type === "session" && one.what === "unreachable");
  };
  seek(desk, 0);
  assert.ok(!seek(agent, 4), "the desk may answer");
  assert.ok(!seek(desk, 2));
  assert.ok(!seek(desk, 3, true, false), "an answer may wait at the relay");
  assert.ok(seek(desk, 3));
  assert.ok(!seek(desk, 0, false));
  assert.ok(seek(agent, 4), "the desk was not met");
});

// --- the open ahead of an ask (TRN-30) ---

/** Prekeys of a device of the company; nobody opens what is sealed for them. */
function bundle(device: Device) {
  return { ...bundleOf(engineOf(), NOW_MS), record: device.record, list: shop.list };
}

/** What was sealed for a device, in its order: the content, whether it asks, its number. */
function sealed(scene: Scene, device: Device) {
  return scene.c.outbox
    .lane(device.id)
    .ready.map((one) => [hex(one.contentId), one.askId !== null, one.number?.n ?? null] as const);
}

function openOf(scene: Scene): string {
  return hex(contentIdOf(scene.room.root));
}

test("until a device has confirmed the open each flight to it begins with that, under one number (TRN-30)", () => {
  const scene = new Scene();
  const text = scene.says("eins");
  scene.engine.do(NOW_MS, (c, turn) => start(c, turn, desk.id, bundle(desk)));
  const open = openOf(scene);
  const [first, ask, then] = sealed(scene, desk);
  assert.deepEqual(first, [open, false, 1]);
  assert.deepEqual([ask?.[1], ask?.[2]], [true, null]);
  assert.deepEqual(then, [hex(contentIdOf(text.hash)), false, 2]);
  const again = () => {
    const before = sealed(scene, desk).length;
    const session = [...scene.c.sessions.values()].at(-1);
    scene.engine.do(NOW_MS, (c, turn) => sendAsk(c, turn, desk.id, session as never, null));
    return sealed(scene, desk).slice(before);
  };
  for (let times = 0; times < 5; times++) {
    const [repeated, asking, ...rest] = again();
    assert.deepEqual([repeated, asking?.[1], rest], [[open, false, 1], true, []]);
  }
  const counted = all(scene.c.outbox.lane(desk.id)).filter((one) => one.shown && hex(one.contentId) === open);
  assert.deepEqual(
    counted.map((one) => one.sendings),
    [1],
    "repeating it is no sending",
  );
  scene.engine.do(NOW_MS, (c, turn) =>
    takeReceipt(c, turn, peerOf(c, desk.id) as Peer, [contentIdOf(scene.room.root)]),
  );
  assert.deepEqual(
    again().map(([, isAsk]) => isAsk),
    [true],
  );
});

test("a device that was not promised the open gets none ahead of an ask (TRN-30)", () => {
  const scene = new Scene();
  scene.engine.do(NOW_MS, (c, turn) => start(c, turn, agent.id, bundle(agent)));
  assert.deepEqual(
    sealed(scene, agent).map(([, isAsk]) => isAsk),
    [true],
  );
});

// --- devices that are new (TRN-31) ---

function addressOf(device: Device): Bytes {
  const fields = { mailbox: device.id, token: new Uint8Array(32).fill(3), issuedMs: NOW_MS };
  return signAddress(device.signSeed, device.record, fields);
}

test("with a new device of the company no session is started before something is posted to it (TRN-31)", () => {
  const scene = new Scene();
  const { engine } = scene;
  const late = shop.newDevice(0);
  const devices = [desk, second, agent, other, late];
  const list = shop.listOf(devices, 2, shop.list);
  engine.start(NOW_MS);
  const connected = relay.connects(engine, "send", NOW_MS);
  const [asked] = [connected, engine.do(NOW_MS, lookUp).turn]
    .flatMap(relay.askedIn)
    .filter((one) => one.operation === LOOKUP);
  assert.ok(asked !== undefined);
  const [records, addresses] = [devices.map(({ record }) => record.bytes), devices.map(addressOf)];
  const fetched = (turn: ReturnType<typeof relay.answers>): readonly string[] =>
    relay.askedIn(turn).flatMap((one) => (one.operation === FETCH ? [hex(one.fields[1] as Bytes)] : []));
  const found = relay.answers(engine, asked, NOW_MS, relay.LOOKUP_RESULT, [list.signed], records, addresses, false, []);
  const lateHash = hex(late.record.hash);
  assert.ok(peerOf(scene.c, late.id)?.wayBack !== null);
  assert.deepEqual([fetched(found).includes(lateHash), peerOf(scene.c, late.id)?.pair.wanted], [false, null]);
  const roster = shop.rosterOf({ seq: 2, devices, listed: list });
  engine.do(NOW_MS, (c, turn) => learnRoster(c, turn, roster));
  scene.state([late], { roster });
  assert.equal(peerOf(scene.c, late.id)?.pair.wanted, null);
  const { turn } = scene.in((d) => write(d, SAID, map("an die neue")));
  assert.ok(fetched(turn).includes(lateHash));
});
