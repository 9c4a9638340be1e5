/** What the operations of negative and limit vectors do: each is given the `input` of its vector. */
import assert from "node:assert/strict";
import { ascii, concat, hex } from "../src/bytes.ts";
import { parseCard } from "../src/card.ts";
import { decodeAgentCard } from "../src/company/agent_card.ts";
import { type Assets, checkAssets, checkFollows, verifyAssets } from "../src/company/assets.ts";
import { verifyChannels } from "../src/company/card.ts";
import { verifyMandate } from "../src/company/mandate.ts";
import { verifyRoster } from "../src/company/roster.ts";
import { asRosterContent } from "../src/company/roster_content.ts";
import { inForce, learnSlots } from "../src/company/team.ts";
import { verifyDoor } from "../src/consent/door.ts";
import { checkLogin, parseChallenge, parseToken, verifyLogin } from "../src/consent/login.ts";
import { verifyNotice } from "../src/consent/notice.ts";
import { verifyProof } from "../src/consent/proof.ts";
import { checkReceipt, verifyReceipt, verifyWithdrawal } from "../src/consent/receipt.ts";
import { content, TEXT } from "../src/content.ts";
import { decodeContent } from "../src/content_reading.ts";
import { recoded } from "../src/errors.ts";
import { openFile } from "../src/files.ts";
import { verifyAddress, verifySuccessor } from "../src/identity/address.ts";
import { decodeCompact, verifyBundle, verifyCompact } from "../src/identity/bundle.ts";
import { checkListTime, followChain, verifyList } from "../src/identity/list.ts";
import { verifyPrekey } from "../src/identity/prekey.ts";
import { checkRecordTime, decodeRecord } from "../src/identity/record.ts";
import { compareScanned } from "../src/identity/safety.ts";
import { checkSending } from "../src/pair_state.ts";
import { dh, x25519Public } from "../src/primitives/dh.ts";
import { encapsulation, kemPublic } from "../src/primitives/kem.ts";
import { verify } from "../src/primitives/sign.ts";
import { restoreSession } from "../src/restore.ts";
import { restorePair } from "../src/restore_pair.ts";
import { readEntry, readLine } from "../src/rooms/entry_reading.ts";
import { asForward } from "../src/rooms/forward.ts";
import { checkPayload } from "../src/rooms/payloads.ts";
import { asDossier, asSignal } from "../src/rooms/signals.ts";
import { asState } from "../src/rooms/state.ts";
import { checkTransition } from "../src/rooms/transitions.ts";
import { Secret } from "../src/secret.ts";
import { sealContent } from "../src/session.ts";
import { openContent, takeFlight } from "../src/session_opening.ts";
import { storeSession } from "../src/snapshot.ts";
import { decode } from "../src/wire/cbor.ts";
import { decodeEnvelope, decodePrefix } from "../src/wire/envelope_reading.ts";
import { device, pinnedList, prekeys, storedSkipped } from "./parties.ts";
import type { Json } from "./vectors.ts";
import { bytes, optional } from "./vectors.ts";

export type Operation = (input: Json) => unknown;

function pinnedOf(input: Json) {
  return input.pinned === null ? null : { seq: input.pinned.seq, hash: bytes(input.pinned.hash) };
}

function verifyChain(input: Json) {
  const accountId = bytes(input.account_id);
  const lists = input.links.map((link: string) => verifyList(accountId, bytes(link)));
  checkListTime(followChain(pinnedOf(input), lists), input.now_ms);
}

function checkBundle(input: Json) {
  const links = input.links.map(bytes);
  const context = {
    accountId: bytes(input.account_id),
    pinned: pinnedOf(input),
    links,
    nowMs: input.now_ms,
    graceMs: input.grace_ms,
  };
  return verifyBundle(bytes(input.bundle), context);
}

function respondTo(input: Json) {
  const own = device(input.responder);
  if (input.honest) {
    const { envelope, now_ms } = input.honest;
    takeFlight(own, prekeys(own, input.honest), null, bytes(envelope), now_ms);
  }
  const pinned = pinnedList(input.pinned);
  return takeFlight(own, prekeys(own, input), pinned, bytes(input.envelope), input.now_ms);
}

function openInSession(input: Json) {
  const session = restoreSession(bytes(input.session), storedSkipped(input.skipped));
  const before = hex(storeSession(session));
  try {
    return openContent(session, bytes(input.envelope), input.now_ms, input.max_jump);
  } finally {
    assert.equal(hex(storeSession(session)), before);
    openContent(session, bytes(input.honest), input.now_ms);
  }
}

function sealInSession(input: Json) {
  const session = restoreSession(bytes(input.session), []);
  const started = session.phase.name === "Started";
  const address = { mailbox: new Uint8Array(16), token: new Uint8Array(32), relayUrl: "wss://relay.example/" };
  const text = {
    ...content(TEXT, bytes(input.content_id), input.now_ms, { name: "text", text: "x".repeat(input.text_b) }),
    number: { n: 1, line: ascii("line"), first: 1 },
    ...(started ? { address } : {}),
  };
  const rng = (sizeB: number) => new Uint8Array(sizeB).fill(7);
  return sealContent(session, text, { nowMs: input.now_ms, rng, encapsulate: encapsulation(rng) });
}

function verifySignedRoster(input: Json) {
  return verifyRoster(verifyMandate(bytes(input.account_id), bytes(input.mandate)), bytes(input.signed));
}

function verifySignedChannels(input: Json) {
  const mandate = verifyMandate(bytes(input.account_id), bytes(input.mandate));
  return verifyChannels(mandate, bytes(input.signed), input.now_ms);
}

function viewTeam(input: Json) {
  const view = learnSlots(bytes(input.account_id), input.slots.map(bytes), input.now_ms);
  const records = input.records.map((record: string) => decodeRecord(bytes(record)));
  return inForce(view, verifyList(bytes(input.list_of), bytes(input.list)), records, input.now_ms);
}

function openSealedFile(input: Json) {
  const { size_b, padded_b, hash } = input.announced;
  const announced = { sizeB: size_b, paddedB: padded_b, hash: bytes(hash) };
  return openFile(new Secret("file key", bytes(input.key)), announced, input.parts.map(bytes));
}

function decodeEntry(input: Json) {
  const author = {
    accountId: bytes(input.account_id),
    deviceId: bytes(input.device_id),
    signPublic: optional(input.sign_public),
  };
  return readEntry(author, decode(bytes(input.content), 65_536), bytes(input.content_id), input.sent_ms);
}

function decodeLine(input: Json) {
  const room = { roomId: bytes(input.room_id), company: bytes(input.company), customer: bytes(input.customer) };
  const signPublicOf = (id: Uint8Array) => (hex(id) === input.device_id ? bytes(input.sign_public) : null);
  return readLine(decode(bytes(input.line), 65_536), room, signPublicOf);
}

function checkDoor(input: Json) {
  const { origin, relay_url: relayUrl, now_ms: nowMs } = input;
  return verifyDoor(bytes(input.door), { accountId: bytes(input.account_id), origin, relayUrl, nowMs });
}

function checkConsent(input: Json) {
  const receipt = verifyReceipt(bytes(input.public), bytes(input.signed));
  checkReceipt(receipt, bytes(input.room), verifyNotice(bytes(input.account_id), bytes(input.notice)));
}

function checkToken(input: Json) {
  const mandate = verifyMandate(bytes(input.account_id), bytes(input.mandate));
  const holder = { customer: bytes(input.customer), deviceId: bytes(input.device_id), room: bytes(input.room) };
  const times = { sentMs: input.sent_ms, nowMs: input.now_ms };
  checkLogin(verifyLogin(mandate, bytes(input.signed)), holder, times);
}

function checkState(input: Json) {
  const ranks = new Map<string, number>(input.ranks);
  const [before, state] = [asState(any(input.before)), asState(payloadOf(input.state))];
  checkTransition(bytes(input.author), state, before, (id) => ranks.get(hex(id)) ?? null);
}

/** A payload as it stands in a body, where no other code is known. */
const payloadOf = (text: string) => recoded(["remote.decode"], "remote.content", () => any(text));

const any = (text: string) => decode(bytes(text), 65_536);

export const OPERATIONS: Record<string, Operation> = {
  "cbor.decode": (input) => decode(bytes(input.encoded), 65_536),
  "dh.public": (input) => x25519Public(bytes(input.public)),
  "dh.exchange": (input) =>
    dh(new Secret("X25519 private key", bytes(input.private)), x25519Public(bytes(input.public))),
  "kem.key": (input) => kemPublic(bytes(input.key)),
  "signature.verify": (input) => verify(bytes(input.public), input.label, bytes(input.data), bytes(input.signature)),
  "envelope.decode": (input) => decodeEnvelope(concat(bytes(input.head), new Uint8Array(input.zeros))),
  "prefix.decode": (input) => decodePrefix(bytes(input.prefix)),
  "record.decode": (input) => decodeRecord(bytes(input.record)),
  "record.check_time": (input) => checkRecordTime(decodeRecord(bytes(input.record)), input.now_ms),
  "list.verify": (input) => verifyList(bytes(input.account_id), bytes(input.signed)),
  "chain.verify": verifyChain,
  "prekey.verify": (input) => verifyPrekey(decodeRecord(bytes(input.record)), bytes(input.signed), input.kinds),
  "bundle.verify": checkBundle,
  "compact.verify": (input) =>
    verifyCompact(decodeRecord(bytes(input.record)), decodeCompact(bytes(input.compact_bundle))),
  "address.verify": (input) => verifyAddress(decodeRecord(bytes(input.record)), bytes(input.signed)),
  "successor.verify": (input) =>
    verifySuccessor(verifyList(bytes(input.account_id), bytes(input.list)), bytes(input.signed)),
  "card.parse": (input) => parseCard(input.text),
  "content.decode": (input) => decodeContent(bytes(input.content)),
  "session.respond": respondTo,
  "session.open": openInSession,
  "session.seal": sealInSession,
  "session.restore": (input) => restoreSession(bytes(input.session), storedSkipped(input.skipped)),
  "pair.restore": (input) => restorePair(bytes(input.pair)),
  "pair.check_sending": (input) => {
    const sealing = input.sync === null ? "text" : input.sync === 1 ? "ask" : "tell";
    checkSending(restorePair(bytes(input.pair)), bytes(input.session_id), sealing, input.now_ms);
  },
  "mandate.verify": (input) => verifyMandate(bytes(input.account_id), bytes(input.signed)),
  "roster.verify": verifySignedRoster,
  "agent_card.decode": (input) => decodeAgentCard(bytes(input.card)),
  "channels.verify": verifySignedChannels,
  "team.view": viewTeam,
  "roster_content.decode": (input) => asRosterContent(any(input.payload)),
  "file.open": openSealedFile,
  "entry.decode": decodeEntry,
  "line.decode": decodeLine,
  "payload.decode": (input) => checkPayload(input.kind, payloadOf(input.payload)),
  "signal.decode": (input) => asSignal(any(input.signal)),
  "forward.decode": (input) => asForward(any(input.forward)),
  "dossier.decode": (input) => asDossier(any(input.dossier)),
  "notice.verify": (input) => verifyNotice(bytes(input.account_id), bytes(input.signed)),
  "door.verify": checkDoor,
  "consent_receipt.verify": (input) => verifyReceipt(bytes(input.public), bytes(input.signed)),
  "consent_receipt.check": checkConsent,
  "assets.verify": (input) => verifyAssets(bytes(input.account_id), bytes(input.signed)),
  "assets.check": (input) =>
    checkAssets(verifyAssets(bytes(input.account_id), bytes(input.signed)), input.now_ms, input.origin),
  "assets.follows": (input) => {
    const [next, known] = [input.signed, input.known].map((one) => verifyAssets(bytes(input.account_id), bytes(one)));
    checkFollows(next as Assets, known as Assets);
  },
  "login.check": checkToken,
  "login.challenge": (input) => parseChallenge(input.text),
  "login.token": (input) => parseToken(input.text),
  "withdrawal.verify": (input) => verifyWithdrawal(bytes(input.public), bytes(input.room), bytes(input.signed)),
  "proof.verify": (input) => verifyProof(bytes(input.account_id), bytes(input.proof)),
  "state.check": checkState,
  "safety.compare": (input) => compareScanned(bytes(input.ours), bytes(input.theirs), input.scanned),
};
