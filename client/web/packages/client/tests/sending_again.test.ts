/** What goes again, and whose door is taken. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex } from "@sealroom/core/bytes.ts";
import { DAY_MS, MINUTE_MS } from "@sealroom/core/constants.ts";
import { bytes, load } from "../../core/tests/vectors.ts";
import { findDoor } from "../src/door.ts";
import type { Engine } from "../src/engine/engine.ts";
import { post } from "../src/engine/posting.ts";
import type { Outgoing, Peer } from "../src/engine/records.ts";
import { againIfBehind } from "../src/engine/sending.ts";
import { againFromOthers, againUpTo, reviewUnconfirmed } from "../src/engine/sending_again.ts";
import { peerOf, setPair } from "../src/engine/state.ts";
import { DoorError } from "../src/errors.ts";
import { kept } from "./kin_room.ts";
import { desk, NOW_MS } from "./shop.ts";
import { engineOf } from "./shop_room.ts";

const OTHER = new Uint8Array(32).fill(7);
const SESSION = new Uint8Array(32).fill(8);

/** An engine whose contents 1 to 70 for a desk are with the relay and not confirmed. */
function unconfirmed({ sendings = 1, createdMs = NOW_MS, first = false } = {}): Engine {
  const engine = engineOf();
  const { outbox } = engine.context;
  for (let n = 1; n <= 70; n++) {
    const item = outbox.newItem(desk.id, new Uint8Array(16).fill(n), true, createdMs);
    const number = { n, line: new Uint8Array(4), first: 1 };
    outbox.add({ ...item, first, number, sendings, sealedMs: NOW_MS, sessionId: SESSION });
  }
  return engine;
}

function waits(engine: Engine): readonly (number | undefined)[] {
  return engine.context.outbox.lane(desk.id).waiting.map((one) => one.number?.n);
}

function range(first: number, last: number): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

test("at a sync the newest 64 up to its number go again that were sealed a minute ago (SES-37)", () => {
  const engine = unconfirmed();
  engine.do(NOW_MS + MINUTE_MS - 1, (c, turn) => againUpTo(c, turn, desk.id, 68));
  assert.deepEqual(waits(engine), []);
  engine.do(NOW_MS + MINUTE_MS, (c, turn) => againUpTo(c, turn, desk.id, 68));
  assert.deepEqual(waits(engine), range(5, 68));
  engine.do(NOW_MS + MINUTE_MS, (c, turn) => againUpTo(c, turn, desk.id, 70));
  assert.deepEqual(waits(engine), range(5, 68), "64 at a time");
});

test("when a session becomes active, what went on others goes again (SES-37)", () => {
  const engine = unconfirmed();
  engine.do(NOW_MS, (c, turn) => againFromOthers(c, turn, desk.id, SESSION));
  assert.deepEqual(waits(engine), []);
  engine.do(NOW_MS, (c, turn) => againFromOthers(c, turn, desk.id, OTHER));
  assert.deepEqual(waits(engine), range(7, 70));
});

test("what the relay took only when another session was active goes again at once (SES-37)", () => {
  const standing = { ours: true, createdMs: NOW_MS, endsMs: NOW_MS, sinceMs: 0, beside: null, top: null };
  const active = { ...standing, id: OTHER, epoch: 2, proven: true };
  const before = { ...standing, id: SESSION, epoch: 1 };
  for (const [sessions, goes] of [
    [[active], true],
    [[active, { ...before, proven: true }], true],
    [[active, { ...before, proven: false }], false],
    [[{ ...active, id: SESSION }], false],
    [[], false],
  ] as const) {
    const engine = unconfirmed();
    engine.do(NOW_MS, (c, turn) => {
      setPair(c, turn, desk.id, { ...(peerOf(c, desk.id) as Peer).pair, sessions });
      const [first] = c.outbox.lane(desk.id).unconfirmed.values();
      againIfBehind(c, turn, first as Outgoing);
    });
    assert.deepEqual(waits(engine), goes ? [1] : []);
  }
});

test("what was sent four times, or is 14 days old, 44 before a device has met, goes no more and is given up after a day (SES-37)", () => {
  for (const [given, goes] of [
    [{ sendings: 3, createdMs: NOW_MS - 14 * DAY_MS + MINUTE_MS + 1 }, true],
    [{ sendings: 4 }, false],
    [{ createdMs: NOW_MS - 14 * DAY_MS + MINUTE_MS }, false],
    [{ first: true, createdMs: NOW_MS - 44 * DAY_MS + MINUTE_MS + 1 }, true],
    [{ first: true, createdMs: NOW_MS - 44 * DAY_MS + MINUTE_MS }, false],
  ] as const) {
    const engine = unconfirmed(given);
    const lane = engine.context.outbox.lane(desk.id);
    engine.do(NOW_MS + MINUTE_MS, (c, turn) => againUpTo(c, turn, desk.id, 70));
    assert.equal(waits(engine).length, goes ? 64 : 0);
    if (goes) continue;
    engine.do(NOW_MS + DAY_MS - 1, (c, turn) => reviewUnconfirmed(c, turn, desk.id));
    assert.equal(lane.unconfirmed.size, 70);
    engine.do(NOW_MS + DAY_MS, (c, turn) => reviewUnconfirmed(c, turn, desk.id));
    assert.equal(lane.unconfirmed.size, 0);
  }
});

test("what is written before a device has met is known as that (SES-37)", () => {
  for (const met of [false, true]) {
    const engine = engineOf();
    engine.do(NOW_MS, (c, turn) => {
      setPair(c, turn, desk.id, { ...(peerOf(c, desk.id) as Peer).pair, met });
      post(c, turn, { contentId: OTHER.slice(0, 16), sentMs: NOW_MS, type: 8, payload: null }, [desk.id]);
    });
    const lane = engine.context.outbox.lane(desk.id);
    assert.deepEqual(
      [...lane.waiting, ...lane.ready].map((one) => one.first),
      [!met],
    );
  }
});

test("a device of our own account that has met is none of the company (SES-37)", async () => {
  const { scene, device } = await kept();
  const { engine } = scene;
  engine.do(NOW_MS, (c, turn) => {
    setPair(c, turn, desk.id, { ...(peerOf(c, desk.id) as Peer).pair, met: false });
    setPair(c, turn, device, { ...(peerOf(c, device) as Peer).pair, met: true });
    post(c, turn, { contentId: OTHER.slice(0, 16), sentMs: NOW_MS, type: 8, payload: null }, [desk.id]);
  });
  const lane = engine.context.outbox.lane(desk.id);
  const items = [...lane.waiting, ...lane.ready].filter((one) => hex(one.contentId) === hex(OTHER.slice(0, 16)));
  assert.deepEqual(
    items.map((one) => one.first),
    [true],
  );
});

test("the door of another account is refused: on a page of the company, and as a second company (CNS-44)", async () => {
  const vectors = load("consent");
  const [accountId, door] = [bytes(vectors.account_id), bytes(vectors.door)];
  const opens = async (known: Bytes, origins: readonly string[]): Promise<string> => {
    try {
      const company = { accountId: known, relayUrl: null, origins };
      const found = await findDoor(
        vectors.origin,
        () => vectors.now_ms,
        company,
        async () => door,
      );
      return hex(found.door.mandate.accountId);
    } catch (error) {
      if (!(error instanceof DoorError)) throw error;
      return error.code;
    }
  };
  assert.equal(await opens(accountId, ["https://other.example"]), hex(accountId));
  assert.equal(await opens(OTHER, [vectors.origin]), "door.identity");
  assert.equal(await opens(OTHER, ["https://other.example"]), "door.second");
});
