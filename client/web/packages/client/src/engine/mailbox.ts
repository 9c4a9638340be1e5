/**
 * Our mailbox at the company's relay: made, proved, listened to (RLY-20 to RLY-39).
 *
 *     HELLO --> CREATE (once) --> AUTH --> TOKEN_ADD, SUBSCRIBE
 */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { concat, same } from "@sealroom/core/bytes.ts";
import { ed25519PublicOf } from "@sealroom/core/primitives/sign.ts";
import type { Answer, Message } from "@sealroom/core/relay/answers.ts";
import { signAuth, tokenHash } from "@sealroom/core/relay/proofs.ts";
import * as requests from "@sealroom/core/relay/requests.ts";
import type { Context, Received } from "./context.ts";
import { failUnanswerable } from "./delivery.ts";
import type { Link } from "./links.ts";
import { ask, MAX_RETRY_AFTER_MS, ready, refused, withWork } from "./links.ts";
import { pump } from "./sending.ts";
import { setMailbox } from "./state.ts";
import type { Turn } from "./turn.ts";

/** Begin on a fresh connection. */
export function greeted(c: Context, turn: Turn, link: Link): void {
  link.state = "authenticating";
  if (c.mailbox.created) authenticate(c, turn, link);
  else create(c, turn, link);
}

function create(c: Context, turn: Turn, link: Link): void {
  const { hello } = link;
  if (hello === null) return;
  const { id, ownerSeed } = c.mailbox;
  const ownerPublic = ed25519PublicOf(ownerSeed);
  withWork(turn, link, concat(hello.nonce, id, ownerPublic), hello.powBitsCreate, (later, work) => {
    ask(later, link, requests.create(id, ownerPublic, work), (at, answer) => created(c, at, link, answer));
  });
}

function created(c: Context, turn: Turn, link: Link, answer: Answer): void {
  if (answer.name !== "done") {
    refuse(c, turn, link, answer);
    const isUnwanted = answer.name === "error" && answer.code === requests.REGISTRATION_REFUSED;
    if (isUnwanted) failUnanswerable(c, turn, "relay.registration_refused");
    return;
  }
  link.hasCreated = true;
  setMailbox(c, turn, { ...c.mailbox, created: true });
  authenticate(c, turn, link);
}

function authenticate(c: Context, turn: Turn, link: Link): void {
  const { hello } = link;
  if (hello === null) return;
  const { id, ownerSeed } = c.mailbox;
  const signature = signAuth(ownerSeed, hello.relayName, hello.nonce, [id]);
  const request = requests.authenticate([id], ed25519PublicOf(ownerSeed), signature);
  ask(turn, link, request, (later, answer) => authenticated(c, later, link, answer));
}

function authenticated(c: Context, turn: Turn, link: Link, answer: Answer): void {
  if (answer.name !== "auth_result") {
    refuse(c, turn, link, answer);
    return;
  }
  if (answer.refused.some((id) => same(id, c.mailbox.id))) {
    // The relay has lost the mailbox: make it again under the same id and key, once on a connection.
    if (link.hasCreated) {
      refuse(c, turn, link, answer);
      return;
    }
    setMailbox(c, turn, { ...c.mailbox, created: false, tokenKnown: false });
    create(c, turn, link);
    return;
  }
  ready(link);
  turn.notify({ type: "connection", state: "online", code: "" });
  c.kin?.greeted(turn, link);
  addToken(c, turn, link);
  ask(turn, link, requests.subscribe([c.mailbox.id]), (later, found) => {
    if (found.name === "done") link.refusals = 0;
    else refuse(c, later, link, found);
  });
}

/** The company's devices share a token: they are one contact, which pays for its files by class 3 (RLY-242). */
function addToken(c: Context, turn: Turn, link: Link): void {
  const { id, token, tokenKnown } = c.mailbox;
  if (tokenKnown) {
    pump(c, turn);
    return;
  }
  const request = requests.addTokens(id, [tokenHash(token)], requests.CLASS_TRUSTED);
  ask(turn, link, request, (later, answer) => {
    if (answer.name !== "done") return refuse(c, later, link, answer);
    setMailbox(c, later, { ...c.mailbox, tokenKnown: true });
    pump(c, later);
  });
}

/** Whether a push is of our mailbox and came on its connection (RLY-266). */
export function isOurs(c: Context, link: Link, mailbox: Bytes): boolean {
  return link.channel === "mailbox" && same(mailbox, c.mailbox.id);
}

/**
 * Take a message and acknowledge it. What was taken before is acknowledged again (SES-18); what does not authenticate
 * stays at the relay when it first comes, up to 64 of them (SES-41).
 */
export function delivered(c: Context, turn: Turn, link: Link, message: Message, received: Received): void {
  if (!isOurs(c, link, message.mailbox)) return;
  const counts = BigInt(message.seq) > 0n;
  if (counts && c.seen.isTaken(message.msgId)) {
    acknowledge(turn, link, message);
    return;
  }
  const isAuthentic = received.take(c, turn, message.body);
  if (!counts) return;
  if (!isAuthentic && !c.seen.wasRefused(message.msgId) && c.seen.mayRefuse()) {
    c.seen.refuse(turn, message.msgId);
    return;
  }
  c.seen.take(turn, message.msgId);
  acknowledge(turn, link, message);
}

function acknowledge(turn: Turn, link: Link, message: Message): void {
  ask(turn, link, requests.acknowledge(message.mailbox, [message.seq]), () => {});
}

/** A step that the connection cannot do without was refused: report it and come back later. */
export function refuse(c: Context, turn: Turn, link: Link, answer: Answer): void {
  const isError = answer.name === "error";
  const code = requests.CODE_NAMES[isError ? answer.code : requests.UNAVAILABLE] ?? "unavailable";
  refused(c, turn, link, isError ? Math.min(answer.retryAfterMs, MAX_RETRY_AFTER_MS) : 0);
  turn.notify({ type: "connection", state: "offline", code: `relay.${code}` });
}
