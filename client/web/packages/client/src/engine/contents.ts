/** What a content of the company asks for: receipts, syncs, lists, heads, what is of rooms (chapter 10). */

import { LONG_PATIENCE_MS, left, use } from "@sealroom/core/budget.ts";
import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same, unhex } from "@sealroom/core/bytes.ts";
import { DAY_MS } from "@sealroom/core/constants.ts";
import type { Content, Heads } from "@sealroom/core/content.ts";
import { encodeContent, LIST, SIGNAL } from "@sealroom/core/content.ts";
import { decodeContent } from "@sealroom/core/content_reading.ts";
import { hasNumber, numbered } from "@sealroom/core/counting.ts";
import { CoreError, RemoteError } from "@sealroom/core/errors.ts";
import { checkLink, verifyList } from "@sealroom/core/identity/list.ts";

import { sendingOf } from "@sealroom/core/pair_state.ts";
import type { Session } from "@sealroom/core/session.ts";
import { row } from "./codec.ts";
import type { Context } from "./context.ts";
import { catchUp, heardAgain } from "./directory.ts";
import { takeBack } from "./given_back.ts";
import { synced, tellFindings } from "./hearing.ts";
import { alarm, pin } from "./lists.ts";
import { confirm } from "./receipts.ts";
import type { Peer } from "./records.ts";
import { doubt, isStale } from "./renewal.ts";
import { takeContent } from "./rooms/arriving.ts";
import { sendControl } from "./sending.ts";
import { takeReceipt } from "./sending_again.ts";
import { isNamed, isOwn, peerKey, peerOf, sessionOf, setPair, setPeer } from "./state.ts";
import type { Turn } from "./turn.ts";

const MAX_HELD = 64;
const HELD_MS = 30 * DAY_MS;

/** A content that came while the company's list was past its end (ID-36). */
export interface Held {
  readonly deviceId: Bytes;
  readonly sessionId: Bytes;
  readonly heldMs: number;
  readonly encoded: Bytes;
}

/** Do what a content asks for, or hold it until a newer list names its device. */
export function take(c: Context, turn: Turn, deviceId: Bytes, session: Session, content: Content): void {
  heardAgain(c, turn);
  if (content.payload.name === "list") takeSignedList(c, turn, content.payload.list);
  if (isStale(c, turn)) hold(c, turn, deviceId, session, content);
  else carryOut(c, turn, deviceId, session, content);
}

function carryOut(c: Context, turn: Turn, deviceId: Bytes, session: Session, content: Content): void {
  const peer = peerOf(c, deviceId);
  if (peer === null) return;
  address(c, turn, peer, content);
  if (content.heads !== null) {
    if (isOwn(c, peer.record)) c.kin?.told(turn, content.heads.own.seq);
    else takeHeads(c, turn, deviceId, session, content.heads);
  }
  const { payload } = content;
  switch (payload.name) {
    case "room":
      arrived(c, turn, deviceId, content);
      return;
    case "receipt":
      takeReceipt(c, turn, peer, payload.ids);
      return;
    case "sync":
      synced(c, turn, deviceId, session, payload.sync);
      return;
    case "text":
      // A company's devices are written to, and write, in rooms only.
      turn.notify({ type: "rejected", code: "room.right" });
      count(c, turn, deviceId, content);
      return;
    case "unsupported":
      turn.notify({ type: "rejected", code: `content.unsupported_${content.type}` });
      return;
    default:
      return;
  }
}

/** The newest address within a session replaces the one before; only one at the relay of the card is followed (CON-06). */
function address(c: Context, turn: Turn, peer: Peer, content: Content): void {
  const way = content.address;
  if (way === null) return;
  if (way.relayUrl !== c.company.relayUrl) {
    turn.notify({ type: "rejected", code: "remote.content" });
    return;
  }
  if (content.sentMs < Math.min(peer.wayBackMs, turn.nowMs)) return;
  setPeer(c, turn, { ...peer, wayBack: way, wayBackMs: Math.min(content.sentMs, turn.nowMs) });
}

// --- rooms ---

/** Give a content to the rooms, and note its number; what they have taken is confirmed (TRN-29). */
function arrived(c: Context, turn: Turn, deviceId: Bytes, content: Content): void {
  let isTaken = false;
  try {
    isTaken = takeContent(c, turn, deviceId, content);
  } catch (error) {
    if (!(error instanceof CoreError)) throw error;
    turn.notify({ type: "rejected", code: error.code });
  }
  count(c, turn, deviceId, content);
  if (isTaken && content.type !== SIGNAL) confirm(c, turn, deviceId, content.contentId);
}

function count(c: Context, turn: Turn, deviceId: Bytes, content: Content): void {
  const peer = peerOf(c, deviceId);
  if (peer === null || content.number === null || hasNumber(peer.pair.received, content.number)) return;
  const { pair, findings } = numbered(peer.pair, content.number);
  tellFindings(turn, setPair(c, turn, deviceId, pair), findings);
}

// --- heads and lists (CON-05, CON-13) ---

function takeHeads(c: Context, turn: Turn, deviceId: Bytes, session: Session, heads: Heads): void {
  const pinned = c.company.list;
  if (pinned === null || heads.own.seq > pinned.seq) catchUp(c, turn);
  else if (heads.own.seq === pinned.seq && !same(heads.own.hash, pinned.hash)) {
    turn.notify({ type: "rejected", code: "remote.list_fork" });
  }
  if (heads.peer !== null) ourHead(c, turn, deviceId, session, heads.peer);
}

function ourHead(c: Context, turn: Turn, deviceId: Bytes, _session: Session, ours: Heads["own"]): void {
  const { list } = c.own;
  if (ours.seq < list.seq) sendList(c, turn, deviceId);
  else if (ours.seq > list.seq) {
    turn.notify({ type: "rejected", code: "remote.list_rollback" });
    c.kin?.told(turn, ours.seq);
    stateHeads(c, turn, deviceId);
  } else if (!same(ours.hash, list.hash)) turn.notify({ type: "rejected", code: "remote.list_fork" });
}

/** Send who knows an older one our list, one a day (SES-35). */
function sendList(c: Context, turn: Turn, deviceId: Bytes): void {
  const peer = peerOf(c, deviceId) as Peer;
  const standing = isStale(c, turn) ? null : sendingOf(peer.pair, turn.nowMs);
  const session = standing && sessionOf(c, standing.id);
  if (session === null || left(peer.pair, "lists", turn.nowMs) === 0) return;
  setPair(c, turn, deviceId, use(peer.pair, "lists", turn.nowMs));
  sendControl(c, turn, deviceId, session, LIST, { name: "list", list: c.own.list.signed });
}

/** State both heads again, with an ask: who knows a newer one of our lists sends it (CON-13). */
function stateHeads(c: Context, turn: Turn, deviceId: Bytes): void {
  setPeer(c, turn, { ...(peerOf(c, deviceId) as Peer), told: [0, 0] });
  doubt(c, turn, deviceId, LONG_PATIENCE_MS);
}

/** Follow the company's newer list (CON-10, ID-07), or one of ours that it gives back (CON-05, ID-40, ACC-67). */
function takeSignedList(c: Context, turn: Turn, signed: Bytes): void {
  if (takeBack(c, turn, signed)) return;
  try {
    const list = verifyList(c.company.accountId, signed);
    const pinned = c.company.list;
    if (pinned !== null && (list.seq < pinned.seq || same(list.hash, pinned.hash))) return;
    if (pinned !== null && list.seq <= pinned.seq + 1) checkLink(pinned, list);
    pin(c, turn, list);
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error;
    if (error.code === "remote.list_fork") alarm(c, turn, error.code);
    else turn.notify({ type: "rejected", code: error.code });
  }
}

// --- held contents (ID-36) ---

function hold(c: Context, turn: Turn, deviceId: Bytes, session: Session, content: Content): void {
  if (content.payload.name === "sync") return; // It would be out of date; whoever asks asks again.
  const known = c.held;
  if (known.size >= MAX_HELD) {
    turn.notify({ type: "rejected", code: "remote.list_expired" });
    return;
  }
  const { sessionId } = session.ratchet;
  const one = { deviceId, sessionId, heldMs: turn.nowMs, encoded: encodeContent(content) };
  const key = new Uint8Array([...peerKey(c, deviceId), ...content.contentId]);
  known.set(hex(key), one);
  turn.put("held", key, () => row(one.deviceId, one.sessionId, one.heldMs, one.encoded));
}

/** A newer list is pinned: carry out what devices sent that it names, report the rest; after 30 days all goes. */
export function release(c: Context, turn: Turn): void {
  const known = c.held;
  const fresh = !isStale(c, turn);
  for (const [key, one] of [...known]) {
    const isOver = turn.nowMs > one.heldMs + HELD_MS;
    if (!fresh && !isOver) continue;
    known.delete(key);
    turn.delete("held", unhex(key));
    const peer = peerOf(c, one.deviceId);
    if (isOver || peer === null || !isNamed(c, peer.record)) {
      turn.notify({ type: "rejected", code: isOver ? "remote.list_expired" : "remote.identity" });
      continue;
    }
    const session = sessionOf(c, one.sessionId);
    const content = decodeContent(one.encoded);
    if (session !== null) carryOut(c, turn, one.deviceId, session, content);
    else if (content.payload.name === "room") arrived(c, turn, one.deviceId, content);
  }
}
