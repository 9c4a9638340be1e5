"""Chapter 03: the primitives of suite SR1, beside other implementations of the same standards."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import NoReturn

import checkout
import forgery
import nacl.bindings as sodium
import parties
import pytest
from call_record import recorded
from parties import NOW_MS, Party, ScriptedRng, bundle_of

from e2ee import identity, labels, prekeys, session
from e2ee.errors import AuthenticationError, BadSignature, InvalidArgument, InvalidKey
from e2ee.primitives import aead, dh, kdf, kem, sign
from e2ee.secret import RootKey
from e2ee.wire import cbor, fields

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
# Canonical u-coordinates of order 1, 2, 4 and 8: each gives the all-zero output with every private key.
LOW_ORDER = [
    (0).to_bytes(32, "little"),
    (1).to_bytes(32, "little"),
    (P - 1).to_bytes(32, "little"),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
]
IDENTITY_POINT = (1).to_bytes(32, "little")
KEY = bytes(range(32))
LABEL = b"SR1-x".ljust(16, b"\0")


SEALING = {
    "e2ee/handshake.py": {"SR1-hs-id"},
    "e2ee/ratchet/message.py": {"SR1-header-key", "SR1-body-key"},
    "e2ee/files.py": {"SR1-file-chunk"},
    "e2ee/rooms/invite.py": {"SR1-link-keys"},
    "client/e2ee_client/engine/rooms/entry_keys.py": {"SR1-store-body"},
}
"""The modules that seal with the zero nonce, and the labels of their keys."""


def test_every_place_that_seals_is_in_the_table_of_keys() -> None:
    """PRM-15: a module that seals anew says here, and in the chapter, why its keys seal one text each."""
    sources = list(checkout.shipped_sources(checkout.ROOT))
    if not sources:
        pytest.skip("no sources beside the tests: what is tested was installed")
    found = {
        path.relative_to(checkout.ROOT).as_posix()
        for path in sources
        if re.search(r"(?<!x)aead\.seal\(", path.read_text("utf-8"))
    }
    assert found == SEALING.keys()
    chapter = (checkout.ROOT / "spec/03-primitives.md").read_text("utf-8")
    listed = re.findall(r"^\| `(SR1-[a-z-]+)` \|", chapter, re.MULTILINE)
    assert sorted(listed) == sorted(set().union(*SEALING.values()))


@pytest.mark.parametrize("value", [P, P + 1, P + 18, 2**255 - 1, 2**255, 2**255 + 9, 2**256 - 1])
def test_a_non_canonical_x25519_key_is_refused(value: int) -> None:
    """PRM-01: the same point has one encoding."""
    encoded = value.to_bytes(32, "little")
    with pytest.raises(InvalidKey):
        dh.public_key(encoded)
    with pytest.raises(InvalidKey):
        dh.exchange(KEY, encoded)


@pytest.mark.parametrize("size_b", [0, 31, 33, 64])
def test_an_x25519_key_has_32_bytes(size_b: int) -> None:
    """PRM-01"""
    with pytest.raises(InvalidKey):
        dh.public_key(bytes(size_b))


def test_the_largest_canonical_key_is_taken() -> None:
    """PRM-01: 2^255 - 20 is the last value below the prime."""
    assert dh.public_key((P - 1).to_bytes(32, "little")) == (P - 1).to_bytes(32, "little")


def test_x25519_agrees_with_rfc_7748() -> None:
    """PRM-01: the first vector of RFC 7748, section 5.2."""
    private = bytes.fromhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4")
    public = bytes.fromhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")
    shared = bytes.fromhex("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552")
    assert dh.exchange(private, public) == shared
    assert dh.derive_public(private) == sodium.crypto_scalarmult_base(private)


@pytest.mark.parametrize("low", LOW_ORDER)
def test_a_low_order_key_is_refused(low: bytes) -> None:
    """PRM-02"""
    with pytest.raises(InvalidKey):
        dh.exchange(KEY, low)


@pytest.mark.reference
def test_an_all_zero_output_is_refused_even_if_the_library_let_it_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """PRM-02: the check does not rest on the library's."""
    monkeypatch.setattr(dh, "crypto_scalarmult", lambda *_: bytes(32))
    with pytest.raises(InvalidKey):
        dh.exchange(KEY, dh.derive_public(KEY))


@pytest.mark.parametrize("low", LOW_ORDER)
@pytest.mark.parametrize("place", ["spk", "opk", "identity"])
def test_a_bundle_with_a_low_order_key_starts_nothing(low: bytes, place: str) -> None:
    """PRM-02, HS-01: at every DH of the initiator, though the key is signed."""
    alice, bob = Party.make("alice"), Party.make("bob")
    seed = bob.device.signing_key.expose()
    record, spk, opk = bob.device.record.encoded, bob.spk.prekey.signed, bob.opk.prekey.signed
    if place == "identity":
        record = forgery.changed(record, _6=low)
        device = replace(bob.device, record=identity.DeviceRecord.decode(record))
        bob.renew_list(NOW_MS, [device])
        spk_pair, pqk_pair = prekeys.new_signed_pair(device, 1, NOW_MS, bob.rng)
        bundle = bundle_of(device.record, bob.device_list.signed, spk_pair.prekey, None, pqk_pair.prekey)
    else:
        chosen = spk if place == "spk" else opk
        wrong = forgery.signed(seed, labels.SIG_PREKEY, forgery.entries_of(chosen) | {8: low})
        parts = forgery.map_of(bob.bundle()) | {3 if place == "spk" else 4: wrong}
        bundle = cbor.encode(parts)
    verified = prekeys.verify_bundle(bob.account_id, None, [], bundle, NOW_MS)
    with pytest.raises(InvalidKey):
        session.initiate(alice.device, alice.device_list, verified, 1, NOW_MS, alice.rng, kem.encapsulate)


@pytest.mark.parametrize("low", LOW_ORDER)
def test_a_low_order_ephemeral_or_identity_key_of_an_initiator_is_refused(low: bytes) -> None:
    """PRM-02: at every DH of the responder; the attacker knows that the shares are zero and uses them."""
    alice, bob = Party.make("alice"), Party.make("bob")
    with pytest.raises(InvalidKey):
        bob.accept(forgery.flight(alice, bob, ephemeral=low))
    record = forgery.changed(alice.device.record.encoded, _6=low)
    device = replace(alice.device, record=identity.DeviceRecord.decode(record))
    alice.renew_list(NOW_MS, [device])
    with pytest.raises(InvalidKey):
        bob.accept(forgery.flight(alice, bob, record=record, static_shares=(bytes(32), bytes(32))))


def test_signatures_are_those_of_ed25519() -> None:
    """PRM-03, PRM-11: RFC 8032, 7.1, test 2; and what is signed is the padded label and the data."""
    seed = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert sign.sign(seed, b"\x72") == signature
    sign.verify(sign.derive_public(seed), b"\x72", signature)
    party = Party.make("alice")
    encoded, list_signature = fields.decode_signed(party.device_list.signed, 1024)
    sodium.crypto_sign_open(list_signature + b"SR1-sig-list\0\0\0\0" + encoded, party.account_id)


def _challenge(r: bytes, a: bytes, message: bytes) -> int:
    return int.from_bytes(hashlib.sha512(r + a + message).digest(), "little") % L


def test_a_signature_that_libsodium_refuses_is_refused() -> None:
    """PRM-03: S not canonical, R of small order, A of small order, each where the equation itself holds."""
    public, message = sign.derive_public(KEY), b"message"
    good = sign.sign(KEY, message)
    scalar = int.from_bytes(good[32:], "little")
    malleable = good[:32] + (scalar + L).to_bytes(32, "little")
    digest = bytearray(hashlib.sha512(KEY).digest()[:32])
    digest[0] &= 248
    digest[31] = digest[31] & 127 | 64
    secret = int.from_bytes(digest, "little")
    answer = _challenge(IDENTITY_POINT, public, message) * secret % L
    small_r = IDENTITY_POINT + answer.to_bytes(32, "little")
    small_a = IDENTITY_POINT + bytes(32)
    sign.verify(public, message, good)
    for key, signature in ((public, malleable), (public, small_r), (IDENTITY_POINT, small_a)):
        with pytest.raises(BadSignature):
            sign.verify(key, message, signature)


@pytest.mark.parametrize(("key_b", "signature_b"), [(31, 64), (33, 64), (32, 63), (32, 65), (0, 0)])
def test_keys_and_signatures_have_one_size(key_b: int, signature_b: int) -> None:
    """PRM-03"""
    with pytest.raises(BadSignature):
        sign.verify(bytes(key_b), b"", bytes(signature_b))


def test_bytes_do_not_move_between_signature_and_message() -> None:
    """PRM-03: a signature with the message's first byte at its end is none for the rest of the message."""
    public, good = sign.derive_public(KEY), sign.sign(KEY, b"xmessage")
    for signature, message in ((good + b"x", b"message"), (good[:-1], good[-1:] + b"xmessage")):
        with pytest.raises(BadSignature):
            sign.verify(public, message, signature)


def test_a_changed_bit_breaks_a_signature() -> None:
    """PRM-03"""
    public, good = sign.derive_public(KEY), sign.sign(KEY, b"message")
    for at in range(64):
        wrong = bytearray(good)
        wrong[at] ^= 1
        with pytest.raises(BadSignature):
            sign.verify(public, b"message", bytes(wrong))


@pytest.mark.parametrize("size_b", [0, 1183, 1185, 1088])
def test_a_kem_key_of_another_size_is_refused(size_b: int) -> None:
    """PRM-04"""
    with pytest.raises(InvalidKey):
        kem.encapsulation_key(bytes(size_b))


@pytest.mark.parametrize("coefficient", [3329, 3330, 4095])
def test_a_kem_key_with_an_unreduced_coefficient_is_refused(coefficient: int) -> None:
    """PRM-04: the modulus check of FIPS 203, 7.2; 3329 is q."""
    key = bytearray(kem.derive_public(bytes(64)))
    for at in (0, 1151 - 2):
        wrong = bytearray(key)
        wrong[at], wrong[at + 1] = coefficient & 255, wrong[at + 1] & 0xF0 | coefficient >> 8
        for refused in (kem.encapsulation_key, kem.encapsulate):
            with pytest.raises(InvalidKey):
                refused(bytes(wrong))
    assert kem.encapsulation_key(bytes(key)) == bytes(key)


def test_a_kem_private_key_is_its_seed() -> None:
    """PRM-05, HS-12: from seed or from a key object in memory, the secret is the same."""
    pair = Party.make("bob").pqk
    assert isinstance(pair.private, kem.DecapsulationKey)
    seed = pair.private.expose()
    assert len(seed) == 64
    ciphertext, secret = kem.encapsulate(pair.prekey.key)
    assert (len(ciphertext), len(secret)) == (1088, 32)
    assert kem.DecapsulationKey(seed).decapsulate(ciphertext) == secret
    assert kem.DecapsulationKey(seed).public == pair.prekey.key


def test_a_key_object_is_equal_to_one_of_the_same_seed_only() -> None:
    """PRM-05: so that a state that was stored and loaded is the one that it was."""
    key = kem.DecapsulationKey(bytes(64))
    assert key == kem.DecapsulationKey(bytes(64))
    assert key != kem.DecapsulationKey(bytes(63) + b"\1")
    assert key != key.public
    with pytest.raises(TypeError):
        hash(key)


def test_a_wrong_ciphertext_gives_a_pseudo_random_secret() -> None:
    """PRM-05: implicit rejection, the same each time; only another size is refused."""
    key = kem.DecapsulationKey(bytes(64))
    ciphertext, secret = kem.encapsulate(key.public)
    wrong = bytes((ciphertext[0] ^ 1,)) + ciphertext[1:]
    rejected = key.decapsulate(wrong)
    assert rejected != secret
    assert rejected == key.decapsulate(wrong)
    for size_b in (0, 1087, 1089):
        with pytest.raises(AuthenticationError):
            key.decapsulate(bytes(size_b))


def test_a_wrong_ciphertext_fails_at_the_first_aead(monkeypatch: pytest.MonkeyPatch) -> None:
    """PRM-05: the sealed identity does not open, with the one error of HS-10."""
    _, flight = parties.first_contact()
    bob = Party.make("bob", identity.DeviceKind.AGENT)
    opened = recorded(monkeypatch, aead, "open_")
    at = 2 + 32 + 12 + 500
    with pytest.raises(AuthenticationError):
        bob.accept(flight[:at] + bytes((flight[at] ^ 1,)) + flight[at + 1 :])
    assert [len(sealed) for _, sealed, _ in opened] == [976]


def test_labels_are_padded_and_none_is_a_prefix_of_another() -> None:
    """PRM-06"""
    values = {name: value for name, value in vars(labels).items() if isinstance(value, bytes)}
    assert len(values) >= 18
    names = [value.rstrip(b"\0") for value in values.values()]
    assert all(len(value) == 16 and value.isascii() for value in values.values())
    assert all(name.startswith(b"SR1-") and b"\0" not in name for name in names)
    for at, one in enumerate(names):
        assert not any(other.startswith(one) for other in names[:at] + names[at + 1 :])


@pytest.mark.reference
def test_each_aead_key_seals_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """PRM-07: over a handshake and a long conversation with turns no key is used twice."""
    seals = recorded(monkeypatch, aead, "seal")
    alice, bob, a, b = parties.connected_pair()
    for turn in range(6):
        for number in range(3):
            a, envelope = alice.seal(a, f"{turn}.{number}")
            b = parties.open_(b, envelope).session
        b, envelope = bob.seal(b, f"answer {turn}", way_back=None)
        a = parties.open_(a, envelope).session
    assert len(seals) == len({key for key, _, _ in seals}) == 1 + 2 * (2 + 6 * 4)


def test_the_aead_is_chacha20_poly1305_with_the_zero_nonce() -> None:
    """PRM-07: libsodium opens what is sealed."""
    sealed = aead.seal(KEY, b"plaintext", b"associated")
    opened = sodium.crypto_aead_chacha20poly1305_ietf_decrypt(sealed, b"associated", bytes(12), KEY)
    assert opened == b"plaintext"
    assert aead.open_(KEY, sealed, b"associated") == b"plaintext"
    for key, ciphertext, associated in (
        (bytes(32), sealed, b"associated"),
        (KEY, sealed[:-1] + bytes((sealed[-1] ^ 1,)), b"associated"),
        (KEY, sealed, b"other"),
        (KEY, b"short", b""),
    ):
        with pytest.raises(AuthenticationError):
            aead.open_(key, ciphertext, associated)


def _forbidden(*_: object) -> NoReturn:
    raise AssertionError("the core asked its surroundings")


def test_randomness_and_time_come_from_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """PRM-08: same randomness, time and encapsulation give the same bytes; nobody else is asked."""
    for module, name in ((os, "urandom"), (time, "time"), (time, "time_ns")):
        monkeypatch.setattr(module, name, _forbidden)
    fixed = kem.encapsulate(Party.make("bob").pqk.prekey.key)

    def flight() -> bytes:
        alice, bob = Party.make("alice"), Party.make("bob")
        state = alice.initiate(bob, encapsulate=lambda _: fixed)
        return alice.seal(state, "hello")[1]

    assert flight() == flight()


def test_encapsulation_is_passed_in() -> None:
    """PRM-09: asked once, for the peer's KEM key; its ciphertext is what the prefix carries."""
    alice, bob = Party.make("alice"), Party.make("bob")
    asked: list[bytes] = []
    answer = kem.encapsulate(bob.pqk.prekey.key)

    def encapsulate(key: bytes) -> tuple[bytes, bytes]:
        asked.append(key)
        return answer

    state = alice.initiate(bob, encapsulate=encapsulate)
    assert asked == [bob.pqk.prekey.key]
    assert isinstance(state.phase, session.Started)
    assert state.phase.prefix[44 : 44 + 1088] == answer[0]


@pytest.mark.parametrize(
    "compare",
    [
        lambda: RootKey(KEY) == RootKey(bytes(32)),
        lambda: kdf.equal(KEY, bytes(32)),
    ],
)
def test_secrets_are_compared_in_constant_time(
    monkeypatch: pytest.MonkeyPatch, compare: Callable[[], bool]
) -> None:
    """PRM-10"""
    asked = recorded(monkeypatch, hmac, "compare_digest")
    assert compare() is False
    assert asked == [(KEY, bytes(32))]


def test_hash_is_sha_256_over_label_and_data() -> None:
    """PRM-11"""
    assert kdf.hash_(LABEL, b"data") == sodium.crypto_hash_sha256(LABEL + b"data")


@pytest.mark.parametrize("size_b", [8, 16, 32, 64])
def test_prf_is_blake2b_with_person_and_salt(size_b: int) -> None:
    """PRM-12: beside libsodium's BLAKE2b; without a salt it is 16 zero bytes."""
    salt = bytes(range(16))
    blake2b = sodium.crypto_generichash_blake2b_salt_personal
    assert kdf.prf(KEY, LABEL, size_b, salt=salt, data=b"data") == blake2b(b"data", size_b, KEY, salt, LABEL)
    assert kdf.prf(KEY, LABEL, size_b) == blake2b(b"", size_b, KEY, bytes(16), LABEL)


@pytest.mark.parametrize("length_b", [1, 31, 32, 33, 96, 128, 255 * 32])
@pytest.mark.parametrize("salt", [b"", KEY])
def test_hkdf_is_rfc_5869_with_sha_256(length_b: int, salt: bytes) -> None:
    """PRM-13: beside the text of RFC 5869; no salt is a salt of zero bytes."""
    key = hmac.digest(salt or bytes(32), b"input", "sha256")
    block = expected = b""
    for counter in range(1, -(-length_b // 32) + 1):
        block = hmac.digest(key, block + LABEL + bytes((counter,)), "sha256")
        expected += block
    assert kdf.hkdf(salt, b"input", LABEL, length_b) == expected[:length_b]


def test_arguments_of_the_wrong_size_are_our_own_fault() -> None:
    """PRM-05, PRM-08: private keys come from our side, so a wrong size is a local error."""
    for refused in (
        lambda: dh.exchange(bytes(31), dh.derive_public(KEY)),
        lambda: dh.derive_public(bytes(33)),
        lambda: sign.sign(bytes(31), b""),
        lambda: sign.derive_public(bytes(33)),
        lambda: kem.DecapsulationKey(bytes(63)),
        lambda: kem.derive_public(bytes(65)),
    ):
        with pytest.raises(InvalidArgument):
            refused()


def test_scripted_randomness_repeats() -> None:
    """PRM-08: what the tests stand on."""
    assert ScriptedRng("x")(100) == ScriptedRng("x")(100) != ScriptedRng("y")(100)
    rng = ScriptedRng("x")
    assert rng(16) != rng(16)
