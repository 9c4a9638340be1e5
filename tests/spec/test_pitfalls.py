"""Known attacks on protocols of this family: each row of the design's table, and the test of our answer.

A test is named after its row. Rows whose answer lies outside the core stand in `ELSEWHERE` with the place.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import forgery
import parties
import pytest
from call_record import recorded
from hypothesis import given, settings
from hypothesis import strategies as st
from parties import DAY_MS, NOW_MS, Party, ScriptedRng, bundle_of, open_, state_bytes, with_fields

from e2ee import content as contents
from e2ee import handshake, identity, labels, prekeys, session
from e2ee import pair as pairs
from e2ee.errors import (
    AuthenticationError,
    BadSignature,
    CounterExhausted,
    DecodeError,
    Expired,
    IdentityMismatch,
    InvalidKey,
    RemoteError,
    ReplayError,
    SessionExpired,
    UnsupportedVersion,
)
from e2ee.identity import DeviceRecord
from e2ee.ids import DhPublic, Tag
from e2ee.prekeys import PrekeyKind, SignedPrekey
from e2ee.primitives import aead, dh, kdf, kem, sign
from e2ee.ratchet.state import Sending
from e2ee.secret import AccountKey, Secret
from e2ee.session import Session
from e2ee.wire import cbor, envelope

CORE = Path(labels.__file__).parent
"""What is tested: of the checkout, or installed."""
ELSEWHERE = {
    9: "no key is ever tried by trial, so nothing has to be committed to",
    13: "client engine: the state is stored before the envelope leaves",
    17: "relay: limits of the directory",
    23: "AEAD tags of 16 bytes, shown in row 49 and chapter 03",
    27: "client engine: pinned heads, and the test with a relay in the middle",
    29: "groups come later",
    30: "groups come later",
    31: "groups come later",
    32: "property tests: the adversarial network",
    34: "client engine: receipts",
    41: "chapter 03: randomness comes from the caller",
    43: "stated in the threat model",
    44: "client's store",
    45: "checks of all sources: no hooks for tests",
    48: "client engine: age of the last healing, which row 26 shows to be known",
    53: "delivery of code to browsers is not part of this distribution",
}


@pytest.fixture
def alice() -> Party:
    """The initiator."""
    return Party.make("alice")


@pytest.fixture
def bob() -> Party:
    """The responder."""
    return Party.make("bob")


def test_every_row_has_its_test() -> None:
    """DR-18: of 53 rows each is tested here or named with the place of its test."""
    tested = set()
    for name, _ in inspect.getmembers(sys.modules[__name__], inspect.isfunction):
        tested |= {int(row) for row in re.findall(r"^test_row_(\d+)_", name)}
    assert tested.isdisjoint(ELSEWHERE)
    assert tested | set(ELSEWHERE) == set(range(1, 54))


def test_row_01_another_kem_key_with_the_same_secret_gives_another_session(alice: Party, bob: Party) -> None:
    """HS-02: KEM re-encapsulation; ciphertext and secret are equal, only the key differs."""
    fixed = kem.encapsulate(bob.pqk.prekey.key)
    found = {
        alice.initiate(
            bob, one_time_kem=one_time, rng=ScriptedRng("same"), encapsulate=lambda _: fixed, opk=False
        ).id
        for one_time in (False, True)
    }
    assert len(found) == 2
    parts = (b"record", b"spk", None)
    one, other = (handshake.transcript0(*parts, pqk, fixed[0], bytes(32)) for pqk in (b"one", b"other"))
    keys = [handshake.derive_keys(handshake.transcript1(t0, b"record"), fixed[1]) for t0 in (one, other)]
    assert keys[0].root_key != keys[1].root_key


def test_row_02_a_signature_over_one_type_of_key_is_none_over_the_other(bob: Party) -> None:
    """ID-14, ID-15, PRM-06: an SPK signature over a KEM key, and signatures under other labels."""
    record, seed = bob.device.record, bob.device.signing_key.expose()
    spk, pqk = (forgery.entries_of(pair.prekey.signed) for pair in (bob.spk, bob.pqk))
    for entries, kinds in (
        (spk | {8: pqk[8]}, PrekeyKind.SPK),
        (pqk | {8: spk[8]}, PrekeyKind.PQK_LAST_RESORT),
    ):
        with pytest.raises(DecodeError):
            SignedPrekey.verify(record, forgery.signed(seed, labels.SIG_PREKEY, entries), (kinds,))
    for label in (labels.SIG_LIST, labels.SIG_ADDRESS, labels.SIG_SUCCESSOR, labels.RELAY_AUTH):
        with pytest.raises(BadSignature):
            SignedPrekey.verify(record, forgery.signed(seed, label, spk), (PrekeyKind.SPK,))


def test_row_03_a_flipped_usage_breaks_the_signature(alice: Party, bob: Party) -> None:
    """ID-15, ID-17: a relay cannot pass a last-resort key off as a one-time key."""
    outer = cbor.decode(bob.pqk.prekey.signed)
    assert isinstance(outer, list)
    flipped = cbor.encode([cbor.encode(forgery.entries_of(bob.pqk.prekey.signed) | {5: 1}), outer[1]])
    with pytest.raises(BadSignature):
        SignedPrekey.verify(bob.device.record, flipped, (PrekeyKind.PQK_ONE_TIME,))
    assert alice.initiate(bob, opk=False).origin.one_time == (False, False)
    assert alice.initiate(bob, one_time_kem=True).origin.one_time == (True, True)


def test_row_04_a_zero_output_is_refused_at_every_dh(alice: Party, bob: Party) -> None:
    """PRM-02: also in the ratchet, where the peer chooses the key freely."""
    low = (1).to_bytes(32, "little")
    with pytest.raises(InvalidKey):
        dh.exchange(bytes(range(32)), low)
    with pytest.raises(InvalidKey):
        bob.accept(forgery.flight(alice, bob, ephemeral=low))
    _, _, a, b = parties.connected_pair()
    ready = forgery.prepared(a)
    assert isinstance(ready.ratchet.sending, Sending)
    plain = forgery.header(ready.ratchet.sending, ratchet_key=low)
    body = forgery.body(contents.encode(alice.text("x", way_back=None)))
    with pytest.raises(AuthenticationError):
        open_(b, forgery.sealed(ready, plain, body))


def test_row_05_a_point_has_one_encoding() -> None:
    """PRM-01: the second encoding of a point that gives a non-zero result is refused."""
    for low in (2, 9, 18):
        second = (2**255 - 19 + low).to_bytes(32, "little")
        high = (low + 2**255).to_bytes(32, "little")
        assert dh.public_key(low.to_bytes(32, "little"))
        for wrong in (second, high):
            with pytest.raises(InvalidKey):
                dh.exchange(bytes(range(32)), wrong)


def test_row_06_a_key_plus_torsion_gives_another_session() -> None:
    """HS-02: the shares agree, but the transcript has the exact bytes of the record."""
    private = ScriptedRng("any")(32)
    record = Party.make("bob").device.record.encoded
    keys = [forgery.changed(record, _6=bytes.fromhex(key)) for key in twisted_keys()]
    shares = {dh.exchange(private, bytes.fromhex(key)) for key in twisted_keys()}
    assert len(shares) == 1
    found = {
        handshake.derive_keys(handshake.transcript1(bytes(32), one), next(iter(shares))).session_id
        for one in keys
    }
    assert len(found) == 2


def twisted_keys() -> tuple[str, str]:
    """A public key and the same key plus the point of order two: u -> 1/u on the curve."""
    point = int.from_bytes(dh.derive_public(ScriptedRng("torsion")(32)), "little")
    prime = 2**255 - 19
    other = pow(point, -1, prime)
    return point.to_bytes(32, "little").hex(), other.to_bytes(32, "little").hex()


def test_row_07_signatures_are_judged_as_by_libsodium() -> None:
    """PRM-03: a malleable S, and A and R of small order; the shared vectors hold the rest."""
    seed, order = bytes(range(32)), 2**252 + 27742317777372353535851937790883648493
    good = sign.sign(seed, b"x")
    malleable = good[:32] + (int.from_bytes(good[32:], "little") + order).to_bytes(32, "little")
    identity_point = (1).to_bytes(32, "little")
    for key, signature in (
        (sign.derive_public(seed), malleable),
        (identity_point, identity_point + bytes(32)),
    ):
        with pytest.raises(BadSignature):
            sign.verify(key, b"x", signature)


def test_row_08_dh_and_signing_keys_are_of_different_types(bob: Party) -> None:
    """ID-02: two keys of their own in one signed record, and no type of one is a type of the other."""
    record = bob.device.record
    assert bytes(record.sign_public) != bytes(record.dh_public)
    roles = [type(bob.device.signing_key), type(bob.device.dh_key)]
    assert all(role.__bases__ == (Secret,) for role in roles)
    assert roles[0] is not roles[1]


@settings(max_examples=25)
@given(previous=st.integers(0, 2**31 - 1), number=st.integers(0, 2**31 - 1), new=st.booleans())
def test_row_10_no_message_costs_more_than_a_bound(previous: int, number: int, new: bool) -> None:
    """DR-13, DR-16: any authentic header, any counters."""
    alice, _, a, b = parties.connected_pair()
    if not new:
        a, first = alice.seal(a, "x", way_back=None)
        b = open_(b, first).session
    ready = forgery.prepared(a)
    assert isinstance(ready.ratchet.sending, Sending)
    plain = forgery.header(ready.ratchet.sending, number=number, previous_length=previous)
    crafted = forgery.sealed(ready, plain, forgery.body(b"wrong key for most numbers"))
    with pytest.MonkeyPatch.context() as patch:
        calls = recorded(patch, kdf, "prf")
        with pytest.raises(RemoteError):
            open_(b, crafted)
        assert sum(call[1] == labels.CHAIN for call in calls) <= 4001


def test_row_11_skipped_keys_do_not_stay_for_ever() -> None:
    """DR-16"""
    alice, _, a, b = parties.connected_pair()
    a, skipped = alice.seal(a, "x", way_back=None)
    b = open_(b, alice.seal(a, "y", way_back=None)[1]).session
    kept, dropped = session.expire_skipped(b, NOW_MS + 30 * DAY_MS + 1)
    assert (len(kept.ratchet.skipped), dropped) == (0, 1)
    with pytest.raises(ReplayError):
        open_(b, skipped, NOW_MS + 30 * DAY_MS + 1)


def test_row_12_a_failed_message_changes_no_state() -> None:
    """DR-18, DR-11: every bit of some bytes of a message that jumps ahead in a new chain."""
    alice, _, a, b = parties.connected_pair()
    a, _ = alice.seal(a, "skipped", way_back=None)
    _, sealed = alice.seal(a, "x", way_back=None)
    before = state_bytes(b)
    for at in range(2, len(sealed), 9):
        for bit in range(8):
            with pytest.raises(AuthenticationError):
                open_(b, sealed[:at] + bytes((sealed[at] ^ 1 << bit,)) + sealed[at + 1 :])
    assert state_bytes(b) == before


@pytest.mark.reference
def test_row_14_a_state_that_came_back_harms_nothing_but_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """DR-05, DR-12: no key seals two texts, even with repeated randomness; the receiver calls it a replay."""
    alice, bob, a, b = parties.connected_pair()
    a = forgery.prepared(a)
    seals = recorded(monkeypatch, aead, "seal")
    texts = [alice.text(f"life {number}", way_back=None) for number in range(3)]
    lives = [session.seal(a, text, NOW_MS, ScriptedRng("cloned"), kem.encapsulate) for text in texts]
    keys = Counter(key for key, _, _ in seals)
    assert set(keys.values()) == {1}
    b = open_(b, lives[0].envelope).session
    for other in lives[1:]:
        with pytest.raises(ReplayError):
            open_(b, other.envelope)
    lost, flight = alice.seal(alice.initiate(bob, a.origin.epoch + 1), "anew")
    assert bob.accept(flight).opened.session.id == lost.id != a.id


def test_row_15_none_equals_none(alice: Party, bob: Party) -> None:
    """DR-02: before the first message nothing can be sent, and only the real first message opens."""
    _, flight = alice.seal(alice.initiate(bob), "x")
    raw = envelope.decode(flight)
    for crafted in (
        raw._replace(sealed_header=bytes(64)),
        raw._replace(tag=Tag(bytes(8))),
        raw._replace(salt=bytes(16), sealed_header=bytes(64), sealed_body=bytes(1898)),
    ):
        with pytest.raises(AuthenticationError):
            session.respond(crafted, bob.responder_keys(raw), parties.unpinned, NOW_MS)


def test_row_16_a_handshake_is_recognised_when_it_comes_again(alice: Party, bob: Party) -> None:
    """HS-09: one key for the replay cache, over all repetitions; the session that was made knows the tag."""
    a, flight = alice.seal(alice.initiate(bob, opk=False), "x")
    _, repeated = alice.seal(a, "y")
    b = bob.accept(flight).opened.session
    keys = {session.replay_key(envelope.decode(one)) for one in (flight, repeated)}
    assert len(keys) == 1
    assert envelope.decode(flight).tag in b.tags()
    with pytest.raises(RemoteError):
        open_(b, flight)


def test_row_18_a_forged_flight_consumes_no_prekey(alice: Party, bob: Party) -> None:
    """HS-07, HS-08"""
    before = dict(bob.held)
    with pytest.raises(AuthenticationError):
        bob.accept(forgery.flight(alice, bob, opk=bob.opk, first_body=bytes(1882)))
    assert bob.held == before
    _, flight = alice.seal(alice.initiate(bob), "honest")
    assert bob.accept(flight).opened.session.origin.one_time.x25519


def test_row_19_an_unsigned_one_time_key_is_refused(bob: Party) -> None:
    """ID-14, ID-16"""
    chosen = dh.derive_public(bytes(range(32)))
    for wrong in (chosen, cbor.encode([cbor.encode({8: chosen}), bytes(64)])):
        bundle = cbor.encode(forgery.map_of(bob.bundle()) | {4: wrong})
        with pytest.raises(RemoteError):
            prekeys.verify_bundle(bob.account_id, None, [], bundle, NOW_MS)


def test_row_20_a_relabelled_sender_is_refused(alice: Party, bob: Party) -> None:
    """HS-02, HS-11: both records are in the transcript; another name under the same keys gives other keys."""
    mallory = Party.make("mallory")
    record = forgery.changed(alice.device.record.encoded, _3=mallory.account_id)
    claimed = DeviceRecord.decode(record)
    device = replace(alice.device, record=claimed)
    mallory.renew_list(NOW_MS, [device])
    _, flight = alice.seal(alice.initiate(bob), "x")
    keys = [
        forgery.flight(alice, bob, record=record, signed_list=mallory.device_list.signed),
        forgery.flight(alice, bob),
    ]
    ids = {bob.accept(one).opened.session.id for one in keys}
    assert len(ids) == 2
    spliced = keys[0][:2110] + flight[2110:]
    with pytest.raises(AuthenticationError):
        bob.accept(spliced)


def test_row_21_a_flight_proves_nothing_to_others(alice: Party, bob: Party) -> None:
    """HS-11: authentication is by DH alone: whoever has Bob's keys can make a flight from Alice too."""
    spk, identity_key = bob.spk.private.expose(), bob.device.dh_key.expose()
    theirs = alice.device.record.dh_public
    shares = (dh.exchange(spk, theirs), dh.exchange(identity_key, theirs))
    anyone = Party.make("anyone")
    forged = forgery.flight(
        anyone,
        bob,
        record=alice.device.record.encoded,
        signed_list=alice.device_list.signed,
        static_shares=shares,
    )
    assert bob.accept(forged).record == alice.device.record


@pytest.mark.reference
def test_row_22_no_two_uses_share_a_label() -> None:
    """PRM-06: each label once, none a prefix of another, and each used in one function of the core only."""
    values = [value for value in vars(labels).values() if isinstance(value, bytes)]
    assert len(set(values)) == len(values)
    names = [value.rstrip(b"\0") for value in values]
    assert not any(a != b and b.startswith(a) for a in names for b in names)
    derivations = Counter[str]()
    for path in sorted(CORE.rglob("*.py")):
        for function in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(function, ast.FunctionDef):
                used = {
                    node.attr
                    for node in ast.walk(function)
                    if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "labels"
                }
                derivations.update(used - {name for name in used if name.startswith("SIG_")})
    assert set(derivations.values()) == {1}


def test_row_24_versions_and_suites_cannot_be_bargained_down(alice: Party, bob: Party) -> None:
    """WIRE-06, ID-03, HS-02: another number is refused, also in a signed record, and the suite is in T0."""
    _, flight = alice.seal(alice.initiate(bob), "x")
    for lead in (b"\0\2", b"\2\2", b"\1\0"):
        with pytest.raises(UnsupportedVersion):
            envelope.decode(lead + flight[2:])
    for suites in ([0], [2], [1, 2], [2, 1]):
        with pytest.raises(RemoteError):
            DeviceRecord.decode(forgery.changed(bob.device.record.encoded, _2=suites))
    encoded = cbor.encode([1, b"r", b"s", None, b"p", b"c", b"e"])
    expected = kdf.hash_(labels.HANDSHAKE_T0, encoded)
    assert handshake.transcript0(b"r", b"s", None, b"p", b"c", b"e") == expected


def test_row_25_simultaneous_initiations_end_in_one_session(alice: Party, bob: Party) -> None:
    """SES-22: both are answered, and both sides choose the same; chapter 08 has all orders."""
    a, to_bob = alice.seal(alice.initiate(bob), "from alice")
    b, to_alice = bob.seal(bob.initiate(alice), "from bob")
    at_alice, at_bob = alice.accept(to_alice).opened.session, bob.accept(to_bob).opened.session
    sides = [_proven_pair(a, at_alice), _proven_pair(b, at_bob)]
    assert {side.active.id for side in sides if side.active is not None} == {min(a.id, b.id)}


def _proven_pair(*found: Session) -> pairs.Pair:
    """Return a pair that knows these sessions, each proven in this order."""
    pair, answered = pairs.Pair(), DhPublic(bytes(32))
    for one in found:
        standing = pairs.Standing(one.id, one.origin.epoch, one.origin.initiator, NOW_MS, one.ends_ms)
        pair = (pairs.started if one.origin.initiator else pairs.heard)(pair, standing, NOW_MS).pair
    for one in found:
        pair = pairs.opened(pair, one.id, answered, NOW_MS).pair
    return pair


def test_row_26_a_stolen_state_goes_blind_after_a_turn(alice: Party, bob: Party) -> None:
    """DR-14, DR-19, SES-22: the thief reads until both have turned; an old session never comes back."""
    contact = parties.connected_pair()
    alice, bob, a, b = contact
    stolen = b
    a, sealed = alice.seal(a, "still readable", way_back=None)
    thief, b = open_(stolen, sealed).session, open_(b, sealed).session
    b, sealed = bob.seal(b, "with a fresh key", way_back=None)
    a = open_(a, sealed).session
    assert a.ratchet.healing.healed_ms == NOW_MS
    a, sealed = alice.seal(a, "not readable", way_back=None)
    for blind in (thief, bob.seal(thief, "own step", way_back=None)[0]):
        with pytest.raises(RemoteError):
            open_(blind, sealed)
    assert parties.text_of(open_(b, sealed)) == "not readable"


def test_row_26_an_older_message_stays_closed_to_a_later_state() -> None:
    """DR-04, DR-14: forward secrecy, within a chain and beyond it."""
    alice, bob, a, b = parties.connected_pair()
    a, first = alice.seal(a, "one", way_back=None)
    b = open_(b, first).session
    b, answer = bob.seal(b, "two", way_back=None)
    a = open_(a, answer).session
    a, third = alice.seal(a, "three", way_back=None)
    b = open_(b, third).session
    for sealed in (first, third):
        with pytest.raises(RemoteError):
            open_(b, sealed)


def test_row_28_a_ghost_device_is_not_written_to_nor_heard(alice: Party, bob: Party) -> None:
    """ID-05, ID-09, ID-16: a relay cannot author a list, and what is not listed does not count."""
    ghost = identity.new_device(
        alice.account_id, alice.device.record.kind, 0, NOW_MS, NOW_MS + DAY_MS, bob.rng
    )
    spk, pqk = prekeys.new_signed_pair(ghost, 1, NOW_MS, bob.rng)
    bundle = bundle_of(ghost.record, alice.device_list.signed, spk.prekey, None, pqk.prekey)
    with pytest.raises(IdentityMismatch):
        prekeys.verify_bundle(alice.account_id, None, [], bundle, NOW_MS)
    relays_own = AccountKey(bytes(32))
    unsigned = identity.next_list(alice.account_id, alice.device_list, [ghost.record], None, NOW_MS)
    authored = forgery.signed(relays_own.expose(), labels.SIG_LIST, forgery.map_of(unsigned))
    with pytest.raises(BadSignature):
        identity.verify_chain(alice.account_id, alice.device_list.head, [authored], NOW_MS)
    with pytest.raises(IdentityMismatch):
        bob.accept(forgery.flight(alice, bob, record=ghost.record.encoded))


def test_row_33_sizes_fall_into_few_classes() -> None:
    """WIRE-10, WIRE-11, WIRE-12: contents of 1 to 20000 bytes in fewer than 48 sizes, without compression."""
    alice, _, a, _ = parties.connected_pair()
    sizes = Counter(len(alice.seal(a, "x" * size, way_back=None)[1]) for size in range(1, 20_000, 97))
    assert len(sizes) < 48
    same = {len(alice.seal(a, letter * 700, way_back=None)[1]) for letter in ("x", "\1", "z")}
    assert len(same) == 1


def test_row_35_only_the_tag_links_messages_of_a_chain() -> None:
    """DR-07, DR-10: no identity, key or counter in the clear; between chains nothing is equal."""
    alice, bob, a, b = parties.connected_pair()
    a, one = alice.seal(a, "same text", way_back=None)
    a, two = alice.seal(a, "same text", way_back=None)
    b = open_(b, two).session
    b, answer = bob.seal(b, "x", way_back=None)
    a, three = alice.seal(open_(a, answer).session, "same text", way_back=None)
    assert one[:10] == two[:10]
    assert len(one) == len(two) == len(three)
    assert three[2:10] != one[2:10]
    for left, right in ((one, two), (one, three)):
        equal = sum(x == y for x, y in zip(left[10:], right[10:], strict=True))
        assert equal < len(left) // 16
    for sealed in (one, two, three):
        for known in (alice.account_id, bob.account_id, alice.device.record.dh_public, a.id[:8]):
            assert known not in sealed


@pytest.mark.reference
def test_row_36_opening_tries_few_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """DR-10: one header and one body in the usual cases, however many chains are remembered."""
    alice, bob, a, b = parties.connected_pair()
    for turn in range(8):
        a, _ = alice.seal(a, "skipped", way_back=None)
        a, sealed = alice.seal(a, f"{turn}", way_back=None)
        b, answer = bob.seal(open_(b, sealed).session, "x", way_back=None)
        a = open_(a, answer).session
    assert len(set(b.tags())) > 8
    opens = recorded(monkeypatch, aead, "open_")
    _, sealed = alice.seal(a, "last", way_back=None)
    assert open_(b, sealed).content
    assert len(opens) == 2


@pytest.mark.parametrize("form", ["1800", "a201000100", "0000", "9fff", "f97e00", "c100", "a16161 00"])
def test_row_37_there_is_one_decoding(form: str) -> None:
    """WIRE-03, WIRE-04: what lenient decoders take."""
    with pytest.raises(DecodeError):
        cbor.decode(bytes.fromhex(form.replace(" ", "")))


def test_row_38_depth_and_size_are_bounded() -> None:
    """WIRE-03, WIRE-07: before anything is built from the bytes."""
    for hostile in (
        b"\x81" * 90_000 + b"\0",
        b"\x9b" + b"\xff" * 8,
        b"\x5b" + b"\x7f" + b"\xff" * 7,
        b"\xba" * 100,
    ):
        with pytest.raises(DecodeError):
            cbor.decode(hostile)
    with pytest.raises(DecodeError):
        envelope.decode(b"\1\1" + bytes(200_000))


def test_row_39_there_is_one_error_for_what_does_not_open(alice: Party, bob: Party) -> None:
    """HS-10, DR-11: wrong KEM ciphertext, identity, tag, salt, header, body, padding, and fragment block."""
    contact, flight = parties.first_contact(alice, bob)
    texts = set()
    for at in (46, 1134, 2110, 2118, 2134, 2198):
        with pytest.raises(AuthenticationError) as caught:
            bob.accept(flight[:at] + bytes((flight[at] ^ 1,)) + flight[at + 1 :])
        texts.add((str(caught.value), caught.value.code))
    for body in (bytes(1882), b"\1" * 1882):
        with pytest.raises(AuthenticationError) as caught:
            bob.accept(forgery.flight(alice, bob, first_body=body))
        texts.add((str(caught.value), caught.value.code))
    assert len(texts) == 1
    assert contact.b.id == contact.a.id


def test_row_40_no_secret_is_compared_with_equals() -> None:
    """PRM-10: values that `expose` gave are not compared by `==` anywhere in the core."""
    for path in sorted(CORE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Compare):
                assert "expose" not in ast.unparse(node)


def test_row_42_a_traceback_names_roles_only(alice: Party, bob: Party) -> None:
    """PRM-10: even one that shows the values of local variables of the type of a secret."""
    shown = repr((alice.device, bob.spk, alice.initiate(bob)))
    for secret in (alice.device.dh_key, alice.device.signing_key, alice.device.hedge, bob.spk.private):
        assert secret.expose().hex() not in shown
        assert repr(secret.expose())[2:-1] not in shown


def test_row_46_lost_numbers_are_counted() -> None:
    """DR-16: what is missing and what was given up is told with the message that shows it."""
    alice, _, a, b = parties.connected_pair()
    envelopes = []
    for _ in range(1203):
        a, sealed = alice.seal(a, "x", way_back=None)
        envelopes.append(sealed)
    opened = open_(b, envelopes[1000])
    assert (opened.skipped, opened.dropped) == (1000, 0)
    opened = open_(opened.session, envelopes[1202])
    assert (opened.skipped, opened.dropped) == (201, 201)


def test_row_47_a_forged_fragment_touches_nothing() -> None:
    """WIRE-10: the block is inside the AEAD, and refused before the content is looked at."""
    alice, _, a, b = parties.connected_pair()
    body = forgery.body(contents.encode(alice.text("x", way_back=None)))
    before = state_bytes(b)
    with pytest.raises(AuthenticationError):
        open_(b, forgery.message(a, b"\2" + body[1:]))
    assert state_bytes(b) == before


def test_row_49_a_flipped_ciphertext_bit_fails_closed(alice: Party, bob: Party) -> None:
    """PRM-05, HS-10: implicit rejection ends at a tag of 16 bytes; nothing falls back to X25519."""
    _, flight = alice.seal(alice.initiate(bob), "x")
    for bit in range(8):
        with pytest.raises(AuthenticationError):
            bob.accept(flight[:60] + bytes((flight[60] ^ 1 << bit,)) + flight[61:])
    assert len(aead.seal(bytes(32), b"", b"")) == 16


def test_row_50_an_unreduced_kem_key_is_refused() -> None:
    """PRM-04"""
    for at in range(0, 1152, 3):
        key = bytearray(kem.derive_public(bytes(64)))
        key[at], key[at + 1] = 0x01, key[at + 1] & 0xF0 | 0x0D
        with pytest.raises(InvalidKey):
            kem.encapsulate(bytes(key))


def test_row_51_counters_end() -> None:
    """DR-09, SES-21"""
    alice, _, a, _ = parties.connected_pair()
    a = forgery.prepared(a)
    sending = a.ratchet.sending
    assert isinstance(sending, Sending)
    full: Session = with_fields(a, ratchet=with_fields(a.ratchet, sending=with_fields(sending, number=2**31)))
    with pytest.raises(CounterExhausted):
        alice.seal(full, "x", way_back=None)
    with pytest.raises(CounterExhausted):
        pairs.next_epoch(pairs.Pair(known=pairs.MAX_EPOCH), NOW_MS)


def test_row_52_time_is_the_own_clock_with_a_tolerance(alice: Party, bob: Party) -> None:
    """ID-04, ID-08, ID-16: a clock that is a day off still works, one that is further off is told so."""
    assert bob.verified(now_ms=NOW_MS - DAY_MS).record == bob.device.record
    with pytest.raises(RemoteError):
        bob.verified(now_ms=NOW_MS - DAY_MS - 1)
    with pytest.raises(Expired):
        bob.verified(now_ms=NOW_MS + 14 * DAY_MS + 1)
    with pytest.raises(SessionExpired):
        alice.seal(alice.initiate(bob), "x", NOW_MS + 14 * DAY_MS + 1)
