"""Defects of first flights, given to a responder that holds all keys: nothing is consumed by any of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from spec.vectors import parties, ratchet
from spec.vectors.content_vectors import text
from spec.vectors.defects import Negative, flipped
from spec.vectors.encapsulations import Encapsulations
from spec.vectors.flight import Flight, Offer, fly
from spec.vectors.handshake_vectors import device, offer_of, prekey
from spec.vectors.parties import Device
from spec.vectors.ratchet import HONEST, Defect, padded
from spec.vectors.suite import DAY_MS, IDENTITY_B, NOW_MS, Value, cbor, dh_public, draw, pad, sign
from spec.vectors.transcript import KIND_2

AUTHENTICATION: Final = "remote.authentication"
FRESH: Final = draw("negative flight fresh", 16)
RATCHET: Final = draw("negative flight ratchet key", 32)


class Stage:
    """A and B, B's keys, and how A flies."""

    def __init__(self, kem: Encapsulations) -> None:
        self.a, self.b = parties.device("flight A"), parties.device("flight B", kind=1)
        self.offer = offer_of(self.b, one_time_x25519=True, one_time_kem=True)
        self.encapsulated = kem.to_prekey("negative flights", self.offer.pqk)
        self.list = parties.first_list(self.a)
        self.flight = self.fly(self.a, parties.sign_list(self.a, self.list))

    def fly(self, sender: Device, signed_list: bytes, record: bytes | None = None) -> Flight:
        """A handshake that is right but for who and what it claims."""
        fresh = draw("negative flight EK", 32)
        return fly(sender, signed_list, self.offer, fresh, self.encapsulated, record)

    def envelope(
        self, flight: Flight, also: dict[int, Value] | None = None, defect: Defect = HONEST
    ) -> bytes:
        """The first message of a flight."""
        beside: dict[int, Value] = {6: 1, 7: parties.way_back(self.a)} if also is None else also
        state = ratchet.start_initiator(flight.expansion, self.offer.spk.key, NOW_MS)
        lead = KIND_2 + flight.prefix
        body = padded(cbor(text("negative flight", "x", beside)), first=True)
        _, trace = ratchet.seal_body(ratchet.turn_to_send(state, RATCHET)[0], lead, body, FRESH, defect)
        envelope: bytes = trace["envelope"]
        return envelope

    def refuses(self, name: str, rules: str, envelope: bytes, error: str, **other: Any) -> Negative:
        """The vector of a flight that B must refuse; `pinned`, `now_ms` and keys may be given."""
        about = f"A first flight: {name.replace('-', ' ')}."
        return Negative(
            f"flight-{name}", about, rules, "session.respond", self.given(envelope, **other), error
        )

    def given(self, envelope: bytes, **other: Any) -> dict[str, Any]:
        """What B is given."""
        held: Offer = other.get("offer", self.offer)
        return {
            "responder": device(self.b),
            "spk": prekey(held.spk),
            "opk": prekey(held.opk),
            "pqk": prekey(held.pqk),
            "pinned": other.get("pinned"),
            "now_ms": other.get("now_ms", NOW_MS),
            "envelope": envelope,
            "honest": {
                "spk": prekey(self.offer.spk),
                "opk": prekey(self.offer.opk),
                "pqk": prekey(self.offer.pqk),
                "envelope": self.envelope(self.flight),
                "now_ms": NOW_MS,
            },
        }


def _changed_bytes(stage: Stage) -> Iterator[Negative]:
    good = stage.envelope(stage.flight)
    for name, at in (
        ("ciphertext", 2 + 44),
        ("sealed-identity", 2 + 1132),
        ("sealed-identity-end", 2 + 2107),
        ("tag", 2110),
        ("salt", 2118),
        ("header", 2134),
        ("body", 2198),
    ):
        yield stage.refuses(f"{name}-flipped", "HS-02 HS-10 PRM-05", flipped(good, at), AUTHENTICATION)
    other_key = dh_public(draw("negative flight other EK", 32))
    changed = {
        "ephemeral-exchanged": (other_key, "HS-02 HS-10", AUTHENTICATION),
        "ephemeral-low-order": (b"\x01" + bytes(31), "PRM-02", "remote.key"),
        "ephemeral-not-canonical": (b"\xff" * 32, "PRM-01", "remote.key"),
    }
    for name, (key, rules, error) in changed.items():
        yield stage.refuses(name, rules, good[:2] + key + good[34:], error)
    another = offer_of(stage.b, one_time_x25519=False, one_time_kem=True)
    yield stage.refuses("opk-left-out", "HS-02 HS-10", good, AUTHENTICATION, offer=another)
    last_resort = offer_of(stage.b, one_time_x25519=True, one_time_kem=False)
    yield stage.refuses("other-kem-key", "HS-02 HS-10", good, AUTHENTICATION, offer=last_resort)
    late = NOW_MS + parties.PREKEY_LIFE_MS + 30 * DAY_MS + 1
    yield stage.refuses("prekey-past-its-end", "HS-06", good, "remote.expired", now_ms=late)
    old = parties.prekey(stage.b, parties.OPK, 41, NOW_MS - 30 * DAY_MS - 1)
    ended = replace(stage.offer, opk=old)
    signed_list = parties.sign_list(stage.a, stage.list)
    flight = fly(stage.a, signed_list, ended, draw("negative flight EK", 32), stage.encapsulated)
    envelope = stage.envelope(flight)
    yield stage.refuses("opk-past-its-end", "HS-06", envelope, "remote.expired", offer=ended)
    first = stage.envelope(stage.flight, defect=Defect(previous_length=1))
    yield stage.refuses("previous-length-1", "DR-14 HS-10", first, AUTHENTICATION)


def _wrong_identities(stage: Stage) -> Iterator[Negative]:
    a, entries = stage.a, stage.list
    thief = parties.device("flight thief")
    low_order = cbor({**a.entries, 6: b"\xff" * 32})
    encoded = cbor(entries)
    mislabelled = cbor([encoded, sign(a.account_seed, "SR1-sig-prekey", encoded)])
    stale = {**entries, 5: NOW_MS - 76 * DAY_MS, 6: NOW_MS - 46 * DAY_MS}
    future = {**entries, 5: NOW_MS + 2 * DAY_MS, 6: NOW_MS + 3 * DAY_MS}
    claims: dict[str, tuple[bytes, bytes | None, str, str]] = {
        "record-of-another-account": (
            parties.sign_list(a, entries),
            thief.record,
            "ID-05 HS-07",
            "remote.signature",
        ),
        "record-not-listed": (
            parties.sign_list(a, {**entries, 8: [thief.record_hash]}),
            None,
            "ID-09 HS-07",
            "remote.identity",
        ),
        "list-signed-by-another": (
            cbor([encoded, sign(thief.account_seed, "SR1-sig-list", encoded)]),
            None,
            "ID-05 HS-07",
            "remote.signature",
        ),
        "list-under-another-label": (mislabelled, None, "ID-05 PRM-11", "remote.signature"),
        "list-expired-too-long-ago": (parties.sign_list(a, stale), None, "ID-10", "remote.list_expired"),
        "list-from-the-future": (parties.sign_list(a, future), None, "ID-08", "remote.list_expired"),
        "record-key-not-canonical": (parties.sign_list(a, entries), low_order, "ID-03", "remote.key"),
        "record-version-2": (
            parties.sign_list(a, entries),
            cbor({**a.entries, 1: 2}),
            "ID-03",
            "remote.version",
        ),
    }
    for name, (signed_list, record, rules, error) in claims.items():
        yield stage.refuses(name, rules, stage.envelope(stage.fly(a, signed_list, record)), error)
    yield from _ended(stage)
    own_list = parties.sign_list(stage.b, parties.first_list(stage.b))
    yield stage.refuses(
        "from-ourselves", "HS-11", stage.envelope(stage.fly(stage.b, own_list)), "remote.identity"
    )


def aged(stage: Stage, record_ms: int, list_ms: int, *, listed: bool = True) -> bytes:
    """A flight whose record and list end at these times; the list names the record, or not."""
    a = stage.a
    entries: dict[int, Value] = {**a.entries, 9: record_ms - 1, 10: record_ms}
    ended = Device(a.name, a.account_seed, a.sign_seed, a.dh_private, entries)
    hashes = [ended.record_hash] if listed else []
    given = parties.list_entries(ended, 1, None, hashes, issued_ms=list_ms - 1, expires_ms=list_ms)
    return stage.envelope(stage.fly(ended, parties.sign_list(ended, given)))


def _ended(stage: Stage) -> Iterator[Negative]:
    """One defect after the other in the order of HS-07, and the first millisecond that is too late."""
    late, in_time = NOW_MS - 45 * DAY_MS - 1, NOW_MS
    cases: dict[str, tuple[int, int, bool, str]] = {
        "list-ended-45-days-and-a-millisecond-ago": (in_time, late, True, "remote.list_expired"),
        "record-ended-45-days-and-a-millisecond-ago": (late, in_time, True, "remote.expired"),
        "list-and-record-ended": (late, late, True, "remote.list_expired"),
        "list-ended-and-record-not-listed": (in_time, late, False, "remote.list_expired"),
        "record-ended-and-not-listed": (late, in_time, False, "remote.identity"),
    }
    for name, (record_ms, list_ms, listed, error) in cases.items():
        envelope = aged(stage, record_ms, list_ms, listed=listed)
        yield stage.refuses(name, "ID-10 HS-07", envelope, error)


def _pinned(stage: Stage) -> Iterator[Negative]:
    """Flights whose list stands against the pinned one."""
    a, first, other = stage.a, stage.list, parties.device("flight other")
    good = stage.envelope(stage.flight)
    beside = parties.first_list(a, issued_ms=NOW_MS - 1)
    second = parties.list_entries(a, 2, parties.list_hash(first), [other.record_hash])
    astray = parties.list_entries(a, 2, parties.list_hash(beside), [a.record_hash])
    old = parties.list_entries(
        a, 2, parties.list_hash(first), [a.record_hash], issued_ms=NOW_MS - 76 * DAY_MS
    )
    late = stage.envelope(stage.fly(a, parties.sign_list(a, astray)))
    future = {**second, 3: 9, 5: NOW_MS + DAY_MS + 1, 6: NOW_MS + 2 * DAY_MS}
    ahead = {**future, 8: [a.record_hash]}
    ended = parties.first_list(a, issued_ms=NOW_MS - 2 * DAY_MS, expires_ms=NOW_MS - DAY_MS - 1)
    past = stage.envelope(stage.fly(a, parties.sign_list(a, ended)))
    cases = {
        "list-fork": (good, beside, "remote.list_fork"),
        "list-with-another-predecessor": (late, first, "remote.list_fork"),
        "list-older-and-device-struck-off": (good, second, "remote.identity"),
        "list-older-than-an-expired-one": (past, old, "remote.list_expired"),
        "list-ended-under-one-dated-ahead": (past, ahead, "remote.list_expired"),
        "list-dated-ahead-and-pinned": (
            stage.envelope(stage.fly(a, parties.sign_list(a, ahead))),
            ahead,
            "remote.list_expired",
        ),
        "list-dated-ahead-without-the-device": (good, future, "remote.identity"),
    }
    for name, (envelope, pinned, error) in cases.items():
        row = {"account_id": a.account_id, "signed_list": parties.sign_list(a, pinned)}
        yield stage.refuses(name, "ID-07 ID-10 ID-11", envelope, error, pinned=row)


def _wrong_plaintexts(stage: Stage) -> Iterator[Negative]:
    good = cbor([stage.a.record, parties.sign_list(stage.a, stage.list)])
    plaintexts = {
        "identity-without-mark": (good.ljust(IDENTITY_B, b"\0"), "WIRE-15", AUTHENTICATION),
        "identity-with-trailing-byte": (pad(good + b"\0\x01", IDENTITY_B), "WIRE-15", "remote.decode"),
        "identity-with-three-items": (
            pad(b"\x83" + good[1:] + b"\0", IDENTITY_B),
            "WIRE-15",
            "remote.decode",
        ),
        "identity-empty": (pad(b"", IDENTITY_B), "WIRE-15", "remote.decode"),
    }
    for name, (plain, rules, error) in plaintexts.items():
        flight = replace(stage.flight, identity_plain=plain)
        yield stage.refuses(name, rules, stage.envelope(flight), error)
    back: dict[int, Value] = {7: parties.way_back(stage.a)}
    contents: dict[str, tuple[dict[int, Value], str]] = {
        "content-without-epoch": (back, "SES-21"),
        "content-without-address": ({6: 1}, "HS-05"),
        "content-epoch-2-to-32": ({6: 2**32, **back}, "SES-21"),
        "content-with-key-10": ({6: 1, **back, 10: 0}, "CON-01"),
    }
    for name, (also, rules) in contents.items():
        yield stage.refuses(name, rules, stage.envelope(stage.flight, also), "remote.content")


def all_flights(kem: Encapsulations) -> Iterator[Negative]:
    """Everything here."""
    stage = Stage(kem)
    for part in (_changed_bytes, _wrong_identities, _pinned, _wrong_plaintexts):
        yield from part(stage)
