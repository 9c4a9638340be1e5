/** An engine of a new account, and one of a store that is there. */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, u64 } from "@sealroom/core/bytes.ts";
import { verifyList } from "@sealroom/core/identity/list.ts";
import { NEW_PAIR } from "@sealroom/core/pair_state.ts";
import type { Rng } from "@sealroom/core/ports.ts";
import { draw } from "@sealroom/core/ports.ts";
import { encapsulation } from "@sealroom/core/primitives/kem.ts";
import { restoreSession } from "@sealroom/core/snapshot.ts";
import { restorePair } from "@sealroom/core/snapshot_pair.ts";
import { stored } from "./codec.ts";
import { loadHeld } from "./contents.ts";
import type { Context } from "./context.ts";
import { newDirectory } from "./directory.ts";
import { Engine } from "./engine.ts";
import type { KinModule } from "./kin.ts";
import { decodePosted, Outbox } from "./outbox.ts";
import type { Kind, Row, Store } from "./ports.ts";
import { KINDS, StoreError } from "./ports.ts";
import { load as loadReceipts } from "./receipts.ts";
import type { Company, Mailbox, Own } from "./records.ts";
import {
  decodeCompany,
  decodeMailbox,
  decodeOutgoing,
  decodeOwn,
  decodePeer,
  decodePrekeyRow,
  decodeTakenFlight,
} from "./records.ts";
import { loadRooms } from "./rooms/rooms.ts";
import { signersOf } from "./rooms/taking.ts";
import { SeenIds } from "./seen_ids.ts";
import { OWN_KEY, setCompany, setMailbox, setOwn } from "./state.ts";
import { loadTeam, newTeam } from "./team.ts";
import { Timers } from "./timers.ts";
import type { Turn } from "./turn.ts";
import { newAccount, newMailbox, rotate } from "./upkeep.ts";

const LINE_B = 4;

export type LoadKin = () => Promise<KinModule>;

function contextOf(rng: Rng, own: Own, mailbox: Mailbox, company: Company): Context {
  return {
    ...{ rng, encapsulate: encapsulation(rng), line: draw(rng, LINE_B) },
    ...{ own, mailbox, company, ownLists: [own.list] },
    ...{ peers: new Map(), sessions: new Map(), prekeys: new Map(), flights: new Map() },
    ...{ outbox: new Outbox(), held: new Map(), receipts: new Map(), confirmed: new Map(), seen: new SeenIds() },
    ...{ timers: new Timers(), links: { online: false, all: new Map() }, directory: newDirectory() },
    ...{ team: newTeam(), rooms: new Map(), kin: null, staleTold: false },
  };
}

export interface CompanyCard {
  readonly accountId: Bytes;
  readonly name: string;
  readonly relayUrl: string;
}

/** An account that was made by accepting a notice, with the company as its one contact (CNS-18, CNS-44). */
export function newEngine(rng: Rng, card: CompanyCard, nowMs: number): Engine {
  return engineFor(rng, newAccount(rng, nowMs), card);
}

/** The engine of a device that is made now. */
export function engineFor(rng: Rng, own: Own, card: CompanyCard): Engine {
  const company = { ...card, list: null, lookedUpMs: 0, alarm: "" };
  return new Engine(contextOf(rng, own, newMailbox(rng, card.relayUrl), company));
}

/** The rows of a new account, in the step that opens its room. */
export function putNew(c: Context, turn: Turn): void {
  setOwn(c, turn, c.own);
  turn.put("list", u64(c.own.list.seq), () => c.own.list.signed);
  setMailbox(c, turn, c.mailbox);
  setCompany(c, turn, c.company);
  c.kin?.put(turn);
  rotate(c, turn);
}

/**
 * The engine of a store; null where it holds no account.
 *
 * @throws StoreError `store.corrupt`; what `later` rejects with, for an account with a directory entry
 */
export async function loadEngine(store: Store, rng: Rng, later: LoadKin): Promise<Engine | null> {
  const all = new Map<Kind, readonly Row[]>();
  for (const kind of KINDS) all.set(kind, await store.rows(kind));
  const rows = (kind: Kind): readonly Row[] => all.get(kind) ?? [];
  const account = rows("account").find(({ key }) => hex(key) === hex(OWN_KEY));
  const [mailbox] = rows("mailbox");
  const [company] = rows("contact");
  if (account === undefined) return null;
  if (mailbox === undefined || company === undefined)
    throw new StoreError("store.corrupt", "an account without a company");
  const own = decodeOwn(account.value);
  const c = contextOf(rng, own, decodeMailbox(mailbox.value), decodeCompany(company.value));
  loadPeers(c, rows);
  for (const { key, value } of rows("prekey")) c.prekeys.set(hex(key), decodePrekeyRow(value));
  for (const { key, value } of rows("replay")) c.flights.set(hex(key), decodeTakenFlight(value));
  c.outbox.load(rows("outbox").map(({ value }) => decodeOutgoing(value)));
  for (const { key, value } of rows("posted")) c.outbox.posted.set(hex(key), decodePosted(value));
  for (const [device, ids] of loadReceipts(rows("meta"))) c.receipts.set(device, ids);
  c.seen.load(rows("meta"));
  if (rows("account").length > 1) c.kin = (await later()).kinOf(c, rows("account"));
  loadHeld(c, rows("held"));
  Object.assign(c.team, loadTeam(c.company.accountId, rows("team")));
  for (const [id, room] of loadRooms(rows("room"), rows("entry"), signersOf(c))) c.rooms.set(id, room);
  const lists = rows("list").map(({ value }) => stored(() => verifyList(own.record.accountId, value)));
  c.ownLists.splice(0, c.ownLists.length, ...lists.sort((a, b) => a.seq - b.seq));
  return new Engine(c);
}

function loadPeers(c: Context, rows: (kind: Kind) => readonly Row[]): void {
  const pairs = new Map(rows("pair").map(({ key, value }) => [hex(key), value]));
  for (const { key, value } of rows("peer")) {
    const pair = pairs.get(hex(key));
    const peer = decodePeer(value, pair === undefined ? NEW_PAIR : stored(() => restorePair(pair)));
    c.peers.set(hex(peer.deviceId), peer);
  }
  const skipped = rows("skipped").map(({ key, value }) => ({ id: hex(key.slice(0, 32)), place: key.slice(32), value }));
  for (const { key, value } of rows("session")) {
    const keys = skipped.filter(({ id }) => id === hex(key));
    c.sessions.set(
      hex(key),
      stored(() => restoreSession(value, keys)),
    );
  }
  for (const [device, peer] of c.peers) {
    const times = peer.pair.sessions.map(({ id }) => c.sessions.get(hex(id))?.openedMs ?? 0);
    c.peers.set(device, { ...peer, heardMs: Math.max(0, ...times) });
  }
}
