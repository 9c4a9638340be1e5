"""Attacks on what the relay hands out for a first contact: keys exchanged, misplaced, stripped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import pytest
from attack_evidence import Book, Verdict
from attack_keys import Impostor, Thief, resigned
from attack_world import AttackWorld
from e2ee_client.events import IdentityAlarm, MessageRejected, SessionStarted
from e2ee_relay.protocol import KnownFrame, Lookup, Message, PrekeysBundle, PrekeysFetch, Request
from evil_relay import Strategy
from forgery import account_of, map_of

from e2ee.identity import DeviceList, DeviceRecord
from e2ee.prekeys import PrekeyKind, PrekeyPair, SignedPrekey
from e2ee.primitives import sign
from e2ee.wire import cbor

SPK, OPK, PQK = 3, 4, 5
"""Keys of a bundle's map."""
SIGNER = bytes(32)
"""A signing key of the relay's."""


class Bundles(Strategy):
    """Hands out bundles with entries replaced."""

    def entries(self, honest: Mapping[int, cbor.Value]) -> Mapping[int, cbor.Value]:
        """Return what replaces entries of the honest bundle."""
        raise NotImplementedError

    def answer(self, connection: int, request: Request | None, frame: KnownFrame) -> Iterable[KnownFrame]:
        if not isinstance(frame, PrekeysBundle):
            return (frame,)
        honest = map_of(frame.bundle)
        bundle = cbor.encode(honest | dict(self.entries(honest)))
        return (PrekeysBundle(frame.request_id, bundle, frame.one_time_x25519, frame.one_time_kem),)


def refused_by_the_customer(world: AttackWorld, code: str) -> bool:
    """Whether the customer was told of this refusal, once, and has sent nothing: a fault of the relay,
    which is tried again and is no alarm about the company (ID-07).
    """
    world.advance(120_000)
    told = [event.code for event in world.customer.of(MessageRejected)]
    return told == [code] and world.relay.mail == [] and world.customer.of(IdentityAlarm) == []


# --- A1 ---


class OwnAccount(Strategy):
    """Answers for the company with an account of the relay's own."""

    def __init__(self) -> None:
        self.impostor = Impostor()

    def request(self, connection: int, frame: Request) -> Iterable[KnownFrame]:
        match frame:
            case Lookup(request_id):
                self.did("answered the look-up with the entry of an account of its own")
                self.relay.tell(connection, self.impostor.entry(request_id))
            case PrekeysFetch(request_id):
                self.relay.tell(connection, self.impostor.bundle(request_id))
            case _:
                return (frame,)
        return ()


class OwnPrekeys(Bundles):
    """Leaves the company's record and list as they are and puts prekeys of the relay's own beside them."""

    def __init__(self) -> None:
        self.made: list[PrekeyPair] = []

    def entries(self, honest: Mapping[int, cbor.Value]) -> Mapping[int, cbor.Value]:
        self.did("put its own prekeys into the company's bundle, signed with a key of its own")
        own = Impostor().party
        self.made = [resigned(honest[SPK], own.spk, SIGNER), resigned(honest[PQK], own.pqk, SIGNER)]
        spk, pqk = self.made
        return {SPK: spk.prekey.signed, OPK: None, PQK: pqk.prekey.signed}


@pytest.mark.parametrize(
    ("strategy", "code"), [(OwnAccount, "remote.signature"), (OwnPrekeys, "remote.signature")]
)
def test_a1_prekeys_exchanged(strategy: type[Strategy], code: str, book: Book) -> None:
    """ID-05, ID-14, ID-16: keys of another account than that of the card stop the client."""
    world = AttackWorld(strategy())
    world.say(world.customer, world.praxis, "Mein Befund, bitte vertraulich")
    assert refused_by_the_customer(world, code)
    book.attack("A1", world, Verdict.REFUSED, "no first flight was made; the text waits on the device")


def test_a1_control_any_account_will_do(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of ID-05: where the list may be of any account, the relay reads the first text."""

    verify = DeviceList.verify
    monkeypatch.setattr(DeviceList, "verify", lambda _wanted, signed: verify(account_of(signed), signed))
    strategy = OwnAccount()
    world = AttackWorld(strategy)
    world.say(world.customer, world.praxis, "Mein Befund, bitte vertraulich")
    assert strategy.impostor.reads(world.relay.bodies()) == ["Mein Befund, bitte vertraulich"]
    assert world.customer.of(IdentityAlarm) == []
    book.control("A1", "the account of a device list", "the relay read the first text; nobody was told")


def test_a1_control_unsigned_prekeys(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of ID-14: with prekeys of the relay's, whoever steals the identity key later reads the past."""
    strategy = OwnPrekeys()
    world = AttackWorld(strategy)
    monkeypatch.setattr(sign, "verify", lambda _public, _data, _signature: None)
    world.say(world.customer, world.praxis, "Mein Befund, bitte vertraulich")
    thief = Thief.of(world.company, *strategy.made)
    assert thief.reads(world.relay.bodies()) == ["Mein Befund, bitte vertraulich"]
    book.control(
        "A1", "signatures of prekeys", "prekeys of the relay were used; with the identity key it reads"
    )


# --- A2 ---


class Misplaced(Bundles):
    """Puts one honestly signed prekey into the place of another kind."""

    def __init__(self, place: int, source: int) -> None:
        self.place, self.source = place, source

    def entries(self, honest: Mapping[int, cbor.Value]) -> Mapping[int, cbor.Value]:
        self.did(f"put the signed prekey of place {self.source} into place {self.place} of the bundle")
        return {self.place: honest[self.source]}


@pytest.mark.parametrize(
    ("place", "source"), [(SPK, OPK), (SPK, PQK), (OPK, SPK), (OPK, PQK), (PQK, SPK), (PQK, OPK)]
)
def test_a2_misplaced_prekey(place: int, source: int, book: Book) -> None:
    """ID-15: type and usage are signed, so that no prekey passes in the place of another kind."""
    world = AttackWorld(Misplaced(place, source))
    world.say(world.customer, world.praxis, "Guten Tag")
    assert refused_by_the_customer(world, "remote.decode")
    book.attack("A2", world, Verdict.REFUSED, "type and usage stand under the signature of each prekey")


def test_a2_control_usage_is_not_looked_at(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of ID-15: a reusable key passes as a one-time key, and the client says that it had one."""
    verify = SignedPrekey.verify

    def of_any_kind(record: DeviceRecord, signed: bytes, kinds: Sequence[PrekeyKind]) -> SignedPrekey:
        return replace(verify(record, signed, tuple(PrekeyKind)), kind=kinds[0])

    monkeypatch.setattr(SignedPrekey, "verify", of_any_kind)
    world = AttackWorld(Misplaced(OPK, SPK))
    world.say(world.customer, world.praxis, "Guten Tag")
    (started,) = world.customer.of(SessionStarted)
    assert started.one_time_x25519
    prefix = world.relay.bodies()[0][2:46]
    assert prefix[32:36] == prefix[36:40], "one key in both places"
    book.control("A2", "type and usage of a prekey", "the weekly key passed as a one-time key, unseen")


# --- A12 ---


class WithoutKem(Bundles):
    """Leaves the KEM key out, or exchanges it for one of the relay's own."""

    def __init__(self, *, own: bool) -> None:
        self.own = own
        self.made: list[PrekeyPair] = []

    def entries(self, honest: Mapping[int, cbor.Value]) -> Mapping[int, cbor.Value]:
        if not self.own:
            self.did("took the KEM key out of the bundle")
            return {PQK: None}
        self.did("exchanged the KEM key in the bundle for one of its own")
        self.made = [resigned(honest[PQK], Impostor().party.pqk, SIGNER)]
        return {PQK: self.made[0].prekey.signed}


class OtherVersion(Strategy):
    """Changes the version byte of every envelope."""

    def push(self, connection: int, frame: KnownFrame) -> Iterable[KnownFrame]:
        if not isinstance(frame, Message):
            return (frame,)
        self.did("delivered each envelope with the version byte of another protocol")
        body = b"\0" + frame.body[1:]
        return (Message(0, frame.mailbox, frame.seq, frame.msg_id, body, frame.received_ms),)


@pytest.mark.parametrize("own", [False, True])
def test_a12_kem_stripped(own: bool, book: Book) -> None:
    """ID-16, ID-14: there is no bundle without the device's own KEM key."""
    world = AttackWorld(WithoutKem(own=own))
    world.say(world.customer, world.praxis, "Guten Tag")
    assert refused_by_the_customer(world, "remote.signature" if own else "remote.decode")
    book.attack("A12", world, Verdict.REFUSED, "one suite, no negotiation: no bundle without a KEM key")


def test_a12_version_stripped(book: Book) -> None:
    """WIRE-06: an envelope of another version is refused by name; the sender never sees it delivered."""
    world = AttackWorld(OtherVersion())
    world.say(world.customer, world.praxis, "Guten Tag")
    world.advance(10_000)
    assert set(world.company.refusals) == {"remote.version"}
    assert world.company.texts() == []
    book.attack("A12", world, Verdict.REFUSED, "the version stands in the associated data as well")


def test_a12_control_unsigned_kem_key(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of ID-14: with its own KEM key in the bundle, a relay that breaks X25519 reads the flight."""
    strategy = WithoutKem(own=True)
    world = AttackWorld(strategy)
    monkeypatch.setattr(sign, "verify", lambda _public, _data, _signature: None)
    world.company.stop()
    machine = Thief.of(world.company, x25519_only=True)
    world.say(world.customer, world.praxis, "Guten Tag")
    machine.pairs.extend(strategy.made)
    assert machine.reads(world.relay.bodies()) == ["Guten Tag"]
    book.control("A12", "signatures of prekeys", "the KEM secret was the relay's, X25519 alone was left")


def test_a12_the_hybrid_holds_against_the_same_machine() -> None:
    """HS-02: a machine that finds every X25519 key opens no honest flight; with the KEM keys it would."""
    world = AttackWorld()
    world.company.stop()
    machine, everything = Thief.of(world.company, x25519_only=True), Thief.of(world.company)
    world.say(world.customer, world.praxis, "Guten Tag")
    assert machine.reads(world.relay.bodies()) == []
    assert everything.reads(world.relay.bodies()) == ["Guten Tag"]
