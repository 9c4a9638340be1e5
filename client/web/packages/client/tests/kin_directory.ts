/** A customer's account with a directory entry, and the relay that has it, as far as the entry goes (RLY-50 to RLY-54). */
import assert from "node:assert/strict";
import type { Bytes } from "@sealroom/core/bytes.ts";
import { compare, hex, same } from "@sealroom/core/bytes.ts";
import { DAY_MS } from "@sealroom/core/constants.ts";
import type { DeviceList } from "@sealroom/core/identity/list.ts";
import { signList, verifyList } from "@sealroom/core/identity/list.ts";
import type { DeviceRecord } from "@sealroom/core/identity/record.ts";
import { decodeRecord } from "@sealroom/core/identity/record.ts";
import type { Answer } from "@sealroom/core/relay/answers.ts";
import { NOT_FOUND } from "@sealroom/core/relay/requests.ts";
import type { Ed25519Seed } from "@sealroom/core/secret.ts";
import { decode } from "@sealroom/core/wire/cbor.ts";
import type { Context } from "../src/engine/context.ts";
import type { Engine } from "../src/engine/engine.ts";
import type { CustomerEvent } from "../src/engine/events.ts";
import type { Link } from "../src/engine/links.ts";
import { linkOf } from "../src/engine/links.ts";
import { newEngine, putNew } from "../src/engine/new_engine.ts";
import type { Row } from "../src/engine/ports.ts";
import * as received from "../src/engine/received.ts";
import type { Turn } from "../src/engine/turn.ts";
import { publish } from "../src/kin/entry.ts";
import { kinOf, kinState } from "../src/kin/kin.ts";
import type { KinState } from "../src/kin/state.ts";
import { stateOf } from "../src/kin/state.ts";
import * as shop from "./shop.ts";
import { bytesFrom } from "./shop.ts";

const PUBLISH = 8;
const LOOKUP = 9;
export const PREKEYS_UPLOAD = 10;
const PREKEYS_COUNT = 11;
const BAD_ENTRY = 12;
const MAX_REQUESTS = 300;
const MAX_REQUEST_B = 1_000_000;

/** What the relay has, and whether what it is sent gets there, and its answers get back. */
export class Directory {
  readonly lists: DeviceList[] = [];
  records: readonly Bytes[] = [];
  addresses: readonly (Bytes | null)[] = [];
  /** Whether PUBLISH is lost on its way, or what answers it. */
  loses: "request" | "answer" | null = null;
  /** What answers PREKEYS_UPLOAD and PREKEYS_COUNT; nothing does without it. */
  stock: ((operation: number, fields: readonly unknown[]) => Answer | null) | null = null;
  /** What refuses a PUBLISH, and what a LOOKUP. */
  refuses: Answer | null = null;
  refusesLook: Answer | null = null;
  /** How many lists one answer has. */
  pageLists = 64;
  lookedUp = 0;
  published = 0;
  /** What was asked of the entry: the numbers of the lists of a PUBLISH, or "look". */
  readonly asked: ("look" | readonly number[])[] = [];
  /** The rows of the account, as they were written last. */
  readonly rows = new Map<string, Row>();
  readonly events: CustomerEvent[] = [];
  readonly engine: Engine;
  readonly k: KinState;
  #atMs = 0;

  constructor(engine: Engine) {
    this.engine = engine;
    this.k = kinState(engine.context) as KinState;
  }

  get own(): Context["own"] {
    return this.engine.context.own;
  }

  /** Bring the entry up to date, as with a connection that was just made. */
  connect(atMs: number): void {
    const c = this.engine.context;
    c.links.all.clear();
    c.links.online = true;
    this.k.isFresh = false;
    this.do(atMs, (context, turn) => {
      const link = linkOf(context, turn, "mailbox");
      link.state = "ready";
      publish(this.k, turn, link);
    });
  }

  /** A step of the engine; what it asks its own relay of the entry is answered. */
  do(atMs: number, step: (c: Context, turn: Turn) => unknown): void {
    this.#atMs = atMs;
    const waiting = this.#sent(this.engine.do(atMs, step).turn);
    for (let n = 0; waiting.length > 0; n++) {
      assert.ok(n < MAX_REQUESTS, "it does not come to rest");
      const [operation, id, ...fields] = waiting.shift() as [number, number, ...unknown[]];
      const link = this.engine.context.links.all.get("mailbox") as Link;
      const one = link.pending.get(id);
      const answer = this.#answer(operation, fields);
      if (one === undefined || answer === null) continue;
      link.pending.delete(id);
      waiting.push(...this.#sent(this.engine.do(atMs, (_, turn) => one.answered(turn, answer)).turn));
    }
  }

  /** What an engine that opens the store now knows beside its account. */
  reopened(): KinState {
    return stateOf(this.engine.context, [...this.rows.values()]);
  }

  #sent(turn: Turn): unknown[][] {
    for (const { kind, key, value } of turn.changes()) {
      if (value === null) this.rows.delete(hex(key));
      else if (kind === "account") this.rows.set(hex(key), { kind, key, value });
    }
    return turn.effects().flatMap((one) => {
      if (one.name === "notify") this.events.push(one.event);
      if (one.name !== "send" || one.channel !== "mailbox") return [];
      const [request] = decode(one.message, MAX_REQUEST_B) as unknown as [Map<number, unknown>];
      return [[...request.values()]];
    });
  }

  #answer(operation: number, fields: readonly unknown[]): Answer | null {
    if (operation === LOOKUP) return this.#found(fields[1] as number);
    if (operation === PREKEYS_UPLOAD || operation === PREKEYS_COUNT) return this.stock?.(operation, fields) ?? null;
    if (operation !== PUBLISH) return null;
    const lists = (fields[1] as Bytes[]).map((one) => verifyList(this.own.record.accountId, one));
    this.asked.push(lists.map((one) => one.seq));
    if (this.loses === "request" || this.refuses !== null) return this.refuses;
    // It takes no head that is over (RLY-52).
    const isOver = (lists.at(-1) as DeviceList).expiresMs <= this.#atMs;
    if (isOver) return { name: "error", code: BAD_ENTRY, retryAfterMs: 0 };
    this.#take(lists, fields[2] as Bytes[], fields[3] as (Bytes | null)[]);
    return this.loses === "answer" ? null : { name: "done" };
  }

  #found(afterSeq: number): Answer {
    this.lookedUp += 1;
    this.asked.push("look");
    if (this.refusesLook !== null) return this.refusesLook;
    if (this.lists.length === 0) return { name: "error", code: NOT_FOUND, retryAfterMs: 0 };
    const newer = this.lists.filter((one) => one.seq > afterSeq).map((one) => one.signed);
    const { records, addresses } = this;
    const lists = newer.slice(0, this.pageLists);
    return { name: "lookup_result", lists, records, addresses, more: newer.length > lists.length, slots: [] };
  }

  #take(lists: readonly DeviceList[], records: readonly Bytes[], addresses: readonly (Bytes | null)[]): void {
    this.published += 1;
    for (const list of lists) {
      const head = this.lists.at(-1);
      if (head === undefined || list.seq > head.seq) {
        assert.ok(head === undefined || same(list.prevHash as Bytes, head.hash), "a list that does not follow");
        this.lists.push(list);
      } else
        assert.ok(
          this.lists.some((one) => same(one.hash, list.hash)),
          "two lists of one number",
        );
    }
    const named = (this.lists.at(-1) as DeviceList).recordHashes;
    assert.deepEqual(
      records.map((one) => decodeRecord(one).hash),
      named,
    );
    assert.equal(addresses.length, named.length);
    [this.records, this.addresses] = [records, addresses];
  }
}

/** A customer's first device that was made at a time. */
export function madeAt(ms: number): Engine {
  const engine = newEngine(bytesFrom(2), { accountId: shop.accountId, name: "P", relayUrl: shop.RELAY }, ms);
  const c = engine.context;
  c.kin = kinOf(c, []);
  c.received = received;
  c.company = { ...c.company, list: shop.list };
  engine.do(ms, (context, step) => {
    putNew(context, step);
  });
  return engine;
}

/** A list of an account as its key signs it, after the one in use. */
export function signed(
  c: Context,
  records: readonly DeviceRecord[],
  atMs: number,
  seq = c.own.list.seq + 1,
): DeviceList {
  const { accountId } = c.own.record;
  const fields = {
    ...{ accountId, seq, prevHash: c.own.list.hash, issuedMs: atMs, expiresMs: atMs + 30 * DAY_MS },
    ...{ recoveryPublic: null, recordHashes: records.map((one) => one.hash).sort(compare) },
  };
  return verifyList(accountId, signList(c.own.accountSeed as Ed25519Seed, fields));
}
