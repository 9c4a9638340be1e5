"""Chapter 07: start of the ratchet, its functions, and sending."""

from __future__ import annotations

import hashlib
import hmac
import struct

import forgery
import parties
import pytest
from call_record import recorded
from parties import NOW_MS, Party, ScriptedRng, open_, state_bytes, with_fields

from e2ee import handshake, session
from e2ee.errors import AuthenticationError, CounterExhausted, InvalidArgument
from e2ee.ids import DhPublic
from e2ee.primitives import aead, dh, kem
from e2ee.ratchet import chain, step
from e2ee.ratchet.skipped import EMPTY
from e2ee.ratchet.state import Listening, NoChain, RatchetState, Receiving, Sending, StepDue
from e2ee.secret import EpochSecret, HeaderKey, RatchetPrivateKey, RootKey
from e2ee.session import Session
from e2ee.wire import cbor, envelope
from e2ee.wire.envelope import Header

LAST = 2**31 - 1


def blake2b(key: bytes, label: bytes, size_b: int, salt: bytes = bytes(16), data: bytes = b"") -> bytes:
    """Keyed BLAKE2b as chapter 03 defines `prf`."""
    return hashlib.blake2b(
        data, digest_size=size_b, key=key, salt=salt, person=label.ljust(16, b"\0")
    ).digest()


def hkdf(salt: bytes, ikm: bytes, info: bytes, blocks: int) -> bytes:
    """HKDF-SHA-256, `blocks` times 32 bytes."""
    key, output, block = hmac.digest(salt, ikm, "sha256"), b"", b""
    for counter in range(1, blocks + 1):
        block = hmac.digest(key, block + info + bytes((counter,)), "sha256")
        output += block
    return output


def sending_of(state: Session) -> Sending:
    """The sending side of a session that has sent."""
    assert isinstance(state.ratchet.sending, Sending)
    return state.ratchet.sending


def header_of(state: Session, sealed: bytes) -> Header:
    """Open the header of an envelope with the keys of its sender's state."""
    raw = envelope.decode(sealed)
    key = blake2b(sending_of(state).header_key.expose(), b"SR1-header-key", 32, raw.salt)
    plain = aead.open_(key, raw.sealed_header, sealed[:2] + raw.tag + raw.salt + state.id)
    assert plain[44:] == bytes(4)
    ratchet_key, previous_length, number, pq_epoch, _ = struct.unpack(">32sIIII", plain)
    return Header(DhPublic(ratchet_key), previous_length, number, pq_epoch)


def test_the_functions_are_those_of_the_table() -> None:
    """DR-04, DR-05, DR-06, DR-10: each beside the primitive that it is made of."""
    key, salt = bytes(range(32)), bytes(range(16))
    both = blake2b(key, b"SR1-chain", 64)
    assert chain.step(key) == (both[:32], both[32:])
    assert chain.tag(HeaderKey(key)) == blake2b(key, b"SR1-tag", 8)
    assert chain.header_key(key, salt) == blake2b(key, b"SR1-header-key", 32, salt)
    assert chain.body_key(key, salt) == blake2b(key, b"SR1-body-key", 32, salt)
    hedged = chain.hedged_salt(key, salt, b"h" * 48, b"body")
    assert hedged == blake2b(key, b"SR1-salt", 16, data=salt + b"h" * 48 + b"body")
    for epoch in (0, 1, 2**32 - 1):
        info = b"SR1-root".ljust(16, b"\0") + epoch.to_bytes(4, "big")
        for mixed, secret in ((b"", None), (b"kem!" * 8, EpochSecret(b"kem!" * 8))):
            output = hkdf(key, b"dh" * 16 + mixed, info, 3)
            stepped = chain.root(RootKey(key), b"dh" * 16, secret, epoch)
            assert stepped.root_key.expose() == output[:32]
            assert stepped.chain_key.expose() == output[32:64]
            assert stepped.next_header_key.expose() == output[64:]


def test_both_sides_start_as_the_chapter_says() -> None:
    """DR-01: read from the initiator before it sends, and from the responder after its first message."""
    alice, bob = Party.make("alice"), Party.make("bob")
    a = alice.initiate(bob)
    ratchet = a.ratchet
    assert isinstance(ratchet.sending, StepDue)
    assert (ratchet.sending.their_key, ratchet.sending.previous_length) == (bob.spk.prekey.key, 0)
    assert isinstance(ratchet.receiving, NoChain)
    assert (ratchet.pq_epoch, len(ratchet.skipped), ratchet.healing.healed_ms) == (0, 0, NOW_MS)
    initiators_key = ratchet.sending.next_header_key
    a, flight = alice.seal(a, "x")
    assert sending_of(a).header_key == initiators_key
    b = bob.accept(flight).opened.session.ratchet
    assert isinstance(b.receiving, Receiving)
    assert b.receiving.header_key == initiators_key
    assert isinstance(b.sending, StepDue)
    assert b.sending.next_header_key == ratchet.next_receive.header_key


def started_responder() -> tuple[Party, RatchetState, bytes, Session]:
    """A responder's ratchet before anything opened, and the flight that it waits for."""
    alice, bob = Party.make("alice"), Party.make("bob")
    a, flight = alice.seal(alice.initiate(bob), "x")
    raw = envelope.decode(flight)
    keys = handshake.respond(
        envelope.decode_prefix(raw.prefix), bob.responder_keys(raw), parties.unpinned, NOW_MS
    ).keys
    spk = RatchetPrivateKey(bob.spk.private.expose())
    return alice, step.start_responder(keys, spk, NOW_MS), flight, a


def test_a_responder_cannot_send_before_it_received() -> None:
    """DR-02"""
    _, ratchet, _, _ = started_responder()
    assert isinstance(ratchet.sending, Listening)
    assert isinstance(ratchet.receiving, NoChain)
    with pytest.raises(InvalidArgument):
        step.seal(ratchet, b"\1\1", bytes(512), ScriptedRng("x"), ratchet.kem)


def test_no_chain_yet_matches_nothing() -> None:
    """DR-02: "none equals none". A first message under keys of zeros, or under our own sending key."""
    _, ratchet, flight, a = started_responder()
    good = envelope.decode(flight)
    assert step.open_(ratchet, good, NOW_MS).new_chain
    assert isinstance(ratchet.sending, Listening)
    sending = sending_of(a)
    for key in (HeaderKey(bytes(32)), ratchet.sending.next_header_key, HeaderKey(ratchet.root_key.expose())):
        for tag in (chain.tag(key), bytes(8), ratchet.next_receive.tag):
            forged = with_fields(sending, header_key=key, tag=tag, number=0)
            state = with_fields(a, ratchet=with_fields(a.ratchet, sending=forged))
            crafted = forgery.sealed(state, forgery.header(forged), bytes(1882), flight[:2110])
            with pytest.raises(AuthenticationError):
                step.open_(ratchet, envelope.decode(crafted), NOW_MS)


def test_a_first_message_has_no_chain_before_it() -> None:
    """DR-02, DR-14: a previous length other than zero is refused where nothing was received."""
    _, ratchet, flight, a = started_responder()
    alice, bob = Party.make("alice"), Party.make("bob")
    fresh = forgery.prepared(alice.initiate(bob))
    flight = fresh.phase.prefix if isinstance(fresh.phase, session.Started) else b""
    for previous in (0, 1, 2000):
        crafted = forgery.sealed(
            fresh,
            forgery.header(sending_of(fresh), previous_length=previous),
            (cbor.encode(forgery.content_map(alice.text("x")) | {6: 1}) + b"\x80").ljust(1882, b"\0"),
            b"\1\2" + flight,
        )
        if previous == 0:
            assert bob.accept(crafted).opened.content
        else:
            with pytest.raises(AuthenticationError):
                bob.accept(crafted)
    assert ratchet.receiving == NoChain()
    assert a.id != fresh.id


def test_a_step_waits_for_the_next_send() -> None:
    """DR-03: opening asks for no randomness and makes no key; one step serves until the peer turns."""
    alice, bob, a, b = parties.connected_pair()
    a, first = alice.seal(a, "one")
    root_before = b.ratchet.root_key
    b = open_(b, first).session
    assert isinstance(b.ratchet.sending, StepDue)
    assert b.ratchet.root_key != root_before
    root_due = b.ratchet.root_key
    a, second = alice.seal(a, "two")
    b = open_(b, second).session
    assert b.ratchet.root_key == root_due
    keys = []
    for number in range(3):
        b, answer = bob.seal(b, f"{number}")
        keys.append(header_of(b, answer).ratchet_key)
    assert len(set(keys)) == 1
    assert b.ratchet.root_key != root_due


def test_numbers_and_chain_keys_go_forward() -> None:
    """DR-04: numbers count from 0; the chain key that made a message is nowhere in the new state."""
    alice, _, a, _ = parties.connected_pair()
    a = forgery.prepared(a)
    for number in range(5):
        used = sending_of(a).chain_key.expose()
        _, message_key = chain.step(sending_of(a).chain_key.expose())
        a, sealed = alice.seal(a, f"{number}")
        assert header_of(a, sealed).number == number
        assert sending_of(a).chain_key.expose() == blake2b(used, b"SR1-chain", 64)[:32]
        assert used not in state_bytes(a)
        assert message_key not in state_bytes(a)


@pytest.mark.reference
def test_the_salt_is_hedged(monkeypatch: pytest.MonkeyPatch) -> None:
    """DR-05, PRM-07: one state used twice with the same randomness: other text, other keys."""
    alice, _, a, _ = parties.connected_pair()
    a = forgery.prepared(a)
    seals = recorded(monkeypatch, aead, "seal")
    content = alice.text("same")
    other = with_fields(content, sent_ms=NOW_MS + 1)
    one = session.seal(a, content, NOW_MS, ScriptedRng("again"), kem.encapsulate)
    two = session.seal(a, other, NOW_MS, ScriptedRng("again"), kem.encapsulate)
    same = session.seal(a, content, NOW_MS, ScriptedRng("again"), kem.encapsulate)
    fresh = session.seal(a, content, NOW_MS, ScriptedRng("fresh"), kem.encapsulate)
    assert one.envelope == same.envelope
    salts = {envelope.decode(sealed.envelope).salt for sealed in (one, two, fresh)}
    assert len(salts) == 3
    by_key: dict[bytes, set[bytes]] = {}
    for key, plaintext, _ in seals:
        by_key.setdefault(key, set()).add(plaintext)
    assert all(len(plaintexts) == 1 for plaintexts in by_key.values())
    assert len(by_key) == 6


def test_header_and_body_are_sealed_as_the_chapter_says() -> None:
    """DR-05, DR-07, DR-08: keys, salt input and associated data, opened without the code under test."""
    for kind in (1, 2):
        if kind == 1:
            alice, _, a, _ = parties.connected_pair()
        else:
            alice = Party.make("alice")
            a = alice.initiate(Party.make("bob"))
        a = forgery.prepared(a)
        _, message_key = chain.step(sending_of(a).chain_key.expose())
        rng = ScriptedRng("fresh")
        draws = ScriptedRng("fresh")
        if kind == 1:  # the initiator's first message of this kind makes a KEM key before it draws the salt
            draws(64)
        fresh = draws(16)
        after, sealed = session.seal(a, alice.text("hello"), NOW_MS, rng, kem.encapsulate)
        start = 2 if kind == 1 else 2110
        tag, salt = sealed[start : start + 8], sealed[start + 8 : start + 24]
        sealed_header, sealed_body = sealed[start + 24 : start + 88], sealed[start + 88 :]
        assert tag == blake2b(sending_of(a).header_key.expose(), b"SR1-tag", 8)
        header_key = blake2b(sending_of(a).header_key.expose(), b"SR1-header-key", 32, salt)
        header = aead.open_(header_key, sealed_header, bytes((1, kind)) + tag + salt + a.id)
        body_key = blake2b(message_key, b"SR1-body-key", 32, salt)
        body = aead.open_(body_key, sealed_body, sealed[: start + 88] + a.id)
        assert salt == blake2b(message_key, b"SR1-salt", 16, data=fresh + header + body)
        assert header == sending_of(a).public_key + (2 - kind).to_bytes(4, "big") + bytes(12)
        assert header_of(after, sealed).number == 0


def test_a_sending_step_is_one_dh_with_a_fresh_key() -> None:
    """DR-06: root, chain and next header key from it; the chain's header key is the next one from before."""
    alice, bob, a, b = parties.connected_pair()
    for count in (1, 3):
        for number in range(count):
            a, sealed = alice.seal(a, f"{number}")
            b = open_(b, sealed).session
        b, answer = bob.seal(b, "turn")
        before = open_(a, answer).session
        due = before.ratchet.sending
        assert isinstance(due, StepDue)
        assert due.previous_length == count
        rng = ScriptedRng("step")
        after, sealed = session.seal(before, alice.text("x"), NOW_MS, rng, kem.encapsulate)
        sending, private = sending_of(after), ScriptedRng("step")(32)
        info = b"SR1-root".ljust(16, b"\0") + bytes(4)
        output = hkdf(before.ratchet.root_key.expose(), dh.exchange(private, due.their_key), info, 3)
        assert after.ratchet.root_key.expose() == output[:32]
        assert sending.chain_key.expose() == blake2b(output[32:64], b"SR1-chain", 64)[:32]
        assert sending.next_header_key.expose() == output[64:]
        assert sending.header_key == due.next_header_key
        assert (sending.private_key.expose(), sending.public_key) == (private, dh.derive_public(private))
        assert header_of(after, sealed) == Header(dh.derive_public(private), count, 0, 0)
        a, b = after, open_(b, sealed).session
        b, answer = bob.seal(b, "again")
        a = open_(a, answer).session


def test_a_full_chain_refuses_to_send() -> None:
    """DR-09: the number 2^31 - 1 is sent and received; the next one is not."""
    alice, bob, a, b = parties.connected_pair()
    a, sealed = alice.seal(a, "begins")
    b = open_(b, sealed).session
    sending, receiving = sending_of(a), b.ratchet.receiving
    a = with_fields(a, ratchet=with_fields(a.ratchet, sending=with_fields(sending, number=LAST)))
    ahead = with_fields(receiving, number=LAST)
    b = with_fields(b, ratchet=with_fields(b.ratchet, receiving=ahead, skipped=EMPTY))
    a, last = alice.seal(a, "last")
    assert header_of(a, last).number == LAST
    opened = open_(b, last)
    assert parties.text_of(opened) == "last"
    before = state_bytes(a)
    with pytest.raises(CounterExhausted):
        alice.seal(a, "one too many")
    assert state_bytes(a) == before
    assert bob.seal(opened.session, "the other direction goes on")[1]


def test_a_previous_length_of_2_31_is_never_sent() -> None:
    """DR-09: after a chain that was used up, the next chain cannot say so; 2^31 - 1 can."""
    alice, _, a, b = parties.connected_pair()
    due = a.ratchet.sending
    assert isinstance(due, StepDue)
    for previous, refused in ((LAST, False), (LAST + 1, True)):
        state = with_fields(
            a, ratchet=with_fields(a.ratchet, sending=with_fields(due, previous_length=previous))
        )
        if refused:
            before = state_bytes(state)
            with pytest.raises(CounterExhausted):
                alice.seal(state, "x")
            assert state_bytes(state) == before
        else:
            after, sealed = alice.seal(state, "x")
            assert header_of(after, sealed).previous_length == LAST
    assert b.ratchet.pq_epoch == 0


def test_operations_leave_their_input_alone() -> None:
    """DR-18: sealing and opening twice from one state give the same, and the state is as it was."""
    alice, _, a, b = parties.connected_pair()
    before = state_bytes(a), state_bytes(b)
    content = alice.text("x")
    one, two = (session.seal(a, content, NOW_MS, ScriptedRng("same"), kem.encapsulate) for _ in range(2))
    assert one.envelope == two.envelope
    assert state_bytes(one.session) == state_bytes(two.session) != before[0]
    opened = [open_(b, one.envelope) for _ in range(2)]
    assert opened[0].content == opened[1].content == content
    assert state_bytes(opened[0].session) == state_bytes(opened[1].session) != before[1]
    assert (state_bytes(a), state_bytes(b)) == before
