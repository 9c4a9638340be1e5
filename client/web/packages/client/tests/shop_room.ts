/** An engine that has a room with the company of `shop.ts`, and what devices of the company write in it. */
import type { Bytes } from "@sealroom/core/bytes.ts";
import { compare, hex } from "@sealroom/core/bytes.ts";
import type { Content } from "@sealroom/core/content.ts";
import { content, ENTRY, FORWARD, ROSTER } from "@sealroom/core/content.ts";
import { CoreError } from "@sealroom/core/errors.ts";
import type { Entry, Header } from "@sealroom/core/rooms/entry.ts";
import * as entries from "@sealroom/core/rooms/entry.ts";
import { lineOf } from "@sealroom/core/rooms/entry_reading.ts";
import type { Session } from "@sealroom/core/session.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { cborMap, encode } from "@sealroom/core/wire/cbor.ts";
import { take } from "../src/engine/contents.ts";
import type { Context } from "../src/engine/context.ts";
import type { Engine } from "../src/engine/engine.ts";
import type { CustomerEvent } from "../src/engine/events.ts";
import { pin } from "../src/engine/lists.ts";
import { newEngine, putNew } from "../src/engine/new_engine.ts";
import * as received from "../src/engine/received.ts";
import { accept } from "../src/engine/rooms/consenting.ts";
import type { Draft } from "../src/engine/rooms/draft.ts";
import type { Kept, Room } from "../src/engine/rooms/model.ts";
import { stepIn } from "../src/engine/rooms/rooms.ts";
import { write } from "../src/engine/rooms/writing.ts";
import { newPeer, setPeer } from "../src/engine/state.ts";
import { learnNotice, noteEntry } from "../src/engine/team_learning.ts";
import type { Turn } from "../src/engine/turn.ts";
import type { Device } from "./shop.ts";
import * as shop from "./shop.ts";
import { NOW_MS } from "./shop.ts";

const rng = shop.bytesFrom(98);
export const STATE = 2;
export const SAID = 3;
export const MARKED = 15;
export const ERASE = 5;
export const EDIT = 4;

/** Of a session a content that came on it needs the id alone. */
export const NO_SESSION = { ratchet: { sessionId: new Uint8Array(32) } } as unknown as Session;

export function map(...values: readonly Value[]): Value {
  return cborMap(values.map((value, i) => [i + 1, value] as const));
}

/** What an engine tells in a step. */
export function told(turn: Turn): readonly CustomerEvent[] {
  return turn.effects().flatMap((one) => (one.name === "notify" ? [one.event] : []));
}

/** Codes of what a step has refused. */
export function refusals(turn: Turn): readonly string[] {
  return told(turn).flatMap((one) => (one.type === "entry-refused" || one.type === "rejected" ? [one.code] : []));
}

export function codeOf(step: () => unknown): string | null {
  try {
    step();
  } catch (error) {
    if (error instanceof CoreError) return error.code;
    throw error;
  }
  return null;
}

/** An engine that knows the company, its devices and its notice. */
export function engineOf(): Engine {
  const card = { accountId: shop.accountId, name: "Praxis", relayUrl: shop.RELAY };
  const engine = newEngine(shop.bytesFrom(2), card, NOW_MS);
  engine.context.received = received;
  engine.do(NOW_MS, (c, turn) => {
    putNew(c, turn);
    for (const { record } of [shop.desk, shop.second, shop.agent, shop.other]) setPeer(c, turn, newPeer(record));
    pin(c, turn, shop.list);
    learnRoster(c, turn, shop.roster);
    learnNotice(c, turn, shop.notice, [{ locale: "de", text: shop.TEXT }]);
  });
  return engine;
}

/** Let an engine learn of a roster as from the company's slot in the directory. */
export function learnRoster(c: Context, turn: Turn, roster: typeof shop.roster, lists = [shop.list]): void {
  const records = [shop.desk, shop.second, shop.agent, shop.other].map(({ record }) => record.bytes);
  const slot = slotOf(roster);
  const found = { name: "lookup_result", lists: lists.map((one) => one.signed), records, addresses: [] } as const;
  noteEntry(c, turn, { ...found, more: false, slots: [slot] });
}

function slotOf(roster: typeof shop.roster): Bytes {
  return encode([roster.mandate.signed, roster.signed]);
}

export interface Told {
  readonly turn: Turn;
  readonly codes: readonly string[];
}

/** A room of an engine, and each device's chain in it. */
export class Scene {
  readonly engine: Engine;
  readonly roomId: Bytes;
  nowMs = NOW_MS;
  readonly #chains = new Map<string, Entry[]>();
  /** The numbers of what each device has sent. */
  readonly #given = new Map<string, number>();

  constructor(engine = engineOf()) {
    this.engine = engine;
    const given = { notice: shop.notice, locale: "de", purposes: 1 };
    this.roomId = engine.do(NOW_MS, (c, turn) => accept(c, turn, given)).result;
  }

  get c(): Context {
    return this.engine.context;
  }

  get room(): Room {
    return this.c.rooms.get(hex(this.roomId)) as Room;
  }

  kept(hash: Bytes): Kept | null {
    return this.room.entries.get(hex(hash)) ?? null;
  }

  /** Something in the room, as the person does it. */
  in<T>(work: (d: Draft) => T): { readonly turn: Turn; readonly result: T } {
    return this.engine.do(this.nowMs, (c, turn) => stepIn(c, turn, this.roomId, work));
  }

  /** An entry of the person. */
  writes(kind: number, payload: Value): Entry {
    return this.in((d) => write(d, kind, payload)).result;
  }

  says(text: string): Entry {
    return this.writes(SAID, map(text));
  }

  /** An entry of a device of the company, which nobody has been sent yet. */
  entryOf(device: Device, kind: number, payload: Value, header: Partial<Header> = {}): Entry {
    const chain = this.#chains.get(hex(device.id)) ?? [];
    const last = chain.at(-1) ?? null;
    const n = header.n ?? (last === null ? 0 : last.header.n + 1);
    const prev = n === 0 ? null : (last?.hash ?? null);
    const full = { roomId: this.roomId, kind, n, prev, seen: [], state: null, sentMs: this.nowMs, ...header };
    const headerBytes = entries.encodeHeader(full);
    const body = entries.encodeBody(rng(entries.BLIND_B), payload);
    const commitment = entries.commitmentOf(body);
    const hash = entries.entryHashOf(shop.accountId, device.id, commitment, headerBytes);
    const author = { accountId: shop.accountId, deviceId: device.id, signPublic: device.record.signPublic };
    const signature = entries.signEntry(device.signSeed, hash);
    const entry = { author, headerBytes, header: full, body, commitment, signature, hash };
    this.#chains.set(hex(device.id), [...chain, entry]);
    return entry;
  }

  /** The entry arrives in a session with its author. */
  arrives(entry: Entry): Told {
    const payload = entries.entryPayload(entry.headerBytes, entry.body as Bytes, entry.signature);
    const one = content(ENTRY, entries.contentIdOf(entry.hash), entry.header.sentMs, { name: "room", value: payload });
    return this.takes(entry.author.deviceId, one);
  }

  /** Lines of entries, given by a device. */
  forwards(deviceId: Bytes, given: readonly Entry[]): Told {
    const payload = map(this.roomId, given.map(lineOf));
    return this.takes(deviceId, content(FORWARD, rng(16), this.nowMs, { name: "room", value: payload }));
  }

  /** What a roster is judged by, given by a device. */
  vouches(deviceId: Bytes, roster: typeof shop.roster): Told {
    const records = [shop.desk, shop.second, shop.agent, shop.other].map(({ record }) => record.bytes);
    const payload = map(roster.mandate.signed, roster.signed, [shop.list.signed], records, [], []);
    return this.takes(deviceId, content(ROSTER, rng(16), this.nowMs, { name: "room", value: payload }));
  }

  takes(deviceId: Bytes, given: Content): Told {
    const n = (this.#given.get(hex(deviceId)) ?? 0) + 1;
    const isCounted = given.type === ENTRY || given.type === FORWARD || given.type === ROSTER;
    if (isCounted) this.#given.set(hex(deviceId), n);
    const one = isCounted ? { ...given, number: { n, line: new Uint8Array(4), first: 1 } } : given;
    const { turn } = this.engine.do(this.nowMs, (c, step) => take(c, step, deviceId, NO_SESSION, one));
    return { turn, codes: refusals(turn) };
  }

  /** A text of a device of the company arrives. */
  hears(device: Device, text: string, header: Partial<Header> = {}): Entry & Told {
    const entry = this.entryOf(device, SAID, map(text), header);
    return { ...entry, ...this.arrives(entry) };
  }

  /** A state of a desk arrives: who is a member, and what else is to be otherwise than in the one before. */
  state(members: readonly Device[], given: StateOf = {}): Entry & Told {
    const entry = this.stateOf(members, given);
    return { ...entry, ...this.arrives(entry) };
  }

  stateOf(members: readonly Device[], given: StateOf = {}): Entry {
    const { by = shop.desk, parent = this.#head(), phase = 1, answers = [], flags = 0, text = null } = given;
    const { roster = shop.roster, listSeq = 1, assigned = null, reason = 0 } = given;
    const epoch = given.epoch ?? (parent === null ? 1 : parent.epoch + 1);
    const ids = members.map(({ id }) => id).sort(compare);
    const values = map(
      ...[1, epoch, parent?.hash ?? this.room.root, phase, ids, assigned?.id ?? null],
      ...[[listSeq, this.c.own.list.hash], [roster.mandate.seq, roster.seq, roster.hash], shop.notice.hash],
      ...[given.kept ?? [1, 0], flags, reason, [], text, answers],
    );
    return this.entryOf(by, STATE, values);
  }

  #head(): { readonly hash: Bytes; readonly epoch: number } | null {
    const newest = [...this.room.states].sort((a, b) => a.state.epoch - b.state.epoch).at(-1);
    return newest === undefined ? null : { hash: newest.hash, epoch: newest.state.epoch };
  }

  /** Let time pass, and everything that is due happen. */
  passes(ms: number): readonly CustomerEvent[] {
    const until = this.nowMs + ms;
    const events: CustomerEvent[] = [];
    this.c.links.online = true;
    for (let wake = this.c.timers.wakeMs(); wake !== null && wake <= until; wake = this.c.timers.wakeMs()) {
      this.nowMs = Math.max(this.nowMs, wake);
      events.push(...told(this.engine.do(this.nowMs, (c, turn) => c.timers.run(turn)).turn));
    }
    this.c.links.online = false;
    this.nowMs = until;
    return events;
  }

  /** The devices that an entry of ours waits for. */
  waitsFor(entry: Entry): readonly string[] {
    const lanes = [...this.c.outbox.lanes()].filter(([, lane]) => {
      return lane.waiting.some((one) => hex(one.contentId) === hex(entries.contentIdOf(entry.hash)));
    });
    return lanes.map(([device]) => device).sort();
  }
}

export interface StateOf {
  readonly by?: Device;
  readonly parent?: { readonly hash: Bytes; readonly epoch: number } | null;
  readonly epoch?: number;
  readonly phase?: number;
  readonly answers?: readonly Bytes[];
  readonly flags?: number;
  readonly text?: string | null;
  readonly kept?: readonly number[];
  readonly roster?: typeof shop.roster;
  /** The number of the person's list that it names. */
  readonly listSeq?: number;
  readonly assigned?: Device;
  readonly reason?: number;
}

export function ids(...devices: readonly Device[]): readonly string[] {
  return devices.map(({ id }) => hex(id)).sort();
}

export function phaseOf(scene: Scene): number | undefined {
  return scene.room.shown?.phase;
}
