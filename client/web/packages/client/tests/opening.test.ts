/** How a room opens its store: once at a time, again when it has ended, full, left meanwhile, or replaced. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeRecovery, newRecovery } from "@sealroom/core/identity/recovery.ts";
import { Customer } from "../src/customer.ts";
import type { Ports, StorePlace } from "../src/engine/ports.ts";
import { StoreError } from "../src/engine/ports.ts";
import { setReplaced } from "../src/engine/state_ends.ts";
import { DoorError } from "../src/errors.ts";
import { Room } from "../src/room.ts";
import { obstacleOf } from "../src/room_state.ts";
import { company, later, lifeOf, person, portsOf, refusal, shown, withNotice } from "./life.ts";
import { MemoryPlace } from "./memory_store.ts";
import { bytesFrom } from "./shop.ts";

/** The place of a person who has a room, what it gives when, and how often it was opened and connected from. */
async function kept() {
  const place = new MemoryPlace();
  const { shell } = await person(place);
  await shell.close();
  const counts = { opened: 0, connected: 0, closed: 0 };
  let open = (): void => {};
  const gate = { waits: Promise.resolve() };
  const hold = (): void => {
    gate.waits = new Promise((done) => {
      open = done;
    });
  };
  const counted: StorePlace = {
    open: async () => {
      counts.opened += 1;
      await gate.waits;
      return await place.open();
    },
    create: () => place.create(),
    forget: () => place.forget(),
  };
  const wakes: (() => void)[] = [];
  const wake = (_: number, then: () => void) => {
    wakes.push(then);
    return () => void wakes.splice(wakes.indexOf(then), 1);
  };
  const ports: Ports = portsOf(counted, {
    clock: { ...portsOf(place).clock, wake },
    connect: () => {
      counts.connected += 1;
      return { send: () => {}, close: () => void counts.closed++ };
    },
  });
  return { place, ports, counts, hold, release: () => open(), passes: () => void [...wakes].map((wake) => wake()) };
}

test("a store that has ended by itself is opened again, without a word once, then when a person tries again (STO-33)", async () => {
  const { place, ports, counts, hold, release } = await kept();
  const life = lifeOf(ports);
  await life.tryAgain();
  const intrude = async () => {
    (place.kept as { version: number }).version += 1; // Somebody else has written.
    assert.equal(await refusal(life.send("eins", null)), "store.conflict");
  };
  const shows = () => [life.state().phase, life.state().obstacle, counts.opened];
  hold();
  await intrude();
  await new Promise((done) => setImmediate(done));
  assert.deepEqual(shows(), ["waiting", null, 2]);
  release();
  await new Promise((done) => setTimeout(done));
  assert.equal(await refusal(life.send("zwei", null)), null);
  await intrude();
  assert.deepEqual(shows(), ["blocked", "storage-ended", 2]);
  await life.tryAgain();
  assert.deepEqual(shows(), ["waiting", null, 3]);
  assert.equal(await refusal(life.send("drei", null)), null);
});

test("a database that the browser closes is opened again by itself, and what is gone by then is told as lost (STO-33, STO-59)", async () => {
  const { place, ports, counts } = await kept();
  const life = lifeOf(ports);
  await life.tryAgain();
  const closes = async () => {
    place.isFull = () => {
      throw new StoreError("store.unavailable", "the browser has closed the database");
    };
    assert.equal(await refusal(life.send("eins", null)), "store.unavailable");
    place.isFull = () => false;
    await new Promise((done) => setTimeout(done));
  };
  const shows = () => [life.state().phase, life.state().obstacle, counts.opened];
  await closes();
  assert.deepEqual(shows(), ["waiting", null, 2]);
  assert.equal(await refusal(life.send("zwei", null)), null);
  await closes();
  assert.deepEqual(shows(), ["blocked", "storage-ended", 2]);
  place.kept = null; // Erased by the browser, with all that told of it.
  await life.tryAgain();
  assert.deepEqual(shows(), ["blocked", "storage-lost", 3]);
  await life.startAnew();
  assert.deepEqual(shows(), ["blocked", "door-missing", 4]);
});

test("who tries again where no store was opened sees that it is being opened, and the room once it is (STO-62)", async () => {
  const { ports, hold, release } = await kept();
  const { place } = ports;
  let isSilent = true;
  const open = () => (isSilent ? Promise.reject(new StoreError("store.closed", "not given")) : place.open());
  const life = lifeOf({ ...ports, place: { ...place, open } });
  await life.tryAgain();
  const told: unknown[] = [];
  life.subscribe(() => told.push([life.state().phase, life.state().obstacle]));
  const settled = () => new Promise((done) => setTimeout(done));
  await settled();
  [isSilent] = [false];
  hold();
  const again = life.tryAgain();
  await settled();
  release();
  await again;
  await settled();
  assert.deepEqual(told.slice(0, 2), [
    ["blocked", "storage-ended"],
    ["loading", null],
  ]);
  assert.deepEqual(told.at(-1), ["waiting", null]);
});

test("a room that is left while it opens its store lets go when that is closed, and opens none later (STO-38)", async () => {
  const { ports, counts, hold, release } = await kept();
  hold();
  let isWatching = false;
  let wake = (): void => {};
  const watch = (cameBack: () => void) => {
    [isWatching, wake] = [true, cameBack];
    return () => {
      isWatching = false;
    };
  };
  const left = lifeOf(ports, { watch });
  const opening = left.tryAgain();
  let hasEnded = false;
  const ended = left.end().then(() => {
    hasEnded = true;
  });
  await new Promise((done) => setImmediate(done));
  assert.deepEqual([hasEnded, isWatching], [false, false]);
  release();
  await Promise.all([opening, ended]);
  assert.equal(counts.connected, counts.closed);
  await left.tryAgain();
  wake();
  assert.equal(await refusal(left.send("von dort", null)), "client.closed");
  assert.deepEqual([counts.opened, counts.connected], [1, counts.closed]);
});

test("an act that comes while the store is opened opens no second one (STO-38)", async () => {
  const { ports, counts, hold, release } = await kept();
  await later();
  hold();
  const life = lifeOf(ports);
  const all = [life.tryAgain(), life.tryAgain(), refusal(life.further("code", null))];
  await new Promise((done) => setImmediate(done));
  release();
  assert.equal((await Promise.all(all)).at(-1), "recovery.none");
  assert.equal(counts.opened, 1);
});

test("who erases everything while the store is opened has the company told, or is told that it was not (STO-37)", async (t) => {
  for (const erasure of ["told", "alone"] as const) {
    const { place, ports, hold, release } = await kept();
    const waitFor = async () => {
      if (erasure === "alone") throw new StoreError("store.closed", "no relay has taken it");
    };
    const erase = t.mock.method(Room.prototype, "erase", async () => ({ id: "", waitFor }));
    t.mock.method(Room.prototype, "ordersLeft", async () => {});
    hold();
    const life = lifeOf(ports);
    const opening = life.tryAgain();
    const forgotten = life.forget();
    await new Promise((done) => setImmediate(done));
    release();
    await Promise.all([opening, forgotten]);
    const { phase } = life.state();
    assert.deepEqual([phase, life.state().erasure, place.kept], ["erased", erasure, null]);
    assert.equal(erase.mock.callCount(), 1);
    t.mock.restoreAll();
  }
});

test("nothing that waits for others keeps a person from erasing what is here (STO-37)", async (t) => {
  for (const hangs of ["opening", "order", "relay"] as const) {
    const { place, ports, counts, hold, release } = await kept();
    const life = lifeOf(ports);
    const end = new AbortController();
    t.mock.method(AbortSignal, "timeout", () => end.signal);
    if (hangs === "order") t.mock.method(Room.prototype, "withdraw", () => new Promise(() => {}));
    if (hangs === "opening") hold();
    const opening = life.tryAgain();
    if (hangs !== "opening") await opening;
    const forgotten = life.forget();
    await new Promise((done) => setTimeout(done));
    assert.ok(place.kept !== null);
    end.abort();
    await forgotten;
    assert.deepEqual([life.state().phase, life.state().erasure, place.kept], ["erased", "alone", null]);
    release();
    await opening;
    assert.equal(counts.connected, counts.closed);
    t.mock.restoreAll();
  }
});

test("who erases everything where nothing is, or nothing can be opened, is told no more than that (STO-37)", async () => {
  const place = new MemoryPlace();
  const shut = () => Promise.reject(new StoreError("store.corrupt", "a box that is not ours"));
  const damaged = { open: shut, create: () => place.create(), forget: () => place.forget() };
  for (const [there, erasure] of [
    [place, "none"],
    [damaged, "alone"],
  ] as const) {
    const life = lifeOf(portsOf(there));
    await life.tryAgain();
    await life.forget();
    assert.deepEqual([life.state().phase, life.state().erasure], ["erased", erasure]);
  }
});

test("a device that has no room at its start says so, and goes on by itself (STO-41)", async () => {
  const { place, ports, counts, passes } = await kept();
  place.isFull = () => true;
  const life = lifeOf(ports);
  await life.tryAgain();
  assert.deepEqual([life.state().phase, life.state().obstacle, life.state().link], ["waiting", null, "full"]);
  assert.equal(counts.connected, 0);
  place.isFull = () => false;
  passes();
  await new Promise((done) => setImmediate(done));
  assert.deepEqual([life.state().link, counts.opened], ["connecting", 1]);
  assert.ok(counts.connected > 0);
});

test("a device whose store does not go on from its last run says so first, also when it has room again (STO-34, STO-41)", async () => {
  const { place, ports, passes } = await kept();
  [place.isContinuous, place.isFull] = [false, () => true];
  const life = lifeOf(ports);
  await life.tryAgain();
  assert.deepEqual([life.state().phase, life.state().obstacle, life.state().link], ["waiting", null, "full"]);
  assert.equal(await refusal(life.send("zu früh", null)), "store.full");
  assert.ok(!life["room"].kept.restarts);
  place.isFull = () => false;
  passes();
  await new Promise((done) => setImmediate(done));
  assert.equal(life.state().link, "connecting");
  assert.ok(life["room"].kept.restarts);
});

test("a store in which a start fails is closed, and so is what it had opened (STO-33)", async () => {
  const { place, ports, counts } = await kept();
  const store = await place.open();
  assert.ok(store !== null);
  const rows: typeof store.rows = async (kind) => {
    if (kind === "file_out" && counts.connected > 0) throw new StoreError("store.unavailable", "no rows of files");
    return await store.rows(kind);
  };
  const broken = { open: async () => ({ ...store, rows }), create: () => place.create(), forget: () => place.forget() };
  const life = lifeOf({ ...ports, place: broken });
  await life.tryAgain();
  assert.deepEqual([life.state().phase, life.state().obstacle], ["blocked", "storage-blocked"]);
  assert.ok(counts.connected > 0);
  assert.equal(counts.closed, counts.connected);
  await assert.rejects(store.commit([], await store.version()), { code: "store.closed" });
});

test("a store that ends for another reason at its start is told (STO-33)", async () => {
  const { place, ports } = await kept();
  const life = lifeOf(ports);
  place.isFull = () => {
    throw new StoreError("store.unavailable", "the browser has closed the database");
  };
  await life.tryAgain();
  assert.deepEqual([life.state().phase, life.state().obstacle], ["blocked", "storage-blocked"]);
});

test("a part of the page that does not come is told as that, and not as the company's absence", async () => {
  const { ports } = await kept();
  let isHere = false;
  const stored = async () => {
    if (isHere) return await ports.stored();
    throw Object.assign(new Error("a part of this page is not here"), { code: "local.part" });
  };
  const life = lifeOf({ ...ports, stored });
  await life.tryAgain();
  assert.deepEqual([life.state().phase, life.state().obstacle], ["blocked", "page-too-old"]);
  isHere = true;
  await life.tryAgain();
  assert.deepEqual([life.state().phase, life.state().obstacle], ["waiting", null]);
});

test("a recovery at whose end there is no room is told as what it is, done (ACC-65, STO-41)", async () => {
  const place = new MemoryPlace();
  let commits = 0;
  place.isFull = () => ++commits === 2;
  const me = await Customer.open({ company, ports: portsOf(place) });
  const code = encodeRecovery(newRecovery(bytesFrom(31), false));
  assert.equal(await refusal((await me.recovery()).recover(shown(), code, {})), null);
  assert.deepEqual([me.hasAccepted, commits], [true, 2]);
});

test("who begins anew while the door does not come is told, and goes on when it comes", async () => {
  const { ports } = await kept();
  const life = lifeOf(ports);
  const me = await withNotice(life, ports);
  await life.withdraw();
  Object.assign(me, { notice: () => Promise.reject(new DoorError("door.unreachable", "offline")) });
  await life.startAnew();
  assert.deepEqual([life.state().phase, life.state().obstacle], ["blocked", "company-unavailable"]);
  Object.assign(me, { notice: async () => shown() });
  life.wake();
  await new Promise((done) => setImmediate(done));
  assert.deepEqual([life.state().phase, life.state().obstacle], ["notice", null]);
});

test("a store that is gone is told until a person goes on, whoever looks at another tab meanwhile (STO-35)", async () => {
  const place = new MemoryPlace();
  let isToBeSaid = true;
  const once = async () => {
    if (!isToBeSaid) return null;
    isToBeSaid = false;
    throw new StoreError("store.missing", "evicted");
  };
  const life = lifeOf(portsOf({ open: once, create: () => place.create(), forget: () => place.forget() }));
  await life.tryAgain();
  life.wake();
  await new Promise((done) => setImmediate(done));
  assert.deepEqual([life.state().phase, life.state().obstacle], ["blocked", "storage-lost"]);
  await life.startAnew();
  assert.deepEqual([life.state().phase, life.state().obstacle], ["blocked", "door-missing"]);
});

test("who is replaced while the notice of a new room is shown is told, and begins anew from there (ACC-67)", async () => {
  const { place, ports } = await kept();
  const life = lifeOf(ports);
  const me = await withNotice(life, ports);
  await life.withdraw();
  await life.startAnew();
  assert.equal(life.state().phase, "notice");
  await me.shell.do((c, turn) => setReplaced(c, turn, true));
  const { phase, account, code } = life.state();
  assert.deepEqual([phase, account, code], ["erased", "replaced", "used"]);
  await life.startAnew();
  assert.deepEqual([life.state().account, place.kept], ["none", null]);
});

test("a wrong clock accuses nobody, and a store that ended is no private window (CNS-86)", () => {
  assert.equal(obstacleOf("door.expired"), "door-expired");
  assert.equal(obstacleOf("door.invalid"), "door-wrong");
  assert.equal(obstacleOf("store.unavailable"), "storage-blocked");
  assert.equal(obstacleOf("store.unavailable", true), "storage-ended");
  assert.equal(obstacleOf("store.conflict"), "storage-ended");
  assert.equal(obstacleOf("store.closed"), "storage-ended");
});
