import assert from "node:assert/strict";
import { test } from "node:test";
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import type { Bytes } from "../src/bytes.ts";
import { concat, hex } from "../src/bytes.ts";
import { LABELS, padded } from "../src/labels.ts";
import { open, seal } from "../src/primitives/aead.ts";
import { dh, publicOf, x25519Public } from "../src/primitives/dh.ts";
import { hash } from "../src/primitives/hash.ts";
import { hkdf, prf } from "../src/primitives/kdf.ts";
import { decapsulate, kemPublic, kemPublicOf } from "../src/primitives/kem.ts";
import { ed25519PublicOf, sign, verify } from "../src/primitives/sign.ts";
import { Secret } from "../src/secret.ts";
import { bytes, codeOf, equal, load } from "./vectors.ts";

const vectors = load("primitives");

test("labels are those of the registry, padded to 16 bytes, none a prefix of another (PRM-06)", () => {
  for (const label of LABELS) {
    if (label in vectors.labels) equal(padded(label), vectors.labels[label]);
    assert.equal(
      LABELS.some((other) => other !== label && other.startsWith(label)),
      false,
    );
  }
});

test("hash (PRM-11)", () => {
  for (const one of vectors.hash) equal(hash(one.label, bytes(one.data)), one.hash);
});

test("prf (PRM-12)", () => {
  for (const one of vectors.prf) {
    equal(prf(bytes(one.key), one.label, bytes(one.salt), bytes(one.data), one.size_b), one.output);
  }
});

test("HKDF (PRM-13)", () => {
  for (const one of vectors.hkdf) {
    const info = bytes(one.info);
    const label = LABELS.find((name) => info.subarray(0, 16).every((byte, i) => padded(name)[i] === byte));
    assert.ok(label !== undefined);
    equal(hkdf(bytes(one.salt), bytes(one.ikm), label, info.slice(16), one.size_b), one.output);
  }
});

test("DH (PRM-01, PRM-02)", () => {
  for (const one of vectors.dh) {
    const ours = new Secret("X25519 private key", bytes(one.private));
    equal(publicOf(ours), one.public_of_private);
    equal(dh(ours, x25519Public(bytes(one.public))).expose(), one.shared);
  }
});

test("sign and verify (PRM-03, PRM-11)", () => {
  for (const one of vectors.sign) {
    const seed = new Secret("Ed25519 seed", bytes(one.seed));
    equal(ed25519PublicOf(seed), one.public);
    equal(sign(seed, one.label, bytes(one.data)), one.signature);
    verify(bytes(one.public), one.label, bytes(one.data), bytes(one.signature));
  }
});

/** Bytes of a seed, the same in each run. */
function scripted(number: number, sizeB: number): Bytes {
  return prf(new Uint8Array(32).fill(number), "SR1-record", null, Uint8Array.of(number), 64).slice(0, sizeB);
}

test("curves and signatures are those of the larger library, whatever is drawn (PRM-02, PRM-03)", () => {
  for (let number = 0; number < 32; number += 1) {
    const drawn = scripted(number, 32);
    const seed = new Secret("Ed25519 seed", drawn);
    const data = new Uint8Array(number * 7).fill(number);
    const signed = concat(padded("SR1-record"), data);
    const signature = sign(seed, "SR1-record", data);
    equal(ed25519PublicOf(seed), hex(ed25519.getPublicKey(drawn)));
    equal(signature, hex(ed25519.sign(signed, drawn)));
    const publicKey = ed25519PublicOf(seed);
    verify(publicKey, "SR1-record", data, signature);
    const changed = signature.slice();
    changed[number * 2] = (changed[number * 2] as number) ^ (1 << (number % 8));
    assert.equal(ed25519.verify(changed, signed, publicKey, { zip215: false }), false);
    assert.equal(
      codeOf(() => verify(publicKey, "SR1-record", data, changed)),
      "remote.signature",
    );
    const ours = new Secret("X25519 private key", drawn);
    const theirs = publicOf(new Secret("X25519 private key", scripted(number + 32, 32)));
    equal(publicOf(ours), hex(x25519.getPublicKey(drawn)));
    equal(dh(ours, theirs).expose(), hex(x25519.getSharedSecret(drawn, theirs)));
  }
});

test("AEAD (PRM-07)", () => {
  for (const one of vectors.aead) {
    const [key, plain, associated] = [one.key, one.plaintext, one.associated].map(bytes) as [Bytes, Bytes, Bytes];
    const sealed = seal(key, plain, associated);
    equal(sealed, one.ciphertext);
    equal(open(key, sealed, associated), one.plaintext);
    sealed[0] = (sealed[0] as number) ^ 1;
    assert.equal(
      codeOf(() => open(key, sealed, associated)),
      "remote.authentication",
    );
  }
});

test("ML-KEM-768 from seeds, with implicit rejection (PRM-04, PRM-05)", () => {
  for (const one of load("kem").encapsulations) {
    const seed = new Secret("ML-KEM seed", bytes(one.seed));
    equal(kemPublicOf(seed), one.encapsulation_key);
    kemPublic(bytes(one.encapsulation_key));
    const ciphertext = bytes(one.ciphertext);
    equal(decapsulate(seed, ciphertext).expose(), one.secret);
    if (one.rejected_secret) {
      ciphertext[1087] = (ciphertext[1087] as number) ^ 1;
      equal(decapsulate(seed, ciphertext).expose(), one.rejected_secret);
    }
  }
});

test("a secret is shown by nothing", () => {
  const secret = new Secret("root key", new Uint8Array(32).fill(171));
  for (const shown of [`${secret}`, JSON.stringify(secret), JSON.stringify({ ...secret })]) {
    assert.doesNotMatch(shown, /171|abab/);
  }
});
