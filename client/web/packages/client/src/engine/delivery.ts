/** Sealed envelopes to the relay, in batches, and what its answers mean for them (RLY-30, RLY-32). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { concat, hex } from "@sealroom/core/bytes.ts";
import { DAY_MS } from "@sealroom/core/constants.ts";
import type { WayBack } from "@sealroom/core/content.ts";
import type { Answer, SendResult } from "@sealroom/core/relay/answers.ts";
import * as requests from "@sealroom/core/relay/requests.ts";
import type { Context } from "./context.ts";
import { seek } from "./directory.ts";
import type { Link } from "./links.ts";
import { ask, linkOf, MAX_RETRY_AFTER_MS, withWork } from "./links.ts";
import type { Lane } from "./outbox.ts";
import { deleteItem, putBack, putItem, waitingAgain } from "./outbox.ts";
import { lost, sent } from "./posting.ts";
import type { Outgoing, Peer } from "./records.ts";
import { askRefused, askTaken } from "./renewal.ts";
import { againIfBehind, pump } from "./sending.ts";
import { peerOf, sessionOf } from "./state.ts";
import type { Turn } from "./turn.ts";

const BATCH = 32;
const BATCH_B = 128 * 1_024;
const MAX_FLYING = 256;
const RETRY_LEAST_MS = 1_000;
const DENIED_RETRY_MS = 30_000;
const WORK_AGAIN_MS = 600_000;
const UNDELIVERABLE_MS = 14 * DAY_MS;
const FINAL: readonly number[] = [requests.TOO_LARGE, requests.BAD_REQUEST];

/** Send what is ready for a device, in order, batch by batch; at most 256 envelopes are under way at a time. */
export function flush(c: Context, turn: Turn, peer: Peer): void {
  const lane = c.outbox.lane(peer.deviceId);
  const way = peer.wayBack;
  if (way === null || lane.ready.length === 0 || !canBeAnswered(c, lane)) return;
  if (c.timers.isWaiting(`send ${hex(peer.deviceId)}`, turn.nowMs)) return;
  const link = linkOf(c, turn, "send");
  const { hello } = link;
  if (link.state !== "ready" || hello === null) return;
  const works = c.directory.needsWork.has(hex(way.token));
  while (lane.ready.length > 0 && lane.flying.size < (works ? 1 : MAX_FLYING)) {
    const batch = takeBatch(lane, works ? 1 : Math.max(1, Math.min(BATCH, hello.maxSendItems)));
    for (const item of batch) lane.flying.set(item.place, item);
    const context = concat(way.mailbox, batch[0]?.msgId as Bytes);
    withWork(turn, link, context, works ? hello.powBitsSend : 0, (later, work) => {
      request(c, later, link, peer.deviceId, way, batch, work, works);
    });
  }
}

function takeBatch(lane: Lane, most: number): readonly Outgoing[] {
  let sizeB = 0;
  let count = 0;
  for (const { envelope } of lane.ready) {
    sizeB += envelope?.length ?? 0;
    if (count >= most || (count > 0 && sizeB > BATCH_B)) break;
    count += 1;
  }
  return lane.ready.splice(0, count);
}

/** Whether the address that a first flight states is one that the relay knows; else its answers were lost (CON-06). */
function canBeAnswered(c: Context, lane: Lane): boolean {
  const id = lane.ready[0]?.sessionId ?? null;
  const session = id === null ? null : sessionOf(c, id);
  return session === null || session.phase.name !== "Started" || c.mailbox.tokenKnown;
}

/** Give up contents that would begin a session whose answers could never come (CON-06). */
export function failUnanswerable(c: Context, turn: Turn, code: string): void {
  for (const [, lane] of c.outbox.lanes()) {
    if (canBeAnswered(c, lane)) continue;
    const given = lane.ready.filter((one) => one.shown);
    lane.ready = lane.ready.filter((one) => !one.shown);
    for (const item of given) failed(c, turn, item, code);
  }
}

function request(
  c: Context,
  turn: Turn,
  link: Link,
  deviceId: Bytes,
  way: WayBack,
  batch: readonly Outgoing[],
  work: Bytes,
  works: boolean,
): void {
  const items = batch.map(({ msgId, envelope }) => {
    return { mailbox: way.mailbox, token: way.token, msgId: msgId as Bytes, pow: work, body: envelope as Bytes };
  });
  ask(turn, link, requests.send(items), (later, answer) => answered(c, later, deviceId, way, batch, answer, works));
}

function answered(
  c: Context,
  turn: Turn,
  deviceId: Bytes,
  way: WayBack,
  batch: readonly Outgoing[],
  answer: Answer,
  works: boolean,
): void {
  const peer = peerOf(c, deviceId);
  if (peer === null) return;
  const lane = c.outbox.lane(deviceId);
  const again: Outgoing[] = [];
  resultsOf(answer, batch.length).forEach((result, i) => {
    const item = lane.flying.get(batch[i]?.place as number);
    if (item === undefined) return;
    lane.flying.delete(item.place);
    if (!isSettled(c, turn, peer, way, item, result, works)) again.push(item);
  });
  if (again.length > 0) putBack(lane, again);
  if (waitingAgain(lane).length > 0) pump(c, turn);
  const now = peerOf(c, deviceId);
  if (now !== null) flush(c, turn, now);
}

/** One result for each envelope; an answer of another kind or length confirms nothing. */
function resultsOf(answer: Answer, count: number): readonly SendResult[] {
  if (answer.name === "send_results" && answer.results.length === count) return answer.results;
  const { code, retryAfterMs } = answer.name === "error" ? answer : { code: requests.UNAVAILABLE, retryAfterMs: 0 };
  return Array.from({ length: count }, () => ({
    code: code === requests.OK ? requests.UNAVAILABLE : code,
    retryAfterMs,
  }));
}

/** Do what one answer asks for; false if the envelope is to be sent again. */
function isSettled(
  c: Context,
  turn: Turn,
  peer: Peer,
  way: WayBack,
  item: Outgoing,
  result: SendResult,
  works: boolean,
): boolean {
  const { code } = result;
  if (code === requests.OK) {
    taken(c, turn, item);
    return true;
  }
  if (FINAL.includes(code)) {
    failed(c, turn, item, `relay.${requests.CODE_NAMES[code]}`);
    return true;
  }
  if (code === requests.POW_REQUIRED && !works) {
    c.directory.needsWork.add(hex(way.token));
    return false;
  }
  if (code === requests.DENIED) return wasDenied(c, turn, peer, item);
  hold(c, turn, peer, code === requests.POW_REQUIRED ? WORK_AGAIN_MS : result.retryAfterMs);
  return false;
}

/** The relay has it on disk; a counted content is kept until the other side has it, too. */
function taken(c: Context, turn: Turn, item: Outgoing): void {
  if (item.askId !== null) askTaken(c, turn, item.deviceId, item.askId);
  if (!item.shown) {
    deleteItem(turn, item);
    return;
  }
  const kept = { ...item, envelope: null };
  c.outbox.add(kept);
  putItem(turn, kept);
  sent(c, turn, item);
  againIfBehind(c, turn, kept);
}

/** The address does not hold any more: the directory may have another one. */
function wasDenied(c: Context, turn: Turn, peer: Peer, item: Outgoing): boolean {
  if (turn.nowMs >= item.createdMs + UNDELIVERABLE_MS) {
    failed(c, turn, item, "relay.denied");
    return true;
  }
  hold(c, turn, peer, DENIED_RETRY_MS);
  seek(c, turn, hex(peer.deviceId));
  return false;
}

function hold(c: Context, turn: Turn, peer: Peer, retryAfterMs: number): void {
  const waitMs = Math.min(Math.max(retryAfterMs, RETRY_LEAST_MS), MAX_RETRY_AFTER_MS);
  c.timers.set(`send ${hex(peer.deviceId)}`, turn.nowMs + waitMs, (later) => pump(c, later));
}

function failed(c: Context, turn: Turn, item: Outgoing, code: string): void {
  deleteItem(turn, item);
  if (item.askId !== null) askRefused(c, turn, item.deviceId, item.askId);
  if (item.shown) lost(c, turn, item, code);
}
