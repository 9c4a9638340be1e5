/** Lists that were signed for the directory and lost on the way, or their answers: one each number (ID-47). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { hex } from "@sealroom/core/bytes.ts";
import { DAY_MS, HOUR_MS } from "@sealroom/core/constants.ts";
import { names } from "@sealroom/core/identity/list.ts";
import { newDevice } from "../src/engine/upkeep.ts";
import { addDevice, removeDevice } from "../src/kin/devices.ts";
import { isPublished } from "../src/kin/entry.ts";
import { Directory, madeAt, signed } from "./kin_directory.ts";
import { bytesFrom, NOW_MS } from "./shop.ts";

function connected(madeMs = NOW_MS): Directory {
  const directory = new Directory(madeAt(madeMs));
  directory.connect(madeMs);
  return directory;
}

/** One more device, that the next list is to name. */
function added(directory: Directory, atMs: number) {
  const { record } = newDevice(bytesFrom(9), directory.own.record.accountId, bytesFrom(8)(16), NOW_MS);
  directory.do(atMs, (_, turn) => addDevice(directory.k, turn, record));
  return record;
}

for (const [what, hasOthers, lastDays] of [
  ["with another device", true, 48],
  ["with another device, a month later", true, 79],
  ["alone, a month later", false, 79],
] as const) {
  test(`two lists that were lost a month apart leave together, ${what} (ID-47)`, () => {
    const directory = connected();
    if (hasOthers) {
      added(directory, NOW_MS + 10);
      directory.connect(NOW_MS + 20);
    }
    const first = directory.own.list.seq;
    directory.loses = "request";
    directory.connect(NOW_MS + 17 * DAY_MS);
    directory.connect(NOW_MS + 48 * DAY_MS);
    directory.loses = null;
    directory.asked.length = 0;
    directory.connect(NOW_MS + lastDays * DAY_MS + 60_000);
    const together = lastDays === 48 ? [first + 1, first + 2] : [first + 1, first + 2, first + 3];
    assert.deepEqual(directory.asked, ["look", together]);
    assert.ok(isPublished(directory.k));
    assert.equal(directory.lists.at(-1)?.seq, together.at(-1));
  });
}

test("behind a list that is over none is signed before a look at the entry (ID-47, ID-40)", () => {
  const directory = new Directory(madeAt(NOW_MS));
  directory.connect(NOW_MS + 40 * DAY_MS);
  assert.deepEqual(directory.asked, ["look", [1, 2]]);
});

test("the record of before lists that were lost stays named: sessions were made under it (ID-28, ID-47)", () => {
  for (const daysBack of [
    [5, 0],
    [7, 4, 0],
  ]) {
    const directory = connected(NOW_MS + 10 * DAY_MS);
    const { record } = directory.own;
    directory.loses = "request";
    for (const days of daysBack) {
      if (days === 0) directory.loses = null;
      directory.connect(NOW_MS + days * DAY_MS);
    }
    assert.notDeepEqual(directory.own.record, record);
    assert.ok(isPublished(directory.k));
    assert.ok(names(directory.own.list, directory.own.record) && names(directory.own.list, record));
    directory.connect(NOW_MS + 20 * DAY_MS);
    assert.ok(names(directory.own.list, record));
    assert.deepEqual(directory.reopened().older, record);
  }
});

test("a device that was added and struck off before the answer came is gone at once (ID-47, ID-28)", () => {
  const directory = connected();
  directory.loses = "answer";
  const record = added(directory, NOW_MS + 10);
  directory.connect(NOW_MS + 20);
  directory.loses = null;
  directory.do(NOW_MS + 30, (_, turn) => removeDevice(directory.k, turn, hex(record.deviceId)));
  directory.connect(NOW_MS + HOUR_MS);
  assert.equal(directory.lists.at(-1)?.recordHashes.length, 1);
  assert.ok(isPublished(directory.k));
});

test("a relay that has lost the newest list is given it again (ID-54)", () => {
  const directory = connected();
  const { k } = directory;
  directory.connect(NOW_MS + 16 * DAY_MS);
  const lost = directory.lists.pop();
  k.comparedMs = null;
  directory.asked.length = 0;
  directory.connect(NOW_MS + 17 * DAY_MS);
  assert.deepEqual(directory.asked, ["look", "look", [2]]);
  assert.deepEqual(directory.lists.at(-1), lost);
  assert.ok(isPublished(k));
});

test("lists on two pages of an answer are judged together (ID-54)", () => {
  const directory = connected();
  const { k, own } = directory;
  const { context: c } = directory.engine;
  directory.pageLists = 2;
  const second = signed(c, [own.record], NOW_MS + DAY_MS);
  c.own = { ...own, list: second };
  const third = signed(c, [own.record], NOW_MS + DAY_MS);
  c.own = own;
  directory.lists.push(second, third);
  k.comparedMs = null;
  directory.connect(NOW_MS + DAY_MS);
  assert.deepEqual(directory.own.list.hash, third.hash);
  assert.ok(isPublished(k));
});

test("lists that the directory has shown are kept, and brought to one that has lost them (ID-56)", () => {
  for (const isHole of [false, true]) {
    const directory = connected();
    const { k, own } = directory;
    const { context: c } = directory.engine;
    const second = signed(c, [own.record], NOW_MS + DAY_MS);
    c.own = { ...own, list: second };
    const third = signed(c, [own.record], NOW_MS + DAY_MS);
    c.own = own;
    directory.lists.push(second, third);
    k.comparedMs = null;
    directory.connect(NOW_MS + DAY_MS);
    if (isHole) c.ownLists.splice(1, 1);
    directory.lists.length = 0;
    directory.asked.length = 0;
    k.comparedMs = null;
    directory.connect(NOW_MS + DAY_MS + HOUR_MS);
    assert.deepEqual(directory.asked, ["look", isHole ? [3] : [1, 2, 3]]);
    assert.ok(isPublished(k));
  }
});

test("a list of the directory that is a lower one and not ours stops nobody (ID-51)", () => {
  const directory = connected();
  const { k, own } = directory;
  const { context: c } = directory.engine;
  const copys = signed(c, [own.record], NOW_MS + 15 * DAY_MS);
  directory.connect(NOW_MS + 16 * DAY_MS);
  directory.connect(NOW_MS + 32 * DAY_MS);
  const kept = directory.lists.splice(1, 2, copys);
  assert.deepEqual([directory.own.list.seq, kept.length], [3, 2]);
  k.comparedMs = null;
  directory.asked.length = 0;
  for (const days of [33, 34, 50]) {
    directory.connect(NOW_MS + days * DAY_MS);
    assert.deepEqual(directory.events.at(-1), { type: "rejected", code: "remote.list_fork" });
  }
  assert.ok(!c.isReplaced);
  assert.ok(directory.asked.every((one) => one === "look"));
  directory.lists.splice(1, 1, ...kept);
  directory.connect(NOW_MS + 51 * DAY_MS);
  assert.ok(isPublished(k));
});

test("nor one of its own number that does not name it, which was signed before it was there (ID-51)", () => {
  const directory = connected();
  const { k, own } = directory;
  const { context: c } = directory.engine;
  const { record } = newDevice(bytesFrom(9), own.record.accountId, bytesFrom(8)(16), NOW_MS);
  const other = signed(c, [record], NOW_MS + 15 * DAY_MS);
  directory.connect(NOW_MS + 16 * DAY_MS);
  assert.equal(directory.own.list.seq, other.seq);
  directory.lists[1] = other;
  k.comparedMs = null;
  const { published } = directory;
  directory.connect(NOW_MS + 17 * DAY_MS);
  assert.deepEqual(directory.events.at(-1), { type: "rejected", code: "remote.list_fork" });
  assert.deepEqual([c.isReplaced, directory.published], [false, published]);
});
