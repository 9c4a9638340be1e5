/** The engine of a store that is there; a page that begins needs none of this. */

import { hex } from "@sealroom/core/bytes.ts";
import { verifyList } from "@sealroom/core/identity/list.ts";
import { NEW_PAIR } from "@sealroom/core/pair_state.ts";
import type { Rng } from "@sealroom/core/ports.ts";
import { restoreSession } from "@sealroom/core/restore.ts";
import { restorePair } from "@sealroom/core/restore_pair.ts";
import { RowReader, stored } from "./codec.ts";
import type { Context, Received } from "./context.ts";
import { Engine } from "./engine.ts";
import type { KinModule } from "./kin.ts";
import { contextOf } from "./new_engine.ts";
import type { Kind, Row, Store } from "./ports.ts";
import { KINDS, StoreError } from "./ports.ts";
import { signersOf } from "./rooms/keeping.ts";
import { loadRooms } from "./rooms/stored_rooms.ts";
import { CODE_KEY, OWN_KEY, REPLACED_KEY } from "./state.ts";
import {
  decodeCompany,
  decodeMailbox,
  decodeOutgoing,
  decodeOwn,
  decodePeer,
  decodePosted,
  decodePrekeyRow,
  decodeTakenFlight,
  loadHeld,
  loadReceipts,
} from "./stored_records.ts";
import { loadTeam } from "./stored_team.ts";

export type LoadKin = () => Promise<KinModule>;

/**
 * The engine of a store; null where it holds no account.
 *
 * @throws StoreError `store.corrupt`; what `later` rejects with, for an account with a directory entry
 */
export async function loadEngine(store: Store, rng: Rng, received: Received, later: LoadKin): Promise<Engine | null> {
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
  c.received = received;
  loadPeers(c, rows);
  for (const { key, value } of rows("prekey")) c.prekeys.set(hex(key), decodePrekeyRow(value));
  for (const { key, value } of rows("replay")) c.flights.set(hex(key), decodeTakenFlight(value));
  c.outbox.load(rows("outbox").map(({ value }) => decodeOutgoing(value)));
  for (const { key, value } of rows("posted")) c.outbox.posted.set(hex(key), decodePosted(value));
  for (const [device, ids] of loadReceipts(rows("meta"))) c.receipts.set(device, ids);
  c.seen.load(rows("meta"));
  const meta = (name: Uint8Array): Row | undefined => rows("meta").find(({ key }) => hex(key) === hex(name));
  const replaced = meta(REPLACED_KEY);
  c.isReplaced = replaced !== undefined;
  const code = meta(CODE_KEY);
  if (code !== undefined) c.code = stored(() => new RowReader(code.value).flag()) ? "kept" : "shown";
  if (replaced !== undefined && stored(() => new RowReader(replaced.value).flag())) c.code = "used";
  if (rows("account").length > 1) c.kin = (await later()).kinOf(c, rows("account"));
  for (const [key, one] of loadHeld(rows("held"))) c.held.set(key, one);
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
