import assert from "node:assert/strict";
import { test } from "node:test";
import { ed25519 } from "@noble/curves/ed25519.js";
import type { Bytes } from "../src/bytes.ts";
import { ascii, concat, unhex } from "../src/bytes.ts";
import { ed25519PublicOf } from "../src/primitives/sign.ts";
import { decodeAnswers } from "../src/relay/answers.ts";
import { blobHash, signAuth, tokenHash } from "../src/relay/proofs.ts";
import * as requests from "../src/relay/requests.ts";
import { Secret } from "../src/secret.ts";
import type { Value } from "../src/wire/cbor.ts";
import { cborMap, encode } from "../src/wire/cbor.ts";
import { codeOf, equal } from "./vectors.ts";

const ID = Uint8Array.from({ length: 16 }, (_, i) => i);
const KEY = Uint8Array.from({ length: 32 }, (_, i) => i);
const DONE = 64;
const UNKNOWN = 200;

function frame(...values: readonly Value[]): Value {
  return cborMap(values.map((value, key) => [key, value] as const));
}

function message(...frames: readonly Value[]): Bytes {
  return encode(frames);
}

function refusal(data: Bytes): string | null {
  return codeOf(() => decodeAnswers(data));
}

function hello(limits: readonly number[], version = 1): Value {
  return frame(128, 0, version, "relay.example", KEY, cborMap(limits.map((key) => [key, key + 1] as const)), [1, 5]);
}

const LIMITS = Array.from({ length: 18 }, (_, key) => key);

test("a message is one item of the subset, and nothing else (RLY-01)", () => {
  const done = message(frame(DONE, 1));
  assert.equal(decodeAnswers(done).length, 1);
  const others = [
    concat(done, Uint8Array.of(0xf6)),
    done.slice(0, -1),
    unhex("9fa20018400101ff"),
    unhex("81a200184001190001"),
    unhex("81a2011800001840"),
    unhex("c181a20018400101"),
    encode(frame(DONE, 1)),
    new Uint8Array(0),
  ];
  for (const data of others) assert.equal(refusal(new Uint8Array(data)), "remote.decode");
});

test("a message has at most 512 frames, 32 768 items, a depth of 8 and 1 MiB (RLY-02)", () => {
  const many = (count: number) => message(...Array.from({ length: count }, () => frame(DONE, 1)));
  assert.equal(decodeAnswers(many(512)).length, 512);
  assert.equal(refusal(many(513)), "remote.decode");
  assert.equal(refusal(encode([])), "remote.decode");
  const wide = (items: number): Value => frame(UNKNOWN, 1, new Array(items).fill(0));
  // The array of a message, and of each frame its map, three keys, three values and what stands in the third.
  const whole = (last: number) => message(...new Array(8).fill(wide(4_086)), wide(last));
  const used = 1 + 8 * (7 + 4_086) + 7;
  assert.equal(decodeAnswers(whole(32_768 - used)).length, 9);
  assert.equal(refusal(whole(32_768 - used + 1)), "remote.decode");
  const nested = (depth: number): Value => (depth === 0 ? 0 : [nested(depth - 1)]);
  assert.equal(refusal(message(frame(UNKNOWN, 1, nested(6)))), null);
  const deepest = concat(unhex("81a30018c8010102"), new Uint8Array(7).fill(0x81), Uint8Array.of(0));
  assert.equal(refusal(deepest), "remote.decode");
  const long = (sizeB: number) => message(frame(UNKNOWN, 1, new Uint8Array(sizeB)));
  const headB = long(100_000).length - 100_000;
  assert.equal(refusal(long(1_048_576 - headB)), null);
  assert.equal(refusal(long(1_048_576 - headB + 1)), "remote.decode");
});

test("a frame has at most 4 096 items within it (RLY-141)", () => {
  // Three keys and three values, and what stands in the third.
  const wide = (items: number) => message(frame(UNKNOWN, 1, new Array(items).fill(0)));
  assert.equal(refusal(wide(4_096 - 6)), null);
  assert.equal(refusal(wide(4_096 - 5)), "remote.decode");
});

test("a frame has exactly the keys of its fields (RLY-04)", () => {
  const refused = [frame(DONE, 1, null), frame(63, 1, 2), frame(63, 1, 2, 0, 0), cborMap([[0, DONE]])];
  const gap = cborMap([
    [0, 63],
    [1, 1],
    [2, 2],
    [4, 0],
  ]);
  for (const one of [...refused, gap]) assert.equal(refusal(message(one)), "remote.decode");
  const missing = frame(73, 1, [], [], [null], false, []);
  assert.equal(refusal(message(missing)), null);
  equal(encode([frame(1, 7, ID, KEY, ID, null)]), hexOf(requests.create(ID, KEY, ID)));
});

function hexOf(request: requests.Request): string {
  return Buffer.from(requests.encodeRequest(7, request)).toString("hex");
}

test("HELLO has version, name, nonce and all limits; further limits are passed over (RLY-10, RLY-11)", () => {
  for (const limits of [LIMITS, [...LIMITS, 18, 99]]) {
    const [found] = decodeAnswers(message(hello(limits)));
    assert.ok(found !== undefined && "push" in found && found.push.name === "hello");
    assert.deepEqual([found.push.version, found.push.relayName, found.push.nonce], [1, "relay.example", KEY]);
    assert.deepEqual([found.push.maxSendItems, found.push.powBitsCreate], [3, 13]);
  }
  for (const key of LIMITS) assert.equal(refusal(message(hello(LIMITS.filter((one) => one !== key)))), "remote.decode");
  const short = frame(128, 0, 1, "relay.example", ID, cborMap(LIMITS.map((key) => [key, 0] as const)), []);
  assert.equal(refusal(message(short)), "remote.decode");
});

test("an owner key is proved over the name and nonce of HELLO and the mailboxes (RLY-22)", () => {
  const seed = new Secret("Ed25519 seed", KEY);
  const label = concat(ascii("SR1-relay-auth"), new Uint8Array(2));
  const signed = concat(label, encode(["relay.example", KEY, [ID]]));
  const signature = signAuth(seed, "relay.example", KEY, [ID]);
  assert.ok(ed25519.verify(signature, signed, ed25519PublicOf(seed)));
  for (const other of [signAuth(seed, "relay.exampl", KEY, [ID]), signAuth(seed, "relay.example", KEY, [ID, ID])]) {
    assert.equal(ed25519.verify(other, signed, ed25519PublicOf(seed)), false);
  }
});

test("tokens and secrets of writers are known to a relay by hashes of their own (RLY-25, RLY-240)", () => {
  equal(tokenHash(KEY), "61639463c39c87cad39cf4b08c9d77023ba899c12c3d232b197cf1ffab5acdea");
  equal(blobHash(KEY), "5375667451d265c781a54308feb540516e4d90d7a2c72cc709988117d4e47075");
});

test("what a blob is asked for, and answered with (RLY-240, RLY-241, RLY-243, RLY-244, RLY-246)", () => {
  equal(encode([frame(15, 7, ID, KEY, KEY, KEY, 5)]), hexOf(requests.openBlob(ID, KEY, KEY, KEY, 5)));
  equal(encode([frame(16, 7, KEY, KEY, 3, ID)]), hexOf(requests.putPart(KEY, KEY, 3, ID)));
  equal(encode([frame(17, 7, KEY, 3, 8)]), hexOf(requests.getParts(KEY, 3, 8)));
  equal(encode([frame(18, 7, KEY, null)]), hexOf(requests.dropBlob(KEY, null)));
  const [state] = decodeAnswers(message(frame(79, 1, 2, 131_104, 1_800_000_000_000)));
  assert.ok(state !== undefined && "answer" in state);
  assert.deepEqual(state.answer, { name: "blob_state", next: 2, sizeB: 131_104, expiresMs: 1_800_000_000_000 });
  const parts = (count: number, sizeB: number) => message(frame(81, 1, new Array(count).fill(new Uint8Array(sizeB))));
  assert.equal(refusal(parts(8, 65_552)), null);
  for (const data of [parts(9, 1), parts(0, 1), parts(1, 65_553)]) assert.equal(refusal(data), "remote.decode");
});
