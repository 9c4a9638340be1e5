/** What comes of a session: it is proven, answered, doubted, and what was lost goes again (SES-23 to SES-25, SES-37). */

import * as budget from "@sealroom/core/budget.ts";
import type { Bytes } from "@sealroom/core/bytes.ts";
import { same } from "@sealroom/core/bytes.ts";
import { DAY_MS } from "@sealroom/core/constants.ts";
import type { Sync } from "@sealroom/core/content.ts";
import { counted } from "@sealroom/core/counting.ts";
import type { Finding } from "@sealroom/core/numbers_judging.ts";
import type { Outcome } from "@sealroom/core/pair.ts";
import * as pairs from "@sealroom/core/pair_hearing.ts";
import { activeOf } from "@sealroom/core/pair_state.ts";
import type { Session } from "@sealroom/core/session.ts";
import type { Context } from "./context.ts";
import type { Peer } from "./records.ts";
import { adopt, doubt, isStale, sendSync, set, tell, tryStart } from "./renewal.ts";
import { pump } from "./sending.ts";
import { againFromOthers, againUpTo } from "./sending_again.ts";
import { notePeer, peerOf, peersNamed, sessionOf } from "./state.ts";
import type { Turn } from "./turn.ts";

const MAX_DOUBTED = 4;
const SEARCH_MS = 14 * DAY_MS;

/** Take in a session that a device has started; it proves nothing yet (SES-23). */
export function heard(c: Context, turn: Turn, deviceId: Bytes, session: Session): void {
  const { pair } = peerOf(c, deviceId) as Peer;
  const made = { id: session.ratchet.sessionId, epoch: session.epoch, endsMs: turn.nowMs + SEARCH_MS };
  const counted = budget.use(pair, "flights", turn.nowMs);
  adopt(c, turn, deviceId, session, pairs.hear(counted, made, turn.nowMs));
  notePeer(c, { ...(peerOf(c, deviceId) as Peer), heardMs: turn.nowMs });
}

/** A message of a session has opened; what was lost on others goes again on it (SES-37). */
export function opened(
  c: Context,
  turn: Turn,
  deviceId: Bytes,
  before: Session,
  after: Session,
  begins: boolean,
): Outcome {
  const peer = peerOf(c, deviceId) as Peer;
  const id = after.ratchet.sessionId;
  const { sending, receiving } = before.ratchet;
  const answers = begins && (before.ratchet.initiator || receiving.state === "Receiving");
  const key = answers && sending.state === "Sending" ? sending.publicKey : null;
  const outcome =
    key === null ? pairs.message(peer.pair, id, turn.nowMs) : pairs.answer(peer.pair, id, key, turn.nowMs);
  const skips = Math.max(0, after.ratchet.skipped.length - before.ratchet.skipped.length);
  const pair = skips > 0 ? budget.use(outcome.pair, "skips", turn.nowMs, skips) : outcome.pair;
  notePeer(c, { ...set(c, turn, deviceId, pair, outcome.gone), heardMs: turn.nowMs });
  if (outcome.proven) tell(turn, peer, "proven");
  if (outcome.activated) againFromOthers(c, turn, deviceId, id);
  return { ...outcome, pair };
}

/** After the content: doubt, what waits, the message that proves our session (SES-24). */
export function settle(c: Context, turn: Turn, deviceId: Bytes, id: Bytes, outcome: Outcome | null): void {
  if (outcome?.doubted) doubt(c, turn, deviceId);
  pump(c, turn);
  const session = sessionOf(c, id);
  if (session === null || outcome === null || !outcome.activated || !session.ratchet.initiator) return;
  if (session.ratchet.sending.state === "StepDue") sendSync(c, turn, deviceId, session, "tell", null, null);
}

/** Take what a device tells of itself, and answer an ask on its session (SES-24). */
export function synced(c: Context, turn: Turn, deviceId: Bytes, session: Session, sync: Sync): void {
  const id = session.ratchet.sessionId;
  const before = (peerOf(c, deviceId) as Peer).pair;
  const outcome =
    sync.kind === "tell"
      ? pairs.tell(before, id, sync.askId, sync.top, turn.nowMs)
      : pairs.sync(before, id, sync.top, turn.nowMs);
  const { pair, findings, rolledBack } = counted(outcome.pair, sync, turn.nowMs);
  const peer = set(c, turn, deviceId, pair, outcome.gone);
  tellFindings(turn, peer, findings);
  if (rolledBack) {
    notePeer(c, { ...peer, firstGiven: null });
    tell(turn, peer, "rolled_back");
  }
  if (isStale(c, turn)) return;
  if (sync.kind === "ask") answerAsk(c, turn, deviceId, id, sync);
  const now = activeOf((peerOf(c, deviceId) as Peer).pair.sessions);
  if (now !== null && same(now.id, id)) againUpTo(c, turn, deviceId, sync.got);
  tryStart(c, turn, deviceId);
}

function answerAsk(c: Context, turn: Turn, deviceId: Bytes, id: Bytes, sync: Sync): void {
  const session = sessionOf(c, id);
  const { pair } = peerOf(c, deviceId) as Peer;
  if (session === null || session.phase.name === "Started" || budget.left(pair, "tells", turn.nowMs) === 0) return;
  set(c, turn, deviceId, budget.use(pair, "tells", turn.nowMs));
  sendSync(c, turn, deviceId, session, "tell", sync.askId, null);
}

export function tellFindings(turn: Turn, peer: Peer, findings: readonly Finding[]): void {
  for (const finding of findings) tell(turn, peer, finding);
}

/** Doubt the devices that were heard last: which one a tag belongs to is not known (SES-39). */
export function doubtAll(c: Context, turn: Turn): void {
  const peers = [...peersNamed(c)].sort((a, b) => a.heardMs - b.heardMs);
  for (const peer of peers.slice(-MAX_DOUBTED)) doubt(c, turn, peer.deviceId);
}
