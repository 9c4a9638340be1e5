/** The recovery code of a person: what is kept of it, what it opens, and who is told (ACC-60 to ACC-70). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex } from "@sealroom/core/bytes.ts";
import { DAY_MS, RECOVERED_FROM } from "@sealroom/core/constants.ts";
import { content, DOSSIER, LIST } from "@sealroom/core/content.ts";
import { CoreError } from "@sealroom/core/errors.ts";
import type { DeviceList } from "@sealroom/core/identity/list.ts";
import { verifyList } from "@sealroom/core/identity/list.ts";
import { accountSeedOf, decodeRecovery } from "@sealroom/core/identity/recovery.ts";
import { ed25519PublicOf } from "@sealroom/core/primitives/sign.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { decode, encode } from "@sealroom/core/wire/cbor.ts";
import type { Notice } from "@sealroom/ui/backend.ts";
import type { Customer, ShownNotice } from "../src/customer.ts";
import { take } from "../src/engine/contents.ts";
import type { Engine } from "../src/engine/engine.ts";
import { loadEngine } from "../src/engine/loading.ts";
import { putNew } from "../src/engine/new_engine.ts";
import { redated, renewList } from "../src/engine/own_lists.ts";
import type { LinkEvents, Ports } from "../src/engine/ports.ts";
import * as received from "../src/engine/received.ts";
import { lookAtAll } from "../src/engine/renewal_time.ts";
import { takeContent } from "../src/engine/rooms/arriving.ts";
import { setReplaced } from "../src/engine/state_ends.ts";
import { newDevice } from "../src/engine/upkeep.ts";
import { ClientError } from "../src/errors.ts";
import type { RoomSteps } from "../src/files/room_steps.ts";
import { checkFiles } from "../src/files/room_steps.ts";
import { furtherOf } from "../src/kin/further.ts";
import { newestList } from "../src/kin/newest_list.ts";
import type { Begun } from "../src/kin/recovering.ts";
import { begin, recovered, recoveryOf } from "../src/kin/recovering.ts";
import { Shell } from "../src/shell.ts";
import { signed } from "./kin_directory.ts";
import { MemoryPlace } from "./memory_store.ts";
import * as relay from "./relay_frames.ts";
import * as shop from "./shop.ts";
import { bytesFrom, desk, NOW_MS } from "./shop.ts";
import { engineOf, NO_SESSION, Scene, told } from "./shop_room.ts";
import { arrives, flightsOf } from "./shop_session.ts";

const NOT_FOUND = 11;
const card = { accountId: shop.accountId, name: "Praxis", relayUrl: shop.RELAY };
const PAGE = "https://chat.praxis.example";
const acceptance = { notice: shop.notice, locale: "de", purposes: 1 };
const later = () => import("../src/later.ts");

/** A relay that gives these answers to the lookups, one after the other, and what was asked of it. */
function played(answers: readonly (readonly Value[])[], nowMs = NOW_MS, greeting: Bytes | null = relay.hello()) {
  const asked: (readonly Value[])[] = [];
  const wakes: (() => void)[] = [];
  const left = [...answers];
  const state = { opened: 0, isClosed: false };
  const connect = (_: string, events: LinkEvents) => {
    state.opened += 1;
    const gives = (message: Bytes): void => queueMicrotask(() => events.received(message));
    if (greeting !== null) gives(greeting);
    const send = (message: Bytes): void => {
      const [request] = decode(message, 1_048_576) as readonly ReadonlyMap<number, Value>[];
      const [operation, id, ...fields] = [...(request?.values() ?? [])] as [Value, Value, ...Value[]];
      asked.push([operation, ...fields]);
      const answer = left.shift();
      if (answer === undefined) queueMicrotask(() => events.closed("relay.unavailable"));
      else gives(encode([relay.frame([answer[0] as Value, id, ...answer.slice(1)])]));
    };
    return { send, close: () => Object.assign(state, { isClosed: true }) };
  };
  const wake = (_: number, then: () => void) => {
    wakes.push(then);
    return () => {};
  };
  const place = new MemoryPlace();
  const ports = { place, connect, clock: { nowMs: () => nowMs, wake }, random: bytesFrom(5) } as unknown as Ports;
  return { ports, place, asked, state, passesTime: () => void wakes.map((then) => then()) };
}

const found = (lists: readonly Bytes[], more = false): readonly Value[] => [
  relay.LOOKUP_RESULT,
  ...[lists, [], [], more, []],
];

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => null,
    (problem: unknown) => problem,
  );
  assert.ok(error instanceof ClientError || error instanceof CoreError, String(error));
  return error.code;
}

/** An account in a store that was made just now. */
async function stored(place: MemoryPlace, { engine, putCode }: Begun, nowMs = NOW_MS): Promise<Shell> {
  const store = await place.create();
  const ports = { clock: { nowMs: () => nowMs, wake: () => () => {} }, later } as unknown as Ports;
  const shell = new Shell(ports, store, engine, 0);
  await shell.do((c, turn) => {
    putNew(c, turn);
    putCode(turn);
  });
  return shell;
}

async function opened(place: MemoryPlace): Promise<Engine> {
  const store = await place.open();
  assert.ok(store !== null);
  const engine = await loadEngine(store, bytesFrom(7), received, later);
  assert.ok(engine !== null);
  return engine;
}

/** What a person does with the code of an open store. */
function codeIn(shell: Shell | null, random: (sizeB: number) => Bytes = bytesFrom(4)) {
  const open = () => Promise.reject(new Error("nothing is opened"));
  return recoveryOf({ ports: { random } as unknown as Ports, company: PAGE, shell: () => shell, open });
}

// --- the code on paper ---

test("the account has the key that follows from its code, which is in no other row than its own (ACC-60)", async () => {
  for (const entry of [false, true]) {
    const { ports, place } = played([]);
    const shell = await stored(place, begin(ports, card, entry, true));
    const { groups } = await codeIn(shell).sheet();
    const code = decodeRecovery(groups.join("-"));
    assert.equal(code.entry, entry);
    assert.deepEqual(ed25519PublicOf(accountSeedOf(code.r)), shell.context.own.record.accountId);
    assert.equal(shell.context.kin !== null, entry);
    const rows = [...(place.kept?.rows ?? [])].filter(([, { value }]) => hex(value).includes(hex(code.r.expose())));
    assert.deepEqual(rows.length, 1);
    assert.equal((await opened(place)).context.code, "shown");
  }
});

test("a code counts as kept once the two groups were typed that were drawn, and no others (ACC-68)", async () => {
  const { ports, place } = played([]);
  const shell = await stored(place, begin(ports, card, false, true));
  const recovery = codeIn(shell);
  const sheet = await recovery.sheet();
  const groups = sheet.groups as readonly [string, ...string[]];
  const [first, second] = sheet.asked as readonly [number, number];
  assert.ok(1 <= first && first < second && second <= 6);
  const right = [groups[first - 1], groups[second - 1]] as [string, string];
  const others = groups.filter((_, i) => !sheet.asked.includes(i + 1)).slice(0, 2);
  for (const [typed, wrong] of [
    [[right[0], "00000"], second],
    [["", right[1]], first],
    [[right[1], right[0]], first],
    [others, first],
    [[right[0], right[1] + right[1]], second],
  ] as const) {
    assert.equal(await recovery.typedBack(typed), wrong);
  }
  for (const typed of [[], [right[0]], [...right, right[0]], groups]) {
    assert.equal(await refusal(recovery.typedBack(typed)), "recovery.none");
  }
  assert.deepEqual((await recovery.sheet()).asked, sheet.asked);
  assert.equal(shell.context.code, "shown");
  assert.equal(await recovery.typedBack(right.map((one) => ` ${one.toLowerCase()} `)), null);
  assert.equal(shell.context.code, "kept");
  assert.equal((await opened(place)).context.code, "kept");
  assert.ok((await recovery.sheet()).isKept);
});

test("a code is shown with the company's name in the store, and the page that the device uses (ACC-72)", async () => {
  const { ports, place } = played([]);
  const shell = await stored(place, begin(ports, { ...card, name: "Praxis Dr. Weber" }, false, true));
  const { company, origin } = await codeIn(shell).sheet();
  assert.deepEqual([company, origin], ["Praxis Dr. Weber", PAGE]);
});

test("who types a code back by which somebody else has gone on with the account is told so all the same (ACC-67)", async () => {
  const { ports, place } = played([]);
  const shell = await stored(place, begin(ports, card, false, true));
  const recovery = codeIn(shell);
  const { groups, asked } = await recovery.sheet();
  await shell.do((c, turn) => setReplaced(c, turn, true));
  assert.equal(await recovery.typedBack(asked.map((n) => groups[n - 1] ?? "")), null);
  assert.deepEqual([shell.context.code, (await opened(place)).context.code], ["used", "used"]);
});

test("groups that nothing has asked for since the store was opened confirm nothing (ACC-68)", async () => {
  const { ports, place } = played([]);
  const shell = await stored(place, begin(ports, card, false, true));
  const { groups, asked } = await codeIn(shell).sheet();
  const store = await place.open();
  assert.ok(store !== null);
  const again = new Shell(ports, store, await opened(place), await store.version());
  const typed = asked.map((n) => groups[n - 1] ?? "");
  assert.equal(await refusal(codeIn(again).typedBack(typed)), "recovery.none");
  assert.equal(again.context.code, "shown");
});

test("each pair of groups can be drawn (ACC-68)", async () => {
  const { ports, place } = played([]);
  const begun = begin(ports, card, false, true);
  const drawn = new Set<string>();
  for (let byte = 0; byte < 256; byte += 17) {
    for (let next = 0; next < 256; next += 17) {
      const bytes = [byte, next];
      const shell = await stored(place, begun);
      const { asked } = await codeIn(shell, () => Uint8Array.of(bytes.shift() ?? 0)).sheet();
      drawn.add(asked.join());
    }
  }
  assert.equal(drawn.size, 15);
});

test("a device without a code says so (ACC-60)", async () => {
  const { place } = played([]);
  const shell = await stored(place, { engine: engineOf(), putCode: () => {} });
  const recovery = codeIn(shell);
  assert.equal(await refusal(recovery.sheet()), "recovery.none");
  assert.equal(await refusal(recovery.typedBack(["AAAAA", "AAAAA"])), "recovery.none");
  assert.equal((await opened(place)).context.code, "none");
  assert.equal(await refusal(codeIn(null).sheet()), "recovery.none");
});

// --- recovering ---

/** A code of an account, and lists that the account has signed. */
function account(entry: boolean) {
  const { ports } = played([]);
  const { engine } = begin({ ...ports, random: bytesFrom(31) }, card, entry, true);
  return engine.context;
}

async function codeOf(entry: boolean): Promise<string> {
  const { ports, place } = played([]);
  const shell = await stored(place, begin({ ...ports, random: bytesFrom(31) }, card, entry, true));
  return (await codeIn(shell).sheet()).groups.join("-");
}

test("without an entry the relay is asked for nothing, and the list is the clock's (ACC-63, ACC-64)", async () => {
  const { ports, place, state } = played([]);
  const begun = await recovered(ports, card, await codeOf(false), acceptance);
  const { own, kin } = begun.engine.context;
  assert.deepEqual([state.opened, kin], [0, null]);
  assert.equal(own.list.seq, RECOVERED_FROM + 2 * Math.floor((NOW_MS - 1_577_836_800_000) / 4_000));
  assert.deepEqual(own.list.prevHash, new Uint8Array(32));
  assert.deepEqual(own.list.recordHashes, [own.record.hash]);
  assert.deepEqual(own.record.accountId, account(false).own.record.accountId);
  assert.notDeepEqual(own.record.deviceId, account(false).own.record.deviceId);
  const shell = await stored(place, begun);
  assert.equal(shell.context.code, "kept");
  assert.equal((await opened(place)).context.own.list.seq, own.list.seq);
});

test("two recoveries by clocks four seconds apart are two numbers apart, so that the later one counts (ACC-63)", async () => {
  const code = await codeOf(false);
  const seqAt = async (ms: number): Promise<number> => {
    const { engine } = await recovered(played([], ms).ports, card, code, acceptance);
    return engine.context.own.list.seq;
  };
  const first = await seqAt(NOW_MS);
  assert.equal(await seqAt(NOW_MS + 4_000), first + 2);
  const { engine } = await recovered(played([]).ports, card, code, acceptance);
  engine.do(NOW_MS + 20 * DAY_MS, renewList);
  assert.ok(engine.context.own.list.seq > first);
});

test("with an entry the list goes on from the newest that the directory shows (ACC-63, ACC-64)", async () => {
  const c = account(true);
  const record = c.own.record;
  const second = signed(c, [record], NOW_MS, 2);
  const ahead = signed(c, [record], NOW_MS, 2 ** 31 - 2 ** 24 - 2 ** 23 - 9);
  for (const [pages, last] of [
    [[found([c.own.list.signed, second.signed])], second],
    [[found([c.own.list.signed], true), found([second.signed])], second],
    [[found([second.signed, shop.list.signed, new Uint8Array(9)])], second],
    [[found([second.signed, c.own.list.signed])], second],
    [[found([second.signed], true), [relay.ERROR, NOT_FOUND, 0]], second],
    [[found([ahead.signed])], ahead],
  ] as readonly (readonly [(readonly Value[])[], DeviceList])[]) {
    const { ports, asked, state } = played(pages);
    const { engine } = await recovered(ports, card, await codeOf(true), acceptance);
    const { list } = engine.context.own;
    assert.deepEqual(list.prevHash, last.hash);
    assert.ok(list.seq > last.seq + 1 && (list.seq - last.seq) % 2 === 0);
    assert.ok(engine.context.kin !== null);
    assert.equal(asked.length, pages.length);
    assert.ok(state.isClosed);
  }
});

test("where the directory has none the account goes on without an entry (ACC-64)", async () => {
  for (const answer of [[relay.ERROR, NOT_FOUND, 0], found([])]) {
    const { ports } = played([answer]);
    const { engine } = await recovered(ports, card, await codeOf(true), acceptance);
    assert.equal(engine.context.kin, null);
    assert.deepEqual(engine.context.own.list.prevHash, new Uint8Array(32));
  }
});

test("a relay that does not answer as it should stops a recovery before anything is made (ACC-64)", async () => {
  const code = await codeOf(true);
  const endless = Array.from({ length: 70 }, () => found([], true));
  for (const [answers, greeting] of [
    [[], relay.hello()],
    [[[relay.ERROR, relay.UNAVAILABLE, 0]], relay.hello()],
    [[[relay.DONE]], relay.hello()],
    [[], relay.hello({ version: 2 })],
    [[], Uint8Array.of(0xff)],
    [endless, relay.hello()],
  ] as readonly (readonly [(readonly Value[])[], Bytes])[]) {
    const { ports, place, asked, state } = played(answers, NOW_MS, greeting);
    assert.equal(await refusal(recovered(ports, card, code, acceptance)), "relay.unavailable");
    assert.deepEqual([place.created, state.isClosed, asked.length <= 64], [0, true, true]);
  }
  const { ports, passesTime } = played([], NOW_MS, null);
  const waiting = newestList(ports, shop.RELAY, shop.accountId);
  passesTime();
  assert.equal(await refusal(waiting), "relay.unavailable");
});

test("what is no code, no acceptance or no clock is refused before anything leaves (ACC-62, ACC-65, ACC-70)", async () => {
  const code = await codeOf(true);
  const at2020 = 1_577_836_800_000;
  for (const [typed, purposes, nowMs, wanted] of [
    [code.slice(0, -1), 1, NOW_MS, "recovery.code"],
    ["", 1, NOW_MS, "recovery.code"],
    [code, 0, NOW_MS, "local.argument"],
    [code, 2 ** 20, NOW_MS, "local.argument"],
    [code, 1, 0, "local.list_number"],
    [code, 1, at2020 + 3_999, "local.list_number"],
    [code, 1, 4 * 10 ** 12, "local.list_number"],
    [code, 1, 31 * 10 ** 12, "local.list_number"],
  ] as const) {
    const { ports, place, state } = played([], nowMs);
    assert.equal(await refusal(recovered(ports, card, typed, { ...acceptance, purposes })), wanted);
    assert.deepEqual([state.opened, place.created], [0, 0]);
  }
});

test("an account that has used up its numbers is not recovered (ACC-70)", async () => {
  const c = account(true);
  const last = signed(c, [c.own.record], NOW_MS, 2 ** 31 - 2 ** 24);
  const { ports, place } = played([found([last.signed])]);
  assert.equal(await refusal(recovered(ports, card, await codeOf(true), acceptance)), "local.list_number");
  assert.equal(place.created, 0);
});

// --- who is told ---

/** A device of the company gives us a list of our own account. */
function given(engine: Engine, list: DeviceList, nowMs: number) {
  const one = content(LIST, new Uint8Array(16), nowMs, { name: "list", list: list.signed });
  engine.context.received = received;
  return engine.do(nowMs, (c, turn) => take(c, turn, desk.id, NO_SESSION, one)).turn;
}

test("without an entry, too, a list that leaves this device out ends it for good (ACC-67)", async () => {
  const last = RECOVERED_FROM + 9;
  for (const [seq, isNamed, isReplaced] of [
    [last, false, true],
    [last, true, false],
    [RECOVERED_FROM, false, true],
    [2, false, true],
  ] as const) {
    const place = new MemoryPlace();
    const shell = await stored(place, { engine: engineOf(), putCode: () => {} });
    const { own } = shell.context;
    const other = newDevice(bytesFrom(9), own.record.accountId, bytesFrom(8)(16), NOW_MS);
    const list = signed(shell.context, isNamed ? [own.record, other.record] : [other.record], NOW_MS, seq);
    const one = content(LIST, new Uint8Array(16), NOW_MS, { name: "list", list: list.signed });
    const events: string[] = [];
    shell.listen(({ type }) => events.push(type));
    for (let n = 0; n < 2; n++) await shell.do((c, turn) => take(c, turn, desk.id, NO_SESSION, one));
    await new Promise((done) => setTimeout(done, 0));
    assert.equal(events.filter((type) => type === "replaced").length, isReplaced ? 1 : 0);
    const again = await opened(place);
    assert.equal(again.context.isReplaced, isReplaced);
    const before = again.context.own.list.seq;
    again.do(NOW_MS + 20 * DAY_MS, renewList);
    assert.equal(again.context.own.list.seq > before, !isReplaced);
  }
});

test("without an entry a device that has the code is ended by a list that names another one beside it (ACC-75, ACC-74)", () => {
  for (const [hasCode, seq, isReplaced] of [
    [true, 5, true],
    [true, RECOVERED_FROM + 9, true],
    [false, 5, false],
  ] as const) {
    const { engine, c } = new Scene();
    if (hasCode) c.code = "shown";
    const thief = newDevice(bytesFrom(9), c.own.record.accountId, bytesFrom(8)(16), NOW_MS);
    const turn = given(engine, signed(c, [c.own.record, thief.record], NOW_MS, seq), NOW_MS);
    assert.equal(c.isReplaced, isReplaced);
    const events = told(turn).filter(({ type }) => type === "replaced");
    assert.deepEqual(events, isReplaced ? [{ type: "replaced", byCode: true }] : []);
    assert.equal(c.own.list.seq, isReplaced ? 1 : seq);
  }
  const { engine, c } = new Scene();
  c.code = "kept";
  const list = signed(c, [c.own.record], NOW_MS, 5);
  given(engine, list, NOW_MS);
  assert.deepEqual([c.isReplaced, c.own.list.seq], [false, 5]);
});

/** A device of the company shows us a list, in a dossier. */
function shown(engine: Engine, value: Value, nowMs: number) {
  const one = content(DOSSIER, new Uint8Array(16), nowMs, { name: "room", value });
  return engine.do(nowMs, (c, turn) => takeContent(c, turn, desk.id, one));
}

test("a device that was listed over night is told of, when our newest list has a higher number (ACC-75, ACC-76, ACC-77, ACC-78)", () => {
  for (const [hasCode, named, isReplaced] of [
    [true, "beside", true],
    [true, "instead", true],
    [true, "nobody", true],
    [true, "anew", true],
    [true, "own", false],
    [false, "own", false],
    [false, "beside", false],
    [false, "instead", false],
  ] as const) {
    const { engine, c } = new Scene();
    if (hasCode) c.code = "kept";
    const { record } = c.own;
    const thief = newDevice(bytesFrom(9), record.accountId, bytesFrom(8)(16), NOW_MS).record;
    const anew = redated(record, NOW_MS + DAY_MS);
    const listed = { beside: [record, thief], instead: [thief], nobody: [], anew: [anew], own: [record] }[named];
    const atNight = signed(c, listed, NOW_MS, 5);
    // In the morning our own list is renewed; the thief has taken its device out again.
    engine.do(NOW_MS + 20 * DAY_MS, renewList);
    assert.ok(c.own.list.seq > atNight.seq);
    const { turn, result } = shown(engine, new Map<number, Value>([[1, atNight.signed]]), NOW_MS + 20 * DAY_MS);
    assert.equal(result, true);
    const events = told(turn).filter(({ type }) => type === "replaced");
    assert.deepEqual(events, isReplaced ? [{ type: "replaced", byCode: true }] : []);
  }
});

test("lists of our own, and those from before the first, end no device that has the code (ACC-75)", async () => {
  const ports = played([found([])], NOW_MS).ports;
  const { engine } = await recovered(ports, card, await codeOf(false), acceptance);
  const c = engine.context;
  c.code = "kept";
  const [first] = c.ownLists as [DeviceList];
  const thief = newDevice(bytesFrom(9), c.own.record.accountId, bytesFrom(8)(16), NOW_MS).record;
  engine.do(NOW_MS + 20 * DAY_MS, renewList);
  const before = signed(c, [c.own.record, thief], NOW_MS, first.seq - 1);
  for (const one of [before, first, c.own.list]) {
    shown(engine, new Map<number, Value>([[1, one.signed]]), NOW_MS + 20 * DAY_MS);
    assert.equal(c.isReplaced, false);
  }
  const beside = signed(c, [c.own.record, thief], NOW_MS, first.seq);
  shown(engine, new Map<number, Value>([[1, beside.signed]]), NOW_MS + 20 * DAY_MS);
  assert.equal(c.isReplaced, true);
});

test("a dossier without a list of our account is refused (ACC-77)", () => {
  const { engine } = new Scene();
  const other = new Map<number, Value>([[1, shop.list.signed]]);
  assert.throws(() => shown(engine, other, NOW_MS), /room\.right/);
  assert.throws(() => shown(engine, new Map<number, Value>([[2, []]]), NOW_MS), /remote\.content/);
});

test("a device without an entry that was replaced writes nothing more, and keeps what it has (ACC-67)", () => {
  const scene = new Scene();
  scene.state([shop.agent]);
  const text = scene.says("vorher");
  const { record } = scene.c.own;
  const other = newDevice(bytesFrom(9), record.accountId, bytesFrom(8)(16), NOW_MS);
  const turn = given(scene.engine, signed(scene.c, [other.record], NOW_MS, RECOVERED_FROM + 9), NOW_MS);
  assert.deepEqual(
    told(turn).filter(({ type }) => type === "replaced"),
    [{ type: "replaced", byCode: true }],
  );
  assert.throws(() => scene.says("nachher"), /account\.replaced/);
  assert.ok(scene.kept(text.hash) !== null);
  assert.ok(arrives(scene.engine, flightsOf(scene.engine, shop.agent, NOW_MS)(spare()), NOW_MS).result);
  assert.deepEqual(scene.c.outbox.lane(shop.agent.id).ready, []);
});

test("a device that was replaced seals no file either, so that none is sent up for nobody (ACC-67)", () => {
  const scene = new Scene();
  scene.state([shop.agent]);
  const check = () =>
    scene.engine.do(NOW_MS, (c, turn) =>
      checkFiles({ c, turn } as unknown as RoomSteps, { room: scene.roomId, seq: 1 }),
    );
  check();
  scene.engine.do(NOW_MS, (c, turn) => setReplaced(c, turn, true));
  assert.throws(check, /account\.replaced/);
});

function spare() {
  return content(7, new Uint8Array(16), NOW_MS, { name: "nothing" } as never);
}

/** What waits to be sent to the agent after the company's list leaves it out. */
function afterStrikingOff(seq: number, hasSession = true) {
  const engine = engineOf();
  if (hasSession) arrives(engine, flightsOf(engine, shop.agent, NOW_MS)(spare()), NOW_MS);
  const list = shop.listOf([desk, shop.second, shop.other], seq, shop.list);
  given(engine, list, NOW_MS);
  return { engine, list, ready: () => engine.context.outbox.lane(shop.agent.id).ready };
}

test("a device that is struck off is sent the list that does so on its session (ACC-66)", () => {
  for (const [seq, hasSession, count] of [
    [RECOVERED_FROM + 2, true, 1],
    [RECOVERED_FROM + 2, false, 0],
    [2, true, 1],
    [2, false, 0],
  ] as const) {
    const { engine, ready } = afterStrikingOff(seq, hasSession);
    assert.equal(ready().length, count);
    assert.equal(engine.context.sessions.size, 0);
  }
});

test("the last word waits for the relay, until 44 days after the last use of the device (ACC-66)", () => {
  const { engine, list, ready } = afterStrikingOff(RECOVERED_FROM + 2);
  const next = shop.listOf([desk, shop.second], list.seq + 1, list, NOW_MS + DAY_MS);
  given(engine, next, NOW_MS + DAY_MS);
  assert.equal(ready().length, 1);
  engine.do(NOW_MS + 43 * DAY_MS, lookAtAll);
  assert.equal(ready().length, 1);
  const { turn } = engine.do(NOW_MS + 46 * DAY_MS, lookAtAll);
  assert.equal(ready().length, 0);
  assert.ok(turn.changes().some(({ kind, value }) => kind === "outbox" && value === null));
  assert.ok(!engine.context.peers.has(hex(shop.agent.id)));
});

test("a list of one's own account above 2^30 that names us is gone on from (ACC-63, ID-40)", () => {
  const engine = engineOf();
  const list = signed(engine.context, [engine.context.own.record], NOW_MS, RECOVERED_FROM + 2);
  given(engine, list, NOW_MS);
  assert.deepEqual(verifyList(list.accountId, engine.context.own.list.signed).hash, list.hash);
});

test("a recovered device that was set back by two records takes its list back, and is not replaced (ID-40, ACC-67)", async () => {
  const code = await codeOf(false);
  const made = async () => (await recovered(played([], NOW_MS + 2 * DAY_MS).ports, card, code, acceptance)).engine;
  const live = await made();
  const setBack = await made();
  for (const days of [1, 0]) live.do(NOW_MS + days * DAY_MS, renewList);
  const { list, record } = live.context.own;
  assert.ok(!list.recordHashes.some((one) => hex(one) === hex(setBack.context.own.record.hash)));
  given(setBack, list, NOW_MS);
  assert.ok(!setBack.context.isReplaced);
  assert.deepEqual(setBack.context.own.list.hash, list.hash);
  assert.deepEqual(setBack.context.own.record.hash, record.hash);
});

test("a person who does not wait any longer ends a recovery before anything is made (ACC-64)", async () => {
  for (const [entry, greeting, wanted] of [
    [true, null, "relay.unavailable"],
    [true, relay.hello(), "relay.unavailable"],
    [false, AbortSignal.abort(), "client.closed"],
    [true, AbortSignal.abort(), "relay.unavailable"],
  ] as const) {
    const code = await codeOf(entry);
    const end = new AbortController();
    const isOver = greeting instanceof AbortSignal;
    const { ports, state, place } = played([found([])], NOW_MS, isOver ? null : greeting);
    const waiting = refusal(recovered(ports, card, code, acceptance, isOver ? greeting : end.signal));
    end.abort();
    assert.equal(await waiting, wanted);
    assert.deepEqual([place.created, state.isClosed], [0, entry]);
  }
});

test("what is accepted is the notice that was shown, and no other in its place (CNS-18, ACC-65)", async () => {
  const accepted: unknown[] = [];
  const shown = { number: 1, issuedMs: NOW_MS, locale: "de" } as Notice;
  const recover = async (_: unknown, typed: string, { lang, purposes }: Record<string, unknown>) => {
    accepted.push([typed, lang, purposes]);
  };
  const act = furtherOf({
    customer: async () => ({ recovery: async () => ({ recover }) }) as unknown as Customer,
    notice: (of) => {
      if (of.number !== shown.number) throw new ClientError("client.notice_changed", "another one");
      return {} as ShownNotice;
    },
  });
  const given = { handle: "a", code: "X", purposes: [1] };
  assert.equal(await refusal(act("recover", { ...given, shown: { ...shown, number: 2 } })), "client.notice_changed");
  assert.deepEqual(accepted, []);
  await act("recover", { ...given, shown });
  assert.deepEqual(accepted, [["X", "de", [1]]]);
});

test("whether it was the code that has put a device out is told, and stays known (ACC-67)", async () => {
  for (const byCode of [true, false]) {
    const place = new MemoryPlace();
    const shell = await stored(place, { engine: engineOf(), putCode: () => {} });
    const events: unknown[] = [];
    shell.listen((event) => void events.push(event));
    await shell.do((c, turn) => setReplaced(c, turn, byCode));
    assert.deepEqual(events, [{ type: "replaced", byCode }]);
    const again = (await opened(place)).context;
    assert.deepEqual([again.isReplaced, again.code], [true, byCode ? "used" : "none"]);
  }
});
