"""Attacks on the handshake itself: KEM keys exchanged, the wrong company, keys that are public."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest
from attack_evidence import Book, Verdict
from attack_keys import Impostor
from attack_world import AttackWorld, Victim
from e2ee_client.engine import Ports
from e2ee_client.engine.upkeep import PUBLISHED
from e2ee_client.events import SessionStarted
from e2ee_relay.protocol import (
    KnownFrame,
    Lookup,
    Message,
    PrekeysBundle,
    PrekeysFetch,
    Request,
)
from engine_world import RELAY_URL, START_MS
from evil_relay import Keeper, LastResort, Strategy
from forgery import changed, entries_of, flight, foreign_list, signed
from parties import Party, ScriptedRng, encode_bundle

from e2ee import handshake, labels
from e2ee.card import ContactCard
from e2ee.constants import KIND_FIRST_FLIGHT, PREFIX_B
from e2ee.identity import DeviceRecord
from e2ee.ports import Encapsulate
from e2ee.prekeys import PrekeyPair, SignedPrekey
from e2ee.primitives import aead, dh, kdf, kem

# --- A3 ---

PQK_ID = slice(2 + 40, 2 + 44)
CIPHERTEXT = slice(2 + 44, 2 + 44 + 1088)
SAME_SECRET = bytes([7]) * 32


class Reencapsulator(LastResort):
    """Gives a first flight the ciphertext and the id of another KEM prekey."""

    def __init__(self, encapsulate: Encapsulate) -> None:
        super().__init__()
        self.encapsulate = encapsulate

    def answer(self, connection: int, request: Request | None, frame: KnownFrame) -> Iterable[KnownFrame]:
        return (frame,)

    def push(self, connection: int, frame: KnownFrame) -> Iterable[KnownFrame]:
        if not isinstance(frame, Message) or frame.body[1] != KIND_FIRST_FLIGHT:
            return (frame,)
        self.did("led the KEM part of a first flight to another prekey of the company")
        entries, body = entries_of(self.last_resort), bytearray(frame.body)
        key_id, key = entries[6], entries[8]
        assert isinstance(key_id, int)
        assert isinstance(key, bytes)
        body[PQK_ID] = key_id.to_bytes(4, "big")
        body[CIPHERTEXT], _ = self.encapsulate(key)
        return (Message(0, frame.mailbox, frame.seq, frame.msg_id, bytes(body), frame.received_ms),)


def weak_kem(_key: bytes) -> tuple[bytes, bytes]:
    """A KEM whose secret is the same for every key: what ML-KEM is not."""
    return os.urandom(1088), SAME_SECRET


def reencapsulated(monkeypatch: pytest.MonkeyPatch, *, weak: bool) -> AttackWorld:
    """Play a first contact under this attack."""
    world = AttackWorld(Reencapsulator(weak_kem if weak else kem.encapsulate))
    if weak:
        world.customer.ports = Ports(world.customer.rng, weak_kem)
        world.customer.engine._state.ports = world.customer.ports
        monkeypatch.setattr(kem.DecapsulationKey, "decapsulate", lambda _key, _ciphertext: SAME_SECRET)
    world.say(world.customer, world.praxis, "Guten Tag")
    return world


@pytest.mark.parametrize("weak", [False, True])
def test_a3_encapsulated_again(weak: bool, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """HS-02: signed prekey and ciphertext stand in the transcript, so equal KEM secrets do not help."""
    world = reencapsulated(monkeypatch, weak=weak)
    assert set(world.company.refusals) == {"remote.authentication"}
    assert world.company.texts() == []
    book.attack("A3", world, Verdict.REFUSED, "also with a KEM that would give every key one secret")


def test_a3_control_no_transcript(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of HS-02 and DR-08: without both, the two sides disagree on which KEM key protects them."""
    monkeypatch.setattr(handshake, "transcript0", lambda record, *_rest: kdf.sha256(record))
    assert reencapsulated(monkeypatch, weak=True).company.texts() == [], "DR-08 still stands in the way"
    for name in ("seal", "open_"):
        monkeypatch.setattr(aead, name, without_prefix(getattr(aead, name)))
    world = reencapsulated(monkeypatch, weak=True)
    assert world.company.texts() == ["Guten Tag"]
    told = [world.customer.of(SessionStarted)[0], world.company.of(SessionStarted)[0]]
    assert [one.one_time_kem for one in told] == [True, False]
    book.control(
        "A3", "transcript and associated data", "one side believed in a one-time KEM key, the other had none"
    )


def without_prefix(crypt: Callable[[bytes, bytes, bytes], bytes]) -> Callable[[bytes, bytes, bytes], bytes]:
    """Leave a handshake prefix out of the associated data."""
    return lambda key, data, associated: crypt(
        key, data, associated[-32:] if len(associated) > PREFIX_B else associated
    )


# --- A9 ---

ONLY_FOR_HER = "Nur fuer die Maklerin"


class Misdirector(Strategy):
    """Runs a company whose device is the other company's, key by key, and passes its mail on to that one."""

    def __init__(self) -> None:
        self.party = Party.make("maklerin")

    def mirror(self, company: Victim) -> None:
        """Take over the other company's public keys under signatures of this account."""
        own, party = company.engine._state.own, self.party
        public = {"_6": bytes(own.device.record.dh_public)}
        record = DeviceRecord.decode(changed(party.device.record.encoded, **public))
        party.device = replace(party.device, record=record)
        party.renew_list(START_MS + 1)
        current = company.engine._context.upkeep.current(PUBLISHED)
        assert current is not None
        party.spk, party.pqk = (self._mirrored(item.pair) for item in current)

    def _mirrored(self, pair: PrekeyPair) -> PrekeyPair:
        record = self.party.device.record
        entries = entries_of(pair.prekey.signed) | {2: record.account_id, 3: record.hash}
        forged = signed(self.party.device.signing_key.expose(), labels.SIG_PREKEY, entries)
        return PrekeyPair(SignedPrekey.verify(record, forged, (pair.prekey.kind,)), pair.private)

    def request(self, connection: int, frame: Request) -> Iterable[KnownFrame]:
        if isinstance(frame, Lookup) and frame.account_id == self.party.account_id:
            self.did("showed another company's device under an account of its own")
            self.relay.tell(connection, Impostor(self.party).entry(frame.request_id))
        elif isinstance(frame, PrekeysFetch) and frame.account_id == self.party.account_id:
            bundle = encode_bundle(self.party)
            self.relay.tell(connection, PrekeysBundle(frame.request_id, bundle, False, False))
        else:
            return (frame,)
        return ()


def misdirected() -> AttackWorld:
    """Let the customer write to the one company, and the relay lead it to the other."""
    strategy = Misdirector()
    world = AttackWorld(strategy)
    strategy.mirror(world.company)
    maklerin = world.customer.add(ContactCard(strategy.party.account_id, RELAY_URL, "Maklerin"))
    world.say(world.customer, maklerin, ONLY_FOR_HER)
    strategy.did("passed the first flights on to that company")
    for body in world.relay.bodies(strategy.party.way_back.mailbox):
        world.relay.slip(world.company.mailbox(), body)
    world.settle()
    return world


def test_a9_unknown_key_share(book: Book) -> None:
    """HS-02: whom the sender meant stands in the transcript, so the keys of another do not match."""
    world = misdirected()
    assert set(world.company.refusals) == {"remote.authentication"}
    assert world.company.texts() == []
    book.attack("A9", world, Verdict.REFUSED, "who is meant is part of every key")


def test_a9_control_keys_without_names(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of HS-02: where only keys are hashed, the wrong company takes the text as meant for it."""
    monkeypatch.setattr(
        handshake, "transcript0", lambda _b, _s, _o, _p, ciphertext, key: kdf.sha256(ciphertext + key)
    )
    world = misdirected()
    assert world.company.texts() == [ONLY_FOR_HER]
    book.control("A9", "records and signed prekeys in the transcript", "the wrong company took the text")


# --- A4 ---

P = 2**255 - 19
LOW_ORDER = [
    number.to_bytes(32, "little")
    for number in (
        0,
        1,
        P - 1,
        325606250916557431795983626356110631294008115727848805560023387167927233504,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
        P,
        P + 1,
        2**255,
        2**255 + 1,
    )
]
"""Points of order 1, 2, 4 and 8, and forms of them that are not canonical."""


def with_ephemeral(body: bytes, point: bytes) -> bytes:
    """Exchange EK in a first flight."""
    return body[:2] + point + body[34:]


def test_a4_ephemeral_key_of_low_order(book: Book) -> None:
    """PRM-01, PRM-02: no such key goes into a DH; nothing is derived, nothing is used up."""
    strategy = Keeper()
    world = AttackWorld(strategy)
    strategy.mailboxes = {world.company.mailbox()}
    world.say(world.customer, world.praxis, "Guten Tag")
    strategy.did("exchanged the ephemeral key of a first flight for points of low order")
    for point in LOW_ORDER:
        world.relay.slip(world.company.mailbox(), with_ephemeral(strategy.kept[0].body, point))
    world.settle()
    assert world.company.refusals == ["remote.key"] * len(LOW_ORDER)
    strategy.release(0, 1)
    world.settle()
    assert world.company.texts() == ["Guten Tag"]
    book.attack("A4", world, Verdict.REFUSED, "an all-zero output ends the handshake")


def from_nobody(world: AttackWorld, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Make a first flight of a device without private keys: its DH outputs are zero for everybody."""
    nobody = Party.make("nobody")
    record = changed(nobody.device.record.encoded, _6=bytes(32))
    record_hash = kdf.hash_(labels.RECORD, record)
    current = world.company.engine._context.upkeep.current(PUBLISHED)
    assert current is not None
    spk, pqk = (item.pair for item in current)
    target = SimpleNamespace(device=world.company.engine._state.own.device, spk=spk, pqk=pqk)
    exchange, ephemeral = dh.exchange, ScriptedRng("ephemeral")(32)

    def zero(private: bytes, public: bytes) -> bytes:
        return bytes(32) if private == ephemeral else exchange(private, public)

    with monkeypatch.context() as patch:
        patch.setattr(dh, "exchange", zero)
        return flight(
            nobody,
            cast("Party", target),
            record=record,
            signed_list=foreign_list(nobody, _8=[record_hash]),
            ephemeral=bytes(32),
            static_shares=(bytes(32), bytes(32)),
        )


def test_a4_identity_key_of_low_order(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """PRM-02: a device whose keys are zero is nobody's; its flight is refused."""
    world = AttackWorld()
    world.relay.slip(world.company.mailbox(), from_nobody(world, monkeypatch))
    world.relay.deeds.append("made a first flight from public values alone")
    world.settle()
    assert world.company.refusals == ["remote.key"]
    book.attack("A4", world, Verdict.REFUSED, "every DH is checked, also those with the identity keys")


def test_a4_control_zero_is_a_secret(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of PRM-02: with zero as a DH output, the company takes a text under keys that anybody knows."""
    world = AttackWorld()
    body = from_nobody(world, monkeypatch)

    def unchecked(private: bytes, public: bytes) -> bytes:
        return exchange(private, public) if any(public) else bytes(32)

    exchange = dh.exchange
    monkeypatch.setattr(dh, "exchange", unchecked)
    world.relay.slip(world.company.mailbox(), body)
    world.settle()
    assert world.company.texts() == ["forged"]
    book.control(
        "A4", "the check for an all-zero output", "a text was taken from a device without private keys"
    )
