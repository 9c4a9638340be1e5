/** What an engine asks of a relay, and what it makes of its answers (chapter 11). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex } from "@sealroom/core/bytes.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "@sealroom/core/constants.ts";
import { ed25519PublicOf } from "@sealroom/core/primitives/sign.ts";
import { tokenHash } from "@sealroom/core/relay/proofs.ts";
import * as received from "../src/engine/received.ts";
import type { Peer } from "../src/engine/records.ts";
import { tick } from "../src/engine/renewal.ts";
import { SeenIds } from "../src/engine/seen_ids.ts";
import { pump } from "../src/engine/sending.ts";
import { setPeer } from "../src/engine/state.ts";
import { Turn } from "../src/engine/turn.ts";
import { mayConnect } from "../src/link/address.ts";
import type { Asked } from "./relay_frames.ts";
import * as relay from "./relay_frames.ts";
import { agent, NOW_MS, RELAY } from "./shop.ts";
import { engineOf, told } from "./shop_room.ts";

const [CREATE, AUTH, TOKEN_ADD, SEND, SUBSCRIBE, ACK] = [1, 2, 3, 5, 6, 7];
const MESSAGE = 129;

function operations(turn: Turn): readonly number[] {
  return relay.askedIn(turn).map((one) => one.operation);
}

function only(turn: Turn, operation: number | undefined): Asked {
  const [found, ...others] = relay.askedIn(turn).filter((one) => one.operation === operation);
  assert.ok(found !== undefined && others.length === 0);
  return found;
}

/** An engine with a connection that has proved its mailbox. */
function proved() {
  const engine = engineOf();
  engine.start(NOW_MS);
  const created = relay.answers(engine, only(relay.connects(engine, "mailbox", NOW_MS), CREATE), NOW_MS, relay.DONE);
  const turn = relay.answers(engine, only(created, AUTH), NOW_MS, relay.AUTH_RESULT, []);
  return { engine, turn };
}

function codesOf(turn: Turn): readonly string[] {
  return told(turn).flatMap((one) => ("code" in one ? [one.code] : []));
}

test("a mailbox is made with its owner key, again with the same one, until the relay has it (RLY-20)", () => {
  const engine = engineOf();
  engine.start(NOW_MS);
  const first = only(relay.connects(engine, "mailbox", NOW_MS), CREATE);
  const { id, ownerSeed } = engine.context.mailbox;
  assert.deepEqual(first.fields.slice(0, 2), [id, ed25519PublicOf(ownerSeed)]);
  engine.closed("mailbox", "relay.unavailable", NOW_MS);
  engine.tick(NOW_MS + MINUTE_MS);
  const again = only(relay.connects(engine, "mailbox", NOW_MS + MINUTE_MS), CREATE);
  assert.deepEqual(again.fields, first.fields);
  const created = relay.answers(engine, again, NOW_MS + MINUTE_MS, relay.DONE);
  const lost = relay.answers(engine, only(created, AUTH), NOW_MS + MINUTE_MS, relay.AUTH_RESULT, [id]);
  assert.deepEqual(operations(lost), [], "once on a connection");
  const later = NOW_MS + 2 * HOUR_MS;
  engine.tick(later);
  const auth = only(relay.connects(engine, "mailbox", later), AUTH);
  const anew = relay.answers(engine, auth, later, relay.AUTH_RESULT, [id]);
  assert.deepEqual(only(anew, CREATE).fields, first.fields);
});

test("answers are matched by their request, in whatever order they come (RLY-09)", () => {
  const { engine, turn } = proved();
  const [token, subscription] = [only(turn, TOKEN_ADD), only(turn, SUBSCRIBE)];
  const hash = tokenHash(engine.context.mailbox.token);
  assert.deepEqual(token.fields.slice(0, 2), [engine.context.mailbox.id, [hash]]);
  relay.answers(engine, subscription, NOW_MS, relay.DONE);
  assert.equal(engine.context.mailbox.tokenKnown, false);
  relay.answers(engine, { ...token, id: 4_000 }, NOW_MS, relay.DONE);
  assert.equal(engine.context.mailbox.tokenKnown, false);
  relay.answers(engine, token, NOW_MS, relay.DONE);
  assert.equal(engine.context.mailbox.tokenKnown, true);
});

test("a relay of another version is left for a while (RLY-11)", () => {
  for (const version of [2, 65_535]) {
    const engine = engineOf();
    engine.start(NOW_MS);
    const turn = relay.connects(engine, "mailbox", NOW_MS, relay.hello({ version }));
    assert.deepEqual(codesOf(turn), ["relay.not_a_relay"]);
    assert.deepEqual(operations(turn), []);
    assert.ok(turn.effects().some((one) => one.name === "close"));
    assert.equal(engine.context.links.all.get("mailbox")?.state, "closed");
  }
});

test("no more goes into a SEND than the relay takes, and what was lost goes under its id again (RLY-11)", () => {
  const engine = engineOf();
  engine.start(NOW_MS);
  const way = { mailbox: new Uint8Array(16), token: new Uint8Array(32), relayUrl: RELAY };
  const { turn } = engine.do(NOW_MS, (c, step) => {
    const peer = setPeer(c, step, { ...(c.peers.get(hex(agent.id)) as never as object), wayBack: way } as never);
    for (let i = 0; i < 5; i++) {
      const item = c.outbox.newItem(agent.id, new Uint8Array(16).fill(i), false, NOW_MS);
      const [envelope, msgId] = [new Uint8Array(400).fill(i), new Uint8Array(16).fill(40 + i)];
      c.outbox.add({ ...item, envelope, msgId, sendings: 1 });
    }
    assert.ok(peer.wayBack !== null);
    pump(c, step);
  });
  assert.deepEqual(operations(turn), []);
  const ids = (asked: readonly Asked[]): readonly (readonly string[])[] => {
    const sends = asked.filter((one) => one.operation === SEND);
    return sends.map((one) => (one.fields[0] as readonly Bytes[][]).map((item) => hex(item[2] as Bytes).slice(0, 2)));
  };
  const batches = [["28", "29"], ["2a", "2b"], ["2c"]];
  const first = relay.connects(engine, "send", NOW_MS, relay.hello({ maxSendItems: 2 }));
  assert.deepEqual(ids(relay.askedIn(first)), batches);
  engine.closed("send", "relay.unavailable", NOW_MS);
  engine.tick(NOW_MS + MINUTE_MS);
  const again = relay.connects(engine, "send", NOW_MS + MINUTE_MS, relay.hello({ maxSendItems: 2 }));
  assert.deepEqual(ids(relay.askedIn(again)), batches);
});

test("what waits gets through a line of 64 kbit/s, though each answer has half a minute", () => {
  const engine = engineOf();
  const [lineBytesPerS, envelopeB] = [8_000, 48_000];
  const way = { mailbox: new Uint8Array(16), token: new Uint8Array(32), relayUrl: RELAY };
  engine.do(NOW_MS, (c, step) => {
    setPeer(c, step, { ...(c.peers.get(hex(agent.id)) as Peer), wayBack: way });
    for (let i = 0; i < 24; i++) {
      const item = c.outbox.newItem(agent.id, new Uint8Array(16).fill(i), false, NOW_MS);
      c.outbox.add({ ...item, envelope: new Uint8Array(envelopeB), msgId: new Uint8Array(16).fill(i), sendings: 1 });
    }
  });
  engine.start(NOW_MS);
  const lane = engine.context.outbox.lane(agent.id);
  const left = (): number => lane.ready.length + lane.flying.size;
  let nowMs = NOW_MS;
  let line: Asked[] = [...relay.askedIn(relay.connects(engine, "send", nowMs))];
  for (let waitedMs = 0; left() > 0 && nowMs < NOW_MS + HOUR_MS; ) {
    nowMs += 1_000;
    waitedMs += 1_000;
    const ticked = engine.tick(nowMs);
    if (ticked.effects().some((one) => one.name === "close" && one.channel === "send")) [line, waitedMs] = [[], 0];
    if (ticked.effects().some((one) => one.name === "open" && one.channel === "send")) {
      [line, waitedMs] = [[...relay.askedIn(relay.connects(engine, "send", nowMs))], 0];
    }
    const [first, ...others] = line;
    const items = (first?.operation === SEND ? first.fields[0] : []) as readonly unknown[];
    if (first === undefined || waitedMs < (items.length * envelopeB * 1_000) / lineBytesPerS) continue;
    const results = items.map(() => [0, 0]);
    const answer = first.operation === SEND ? [relay.SEND_RESULTS, results] : [relay.ERROR, relay.UNAVAILABLE, 0];
    [line, waitedMs] = [[...others, ...relay.askedIn(relay.answers(engine, first, nowMs, ...answer))], 0];
  }
  assert.equal(left(), 0);
});

test("the connection that sends and looks up proves no mailbox, and names none of ours (LKG-08)", () => {
  const engine = engineOf();
  engine.start(NOW_MS);
  const turns = [relay.connects(engine, "send", NOW_MS), engine.tick(NOW_MS + 2 * HOUR_MS)];
  for (const operation of turns.flatMap(operations)) {
    assert.ok(![CREATE, AUTH, TOKEN_ADD, SUBSCRIBE, ACK].includes(operation));
  }
  const own = [engine.context.mailbox.id, engine.context.mailbox.token].map(hex);
  for (const turn of turns) {
    for (const one of turn.effects()) {
      if (one.name === "send") assert.ok(!own.some((secret) => hex(one.message).includes(secret)));
    }
  }
});

test("a newer subscription ends ours, which comes back; again and again it is a second copy (RLY-39)", () => {
  const { engine } = proved();
  const displaced = relay.push(131, engine.context.mailbox.id);
  let nowMs = NOW_MS;
  for (const isTold of [false, true]) {
    const turn = engine.received("mailbox", displaced, nowMs);
    assert.ok(codesOf(turn).includes("relay.displaced"));
    assert.equal(
      told(turn).some((one) => one.type === "second-copy"),
      isTold,
    );
    nowMs += 10 * MINUTE_MS;
    engine.tick(nowMs);
    const auth = only(relay.connects(engine, "mailbox", nowMs), AUTH);
    only(relay.answers(engine, auth, nowMs, relay.AUTH_RESULT, []), SUBSCRIBE);
  }
});

test("what a relay says of another mailbox, or on another connection, is not heeded (RLY-266)", () => {
  const { engine } = proved();
  const { mailbox, links } = engine.context;
  relay.connects(engine, "send", NOW_MS);
  const link = links.all.get("mailbox");
  assert.ok(link !== undefined);
  link.emptied = false;
  for (const [channel, named] of [
    ["send", mailbox.id],
    ["mailbox", new Uint8Array(16)],
  ] as const) {
    for (const operation of [130, 131, 131]) {
      const turn = engine.received(channel, relay.push(operation, named), NOW_MS);
      assert.deepEqual(told(turn), []);
      assert.deepEqual(codesOf(turn), []);
    }
  }
  assert.deepEqual([link.emptied, link.state], [false, "ready"]);
});

/** A message of the relay that no session opens. */
function garbage(engine: ReturnType<typeof engineOf>, seq: number, name: number): Turn {
  const msgId = new Uint8Array(16).fill(name);
  const message = relay.push(MESSAGE, engine.context.mailbox.id, seq, msgId, new Uint8Array(400), NOW_MS);
  return engine.received("mailbox", message, NOW_MS);
}

test("what does not authenticate is acknowledged at its second coming, or beyond 64 of them (SES-41)", () => {
  const { engine } = proved();
  assert.deepEqual(operations(garbage(engine, 5, 1)), []);
  assert.deepEqual(only(garbage(engine, 5, 1), ACK).fields, [engine.context.mailbox.id, [5]]);
  for (let name = 2; name < 66; name++) assert.deepEqual(operations(garbage(engine, 10 + name, name)), []);
  assert.deepEqual(operations(garbage(engine, 100, 70)), [ACK]);
  assert.deepEqual(operations(garbage(engine, 12, 2)), [ACK]);
  assert.deepEqual(operations(garbage(engine, 101, 71)), [], "there is room for one again");
});

test("what comes before the code for it waits, 64 messages at most, and comes again where that does not come (STO-43)", () => {
  const { engine } = proved();
  engine.context.received = null;
  const first = garbage(engine, 5, 1);
  assert.deepEqual(
    first.effects().map((one) => one.name),
    ["fetch"],
  );
  for (let name = 2; name < 70; name++) assert.deepEqual(garbage(engine, 10 + name, name).effects(), []);
  assert.equal(codesOf(engine.came(received, NOW_MS)).length, 64);
  assert.deepEqual(engine.came(received, NOW_MS).effects(), []);
  assert.deepEqual(operations(garbage(engine, 5, 1)), [ACK], "its second coming");
  engine.context.received = null;
  garbage(engine, 200, 80);
  assert.deepEqual(codesOf(engine.cameNot(NOW_MS)), ["local.part"]);
  assert.deepEqual(codesOf(engine.came(received, NOW_MS)), []);
  assert.equal(engine.context.links.all.get("mailbox")?.state, "closed");
});

test("where the code for what comes does not come again and again, the next connection is later each time (STO-43)", () => {
  const { engine } = proved();
  const link = engine.context.links.all.get("mailbox");
  engine.context.received = null;
  let nowMs = NOW_MS;
  const pauses: number[] = [];
  const missed = (): void => {
    garbage(engine, 5, 1);
    engine.cameNot(nowMs);
    pauses.push((link?.deadlineMs ?? 0) - nowMs);
    nowMs += MINUTE_MS;
    engine.tick(nowMs);
    const turn = relay.answers(
      engine,
      only(relay.connects(engine, "mailbox", nowMs), AUTH),
      nowMs,
      relay.AUTH_RESULT,
      [],
    );
    relay.answers(engine, only(turn, SUBSCRIBE), nowMs, relay.DONE);
  };
  for (let i = 0; i < 7; i++) missed();
  assert.ok((pauses[6] as number) >= 16 * (pauses[0] as number), pauses.join(" "));
  engine.came(received, nowMs);
  engine.context.received = null;
  missed();
  assert.ok((pauses[7] as number) <= 2 * (pauses[0] as number), pauses.join(" "));
});

test("what was taken before is acknowledged and not looked at; 1024 ids are remembered (SES-18)", () => {
  const { engine } = proved();
  garbage(engine, 5, 1);
  assert.deepEqual(codesOf(garbage(engine, 5, 1)).length, 1);
  const third = garbage(engine, 6, 1);
  assert.deepEqual([operations(third), codesOf(third)], [[ACK], []]);
  const [seen, turn] = [new SeenIds(), new Turn(NOW_MS)];
  const idOf = (i: number): Bytes =>
    Uint8Array.from({ length: 16 }, (_, at) => (at === 0 ? i >> 8 : at === 1 ? i & 255 : 0));
  for (let i = 0; i < 1_025; i++) seen.take(turn, idOf(i));
  assert.deepEqual(
    [0, 1, 1_024].map((i) => seen.isTaken(idOf(i))),
    [false, true, true],
  );
  const restored = new SeenIds();
  const rows = turn.changes().filter((one) => one.value !== null);
  restored.load(rows.map(({ kind, key }) => ({ kind, key, value: new Uint8Array(0) })));
  assert.deepEqual(
    [0, 1, 1_024].map((i) => restored.isTaken(idOf(i))),
    [false, true, true],
  );
});

test("an ephemeral message is never acknowledged (RLY-40)", () => {
  const { engine } = proved();
  for (let i = 0; i < 3; i++) assert.deepEqual(operations(garbage(engine, 0, 9)), []);
});

test("a page that came over TLS reaches no relay without it, and none on its visitor's network (RLY-170)", () => {
  const reached = [
    "wss://relay.example",
    "wss://172.15.0.1",
    "wss://193.0.0.1",
    "wss://10.example",
    "wss://100.63.0.1",
  ];
  const never = [
    ...["ws://relay.example", "wss://localhost", "wss://a.localhost", "wss://127.0.0.1", "wss://10.1.2.3"],
    ...[
      "wss://192.168.0.1",
      "wss://172.16.0.1",
      "wss://172.31.9.9",
      "wss://169.254.1.1",
      "wss://[::1]",
      "wss://0.0.0.0",
    ],
    ...["wss://[fd00::1]", "wss://[fe80::1]", "wss://[::ffff:127.0.0.1]", "wss://100.64.0.1", "wss://100.127.9.9"],
    "wss://198.18.0.1",
  ];
  assert.deepEqual(
    reached.filter((url) => !mayConnect(url, "https:")),
    [],
  );
  assert.deepEqual(
    never.filter((url) => mayConnect(url, "https:")),
    [],
  );
  assert.ok(mayConnect("ws://127.0.0.1:8080", "http:"));
});

test("what time asks for waits for the code that does it, and fetches that an hour after the start (STO-43)", () => {
  const { engine } = proved();
  const { context } = engine;
  context.received = null;
  const names = (turn: Turn): readonly string[] => turn.effects().map((one) => one.name);
  const later = NOW_MS + 400 * DAY_MS;
  const list = context.own.list.seq;
  engine.closed("mailbox", "relay.unavailable", NOW_MS);
  assert.ok(names(engine.tick(later)).includes("fetch"));
  assert.equal(context.own.list.seq, list);
  assert.deepEqual(names(engine.cameNot(later)), [], "no connection is given up for it");
  assert.ok(names(engine.tick(later + HOUR_MS)).includes("fetch"));
  engine.came(received, later + HOUR_MS);
  assert.ok(context.own.list.seq > list);
  assert.ok(!names(engine.tick(later + 2 * HOUR_MS)).includes("fetch"));
});

test("a silent ask fetches the code that counts its silence (STO-43, SES-26)", () => {
  const { engine } = proved();
  const { context } = engine;
  context.received = null;
  engine.received("mailbox", relay.push(130, context.mailbox.id), NOW_MS);
  engine.do(NOW_MS, (c, step) => {
    const peer = c.peers.get(hex(agent.id)) as Peer;
    const ask = { id: new Uint8Array(8), takenMs: NOW_MS, patienceMs: 1_000 };
    setPeer(c, step, { ...peer, pair: { ...peer.pair, ask } });
    tick(c, step);
  });
  const due = engine.tick(NOW_MS + 1_000).effects();
  assert.ok(due.some((one) => one.name === "fetch"));
  assert.notEqual(context.peers.get(hex(agent.id))?.pair.ask, null);
  engine.came(received, NOW_MS + 1_000);
  assert.equal(context.peers.get(hex(agent.id))?.pair.ask, null);
});
