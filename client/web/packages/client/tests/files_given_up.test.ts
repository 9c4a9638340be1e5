/** Files on their way out of a room that their person leaves. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex } from "@sealroom/core/bytes.ts";
import { DAY_MS, MINUTE_MS } from "@sealroom/core/constants.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { decode, encode } from "@sealroom/core/wire/cbor.ts";
import type { Context } from "../src/engine/context.ts";
import type { CustomerEvent } from "../src/engine/events.ts";
import type { LinkEvents } from "../src/engine/ports.ts";
import { accept, withdraw } from "../src/engine/rooms/consenting.ts";
import { stepIn } from "../src/engine/rooms/rooms.ts";
import { write } from "../src/engine/rooms/writing.ts";
import { setPeer } from "../src/engine/state.ts";
import { codeOf } from "../src/errors.ts";
import { startFiles } from "../src/files/file_service.ts";
import type { FileService, FilesHost } from "../src/files/host.ts";
import type { FileOut } from "../src/files/rows.ts";
import { FileRows } from "../src/files/rows.ts";
import { kinOf } from "../src/kin/kin.ts";
import { memoryParts } from "../src/store/parts.ts";
import { person } from "./life.ts";
import { MemoryPlace } from "./memory_store.ts";
import { DONE, frame, hello } from "./relay_frames.ts";
import { desk as front, NOW_MS, notice, RELAY, second } from "./shop.ts";

const [OPEN, PUT, DROP, BLOB_STATE] = [15, 16, 18, 79];
const KIND_ERASE = 5;
const PART_B = 65_552;
const NAME = "Befund.txt";

/** A person's files, at a relay that answers at once, or, while it is away, never. */
class Sender {
  readonly place = new MemoryPlace();
  readonly parts = memoryParts();
  readonly told: CustomerEvent[] = [];
  readonly drops: Bytes[] = [];
  isAway = false;
  nowMs = NOW_MS;
  /** What happens before the relay has all. */
  meanwhile: () => void = () => {};
  service: FileService | null = null;
  room = "";

  async open(): Promise<this> {
    const clock = { nowMs: () => this.nowMs, wake: () => () => {} };
    const connect = (_url: string, events: LinkEvents) => this.#connect(events);
    const { ports, shell, roomId } = await person(this.place, { clock, connect });
    await shell.do((c, turn) => {
      const peer = c.peers.get(hex(front.id));
      assert.ok(peer !== undefined);
      const wayBack = { relayUrl: RELAY, mailbox: new Uint8Array(16), token: new Uint8Array(32) };
      setPeer(c, turn, { ...peer, wayBack } as never);
    });
    const store = await this.place.open();
    let opened = (c: Context): Context => c;
    const context = () => opened(shell.context);
    const step: FilesHost["step"] = (work) => shell.do((c, turn) => work(opened(c), turn));
    const rows = async (kind: "file_out" | "file_in") => (await store?.rows(kind)) ?? [];
    const tell = (event: CustomerEvent) => this.told.push(event);
    this.host = { ports, parts: this.parts, wakes: new Set(), tell, context, rows, step } as unknown as FilesHost;
    shell.listen((event) => this.service?.heard(event));
    this.room = hex(roomId);
    this.withdraw = () => shell.do((c, turn) => withdraw(c, turn, roomId));
    this.accepts = () => shell.do((c, turn) => void accept(c, turn, { notice, locale: "de", purposes: 1 }));
    this.erase = () => shell.do((c, turn) => void stepIn(c, turn, roomId, (d) => write(d, KIND_ERASE, ALL)));
    this.leavesAndReturns = async () => {
      const before = shell.context.rooms.get(this.room);
      this.nowMs += MINUTE_MS;
      await this.withdraw();
      await this.accepts();
      // The company has opened it again: all is as before, but for the consent.
      const consent = shell.context.rooms.get(this.room)?.consent;
      const rooms = new Map([[this.room, { ...before, consent }]]);
      opened = (c) => ({ ...c, rooms }) as unknown as Context;
    };
    await this.starts();
    return this;
  }

  host!: FilesHost;
  withdraw!: () => Promise<void>;
  accepts!: () => Promise<void>;
  erase!: () => Promise<void>;
  leavesAndReturns!: () => Promise<void>;

  async starts(): Promise<void> {
    this.service = await startFiles(this.host);
  }

  async stops(): Promise<void> {
    await this.service?.end();
    this.service = null;
  }

  /** Give a file to be sent; `code` resolves to why it was not announced, or to null. */
  async sends(): Promise<{ readonly code: Promise<string | null> }> {
    const file = new Blob(["Ein Befund."]);
    const id = await this.files.send(this.room, file, NAME, { removeMetadata: false });
    return { code: this.files.announced(id).then(() => null, codeOf) };
  }

  get files(): FileService {
    assert.ok(this.service !== null);
    return this.service;
  }

  async rows(): Promise<FileRows> {
    for (let i = 0; i < 20; i++) await setImmediate();
    const rows = new FileRows(this.host);
    await rows.load();
    return rows;
  }

  /** What of the files is on the disk: names of those that have one, and how many sealed copies. */
  async left(): Promise<{ readonly names: readonly string[]; readonly parts: number }> {
    const names = [...(await this.rows()).out.values()].map((one) => one.name);
    return { names: names.filter((one) => one !== ""), parts: (await this.parts.names()).length };
  }

  #connect(events: LinkEvents) {
    const say = (data: Bytes) => void setImmediate().then(() => events.received(data));
    const away = () => void setImmediate().then(() => events.closed("relay.unavailable"));
    if (this.isAway) away();
    else
      void setImmediate().then(() => {
        events.opened();
        say(hello({ operations: [OPEN, PUT, 17, DROP] }));
      });
    let next = 0;
    const answer = ([operation, id, blob]: readonly unknown[]): Bytes => {
      if (operation === DROP) this.drops.push(blob as Bytes);
      if (operation === PUT) this.meanwhile();
      if (operation === PUT) next += 1;
      const state = [BLOB_STATE, id as number, next, PART_B, this.nowMs + MINUTE_MS];
      return encode([frame(operation === DROP ? [DONE, id as number] : state)]);
    };
    const send = (message: Bytes) => {
      const frames = decode(message, 1_048_576) as readonly ReadonlyMap<number, unknown>[];
      for (const one of frames) say(answer([...one.values()]));
    };
    return { send, close: () => {} };
  }
}

const ALL = new Map([[1, null]]);
const NOTHING = { names: [], parts: 0 };
const WAITS = { names: [NAME], parts: 1 };

test("a file that goes out is announced, and stays with its sealed copy", async () => {
  const me = await new Sender().open();
  assert.equal(await (await me.sends()).code, null);
  assert.deepEqual(await me.left(), WAITS);
});

for (const way of ["withdraw", "erase"] as const) {
  test(`a file that waits for its relay goes with its room: ${way} (FIL-29)`, async () => {
    const me = await new Sender().open();
    me.isAway = true;
    const { code } = await me.sends();
    assert.deepEqual(await me.left(), WAITS);
    await me[way]();
    assert.deepEqual(await me.left(), NOTHING);
    assert.equal(await code, "file.cancelled");
    assert.deepEqual(me.files.uploads(me.room), []);
    assert.deepEqual(me.told.at(-1)?.type, "file-failed");
  });

  test(`a stop between the ${way} of a room and the end of its files changes nothing (FIL-29)`, async () => {
    const me = await new Sender().open();
    me.isAway = true;
    await me.sends();
    await me.stops();
    await me[way]();
    assert.deepEqual(await me.left(), WAITS);
    await me.starts();
    assert.deepEqual(await me.left(), NOTHING);
  });
}

test("a file that has failed goes with its room as well (FIL-29)", async () => {
  const me = await new Sender().open();
  me.isAway = true;
  await me.sends();
  await me.stops();
  const rows = await me.rows();
  const [row] = rows.out.values();
  assert.ok(row !== undefined);
  await rows.change((put) => put.out({ ...row, failure: "file.relay" }));
  await me.starts();
  assert.equal(me.files.uploads(me.room)[0]?.code, "file.relay");
  await me.withdraw();
  assert.deepEqual(await me.left(), NOTHING);
});

test("a file that the relay has at that moment is not announced, and dropped (FIL-29)", async () => {
  const me = await new Sender().open();
  me.meanwhile = () => {
    me.meanwhile = () => {};
    void me.withdraw();
  };
  assert.notEqual(await (await me.sends()).code, null);
  assert.deepEqual(await me.left(), NOTHING);
  assert.equal(me.drops.length, 1);
});

test("a consent that comes later brings no file back, and lets new ones go (FIL-29)", async () => {
  const me = await new Sender().open();
  me.isAway = true;
  await me.sends();
  await me.stops();
  await me.leavesAndReturns();
  me.isAway = false;
  await me.starts();
  assert.deepEqual(await me.left(), NOTHING);
  assert.equal(await (await me.sends()).code, null);
});

for (const aheadMs of [10 * MINUTE_MS, 300 * DAY_MS])
  test(`a clock that was ${aheadMs / MINUTE_MS} minutes ahead at a withdrawal holds up no later file (FIL-29)`, async () => {
    const me = await new Sender().open();
    me.nowMs += aheadMs;
    await me.leavesAndReturns();
    me.nowMs = NOW_MS + MINUTE_MS;
    assert.equal(await (await me.sends()).code, null);
    me.isAway = true;
    await me.sends();
    await me.stops();
    await me.starts();
    assert.equal(me.files.uploads(me.room).length, 1);
    assert.deepEqual(await me.left(), { names: [NAME, NAME], parts: 2 });
  });

test("a row of an earlier version goes on where nothing was withdrawn, and is given up where it was (FIL-29)", async () => {
  for (const [isLeft, expected] of [
    [false, WAITS],
    [true, NOTHING],
  ] as const) {
    const me = await new Sender().open();
    me.isAway = true;
    await me.sends();
    await me.stops();
    const store = await me.place.open();
    assert.ok(store !== null);
    const { rows } = me.host;
    const earlier = (data: Bytes) => encode((decode(data, data.length) as readonly Value[]).slice(0, -1));
    const read = async (kind: "file_out" | "file_in") =>
      (await rows(kind)).map((one) => (kind === "file_out" ? { ...one, value: earlier(one.value) } : one));
    Object.assign(me.host, { rows: read });
    if (isLeft) await me.leavesAndReturns();
    await me.starts();
    assert.deepEqual(await me.left(), expected);
  }
});

test("a file that is put while its room is left and opened again does not go (FIL-29)", async () => {
  const me = await new Sender().open();
  me.meanwhile = () => {
    me.meanwhile = () => {};
    void me.leavesAndReturns();
  };
  assert.equal(await (await me.sends()).code, "file.cancelled");
  assert.deepEqual(await me.left(), NOTHING);
});

test("a file that is sealed while its room is left and opened again does not go (FIL-29)", async () => {
  const me = await new Sender().open();
  const { write: writes } = me.parts;
  me.parts.write = async (...given) => {
    me.parts.write = writes;
    await me.leavesAndReturns();
    await writes(...given);
  };
  await assert.rejects(me.sends(), { code: "file.cancelled" });
  assert.deepEqual(await me.left(), NOTHING);
});

/** Who has sent a file that all but the relay know of. */
async function sentAndAway(): Promise<{ readonly me: Sender; readonly entry: Bytes; readonly rows: FileRows }> {
  const me = await new Sender().open();
  assert.equal(await (await me.sends()).code, null);
  const rows = await me.rows();
  const [row] = rows.out.values();
  assert.ok(row !== undefined && row.entry !== null);
  me.isAway = true;
  return { me, entry: row.entry, rows };
}

/** The row of a file that nobody can open by what is in it. */
async function blankRow(me: Sender): Promise<FileOut> {
  const [row] = (await me.rows()).out.values();
  assert.ok(row !== undefined);
  const { name, mediaType, hash, isOver } = row;
  assert.deepEqual([name, mediaType, hash.length, hex(row.key.expose()), isOver], ["", "", 0, "00".repeat(32), true]);
  return row;
}

for (const destroyed of [false, true]) {
  test(`an entry that is ${destroyed ? "destroyed" : "hidden"} leaves no key while its relay is away (FIL-30)`, async () => {
    const { me, entry } = await sentAndAway();
    me.files.heard({ type: "erased", room: me.room, entry: hex(entry), destroyed });
    await blankRow(me);
  });
}

test("a file that all hold leaves no key while its relay is away (FIL-30)", async () => {
  const { me, entry } = await sentAndAway();
  for (const { id } of [front, second])
    me.files.heard({ type: "file-held", room: me.room, entry: hex(entry), device: hex(id) });
  await blankRow(me);
});

test("an erasure that the files did not hear is made good by their next start (FIL-30)", async () => {
  const { me, rows } = await sentAndAway();
  await me.stops();
  const [row] = rows.out.values();
  assert.ok(row !== undefined);
  await rows.change((put) => put.out({ ...row, entry: new Uint8Array(32) }));
  await me.starts();
  await blankRow(me);
});

test("a start takes the key of what an earlier version gave up, and forgets it when its blob has ended (FIL-30)", async () => {
  const { me, rows } = await sentAndAway();
  await me.stops();
  const [row] = rows.out.values();
  assert.ok(row !== undefined);
  await rows.change((put) => put.out({ ...row, entry: null, expiresMs: 0, isOver: true }));
  await me.starts();
  const { expiresMs } = await blankRow(me);
  assert.equal(expiresMs, me.nowMs + 31 * DAY_MS);
  await me.stops();
  me.nowMs += 32 * DAY_MS;
  await me.starts();
  await blankRow(me);
  await me.stops();
  me.nowMs += 1;
  await me.starts();
  assert.equal((await me.rows()).out.size, 0);
});

test("what is over is dropped at the relay, whose answer ends its row (FIL-14, FIL-30)", async () => {
  const { me, entry } = await sentAndAway();
  me.isAway = false;
  me.files.heard({ type: "erased", room: me.room, entry: hex(entry), destroyed: true });
  assert.equal((await me.rows()).out.size, 0);
  assert.equal(me.drops.length, 1);
});

test("a file that was accepted goes on after the end of the list, and no other is accepted then (ID-65)", async () => {
  const me = await new Sender().open();
  me.meanwhile = () => {
    const c = me.host.context();
    c.kin = kinOf(c, []);
    c.own = { ...c.own, accountSeed: null, list: { ...c.own.list, expiresMs: NOW_MS - 1 } };
  };
  const { code } = await me.sends();
  assert.equal(await code, null);
  assert.equal(await me.sends().then(() => null, codeOf), "account.list_over");
});
