"""Chapter 17: payloads of every kind, at their limits and beyond; signals, dossiers, who may do what."""

from __future__ import annotations

from typing import Any

import pytest
from room_people import NOW_MS, ROOM
from room_states import ROOT, after, dev, first
from vector_files import load, unhex

from e2ee.content import ContentType, WayBack
from e2ee.errors import ContentError, DecodeError, InvalidArgument, NoRight, UnsupportedVersion
from e2ee.prekeys import CompactBundle, decode_compact
from e2ee.rooms import forms, payloads, signals
from e2ee.rooms.entry import BODY_MAX_B, DeviceTag, EntryHash
from e2ee.rooms.erasure import (
    Actor,
    Target,
    binds,
    check_edit,
    check_erase,
    check_erase_room,
    check_mark,
    check_refusal,
    destroyed_at_ms,
    mark_destroys_at_ms,
)
from e2ee.rooms.gate import Row, row_of
from e2ee.rooms.kinds import ERASABLE, WRITERS, Kind, Side, check_writer
from e2ee.rooms.payloads import CLASSES, UnknownKind, decode_payload, encode_payload
from e2ee.rooms.signals import Contact, Dossier, NoLongerWaiting, Request, RequestKind, Typing, Waiting, Want
from e2ee.rooms.state import State
from e2ee.wire import cbor

H, DEVICE = b"h" * 32, dev("agent")
LONG = "ä" * 8192
HASHES = [bytes((n,)) * 32 for n in range(64)]
QUESTION = [1, 1, "Termin?", True, ["heute", "morgen"]]
FILE: Any = {
    9: DEVICE,
    1: b"b" * 32,
    2: b"k" * 32,
    3: 65_536,
    4: H,
    5: 65_535,
    6: "Befund 1.pdf",
    7: "application/pdf",
    8: NOW_MS,
}
STATE: Any = first("F1").state.value()

ACCEPTED: list[tuple[int, Any]] = [
    (1, {1: bytes(16), 2: b"receipt"}),
    (1, {1: bytes(16), 2: bytes(8192)}),
    (2, STATE),
    (
        2,
        {
            **STATE,
            13: [bytes(1024), bytes(1024), bytes(511), b"c"],
            14: "x" * 200,
            15: HASHES[:16],
            16: bytes(8),
        },
    ),
    (2, {**STATE, 5: [bytes((n,)) * 16 for n in range(12)], 6: bytes((3,)) * 16}),
    (3, {1: LONG}),
    (3, {1: "x", 2: H, 3: "x" * 35, 4: True}),
    (4, {1: H, 2: LONG}),
    (5, {1: None}),
    (5, {1: HASHES}),
    (6, {1: None, 2: 1}),
    (6, {1: HASHES, 2: 3, 3: NOW_MS}),
    (7, FILE),
    (7, {**FILE, 3: 69_206_016, 5: 67_108_864, 6: "x" * 128, 7: "x" * 64}),
    (7, {**FILE, 5: 0, 6: "a  b"}),
    (7, {**FILE, 6: "con1"}),
    (7, {**FILE, 6: "\u0130con.aux"}),
    (8, b"receipt"),
    (9, b"withdrawal"),
    (10, {1: 5}),
    (12, [b"notice", [["de", bytes(16_384)]]]),
    (13, b"channels"),
    (14, {1: None}),
    (14, {1: "a.b+c@praxis-1.example"}),
    (12, [b"notice", [["de-AT", b"x"]]]),
    (15, {1: HASHES}),
    (16, {1: 2, 2: DEVICE, 3: 1, 4: [H, H], 5: None}),
    (16, {1: 1, 2: None, 3: 2**32 - 1, 4: None, 5: "x" * 200}),
    (17, b"token"),
    (18, {1: "x" * 200, 2: [[n, 2, "x", False, []] for n in range(12)]}),
    (18, {1: "x", 2: [[2**32 - 1, 1, "x", True, ["x" * 200] * 12]]}),
    (19, {1: H, 2: [[1, "x" * 1000], [2, 2**53 - 1]]}),
    (20, {1: 1}),
    (20, {1: 5, 2: "x" * 500}),
    (21, None),
    (22, {1: H, 2: "room.right"}),
    (22, {1: bytes(8), 2: "x" * 64}),
    (11, {0: [True]}),
    (63, None),
]

REFUSED: list[tuple[int, Any]] = [
    (1, {1: bytes(15), 2: b"receipt"}),
    (1, {1: bytes(16), 2: b""}),
    (1, {1: bytes(16), 2: bytes(8193)}),
    (2, {**STATE, 2: 0}),
    (2, {**STATE, 2: 2**31}),
    (2, {**STATE, 2: 2, 3: None}),
    (2, {**STATE, 4: 6}),
    (2, {**STATE, 5: [bytes((n,)) * 16 for n in range(13)]}),
    (2, {**STATE, 5: [b"b" * 16, b"a" * 16]}),
    (2, {**STATE, 6: b"a" * 16}),
    (2, {**STATE, 7: [0, H]}),
    (2, {**STATE, 8: [1, 1]}),
    (2, {**STATE, 10: [5, 0]}),
    (2, {**STATE, 11: 4}),
    (2, {**STATE, 13: [bytes(1025)]}),
    (2, {**STATE, 13: [b"c"] * 5}),
    (2, {**STATE, 13: [bytes(1024), bytes(1024), bytes(513)]}),
    (2, {**STATE, 14: "x" * 201}),
    (2, {**STATE, 15: [bytes((n,)) * 32 for n in range(17)]}),
    (2, {**STATE, 15: [H, H]}),
    (2, {**STATE, 16: bytes(9)}),
    (2, {**STATE, 17: 0}),
    (3, {1: ""}),
    (3, {1: LONG + "x"}),
    (3, {1: b"x"}),
    (3, {1: "x", 2: bytes(31)}),
    (3, {1: "x", 3: "x" * 36}),
    (3, {1: "x", 4: False}),
    (3, {1: "x", 4: 1}),
    (4, {1: H, 2: LONG + "x"}),
    (5, {1: []}),
    (5, {1: [*HASHES, H]}),
    (5, {}),
    (6, {1: None, 2: 0}),
    (6, {1: None, 2: 4}),
    (6, {1: None, 2: 1, 3: 2**53}),
    (7, {**FILE, 5: 65_536}),
    (7, {**FILE, 3: 65_537}),
    (7, {**FILE, 3: 131_072}),
    (7, {**FILE, 3: 69_206_016, 5: 67_108_865}),
    (7, {**FILE, 6: "x" * 129}),
    (7, {**FILE, 6: "../x"}),
    *(
        (7, {**FILE, 6: name})
        for name in (".x", "x.", " x", "x ", "a:b", "a|b", "nul.pdf", "LPT\u00b9", "Aux .x")
    ),
    (7, {**FILE, 9: bytes(17)}),
    (7, {**FILE, 6: ".."}),
    (7, {**FILE, 6: "a\\b"}),
    (7, {**FILE, 6: "a\u202egpj.exe"}),
    (7, {**FILE, 6: "a\x00"}),
    (7, {**FILE, 7: "x" * 65}),
    (8, b""),
    (8, [b"receipt", bytes(64)]),
    (10, {1: 0}),
    (10, {1: 6}),
    (12, [b"notice", []]),
    (12, [b"notice", [["de", b"x"], ["en", b"x"]]]),
    (12, [b"notice", [["de", bytes(16_385)]]]),
    (12, [b"notice", [["de-AT1", b"x"]]]),
    (12, [b"notice"]),
    (14, {1: "a@"}),
    (12, [b"notice", [["DE", b"x"]]]),
    (14, {1: "a@b.example\r\nBcc: c@d.example"}),
    (14, {1: "ä@b.example"}),
    (14, {1: "x" * 65 + "@b.example"}),
    (14, {1: "a@" + "b" * 63 + "." + "c." * 100 + "example"}),
    (15, {1: []}),
    (16, {1: 2, 2: None, 3: 1, 4: [H, H], 5: None}),
    (16, {1: 2, 2: DEVICE, 3: 0, 4: [H, H], 5: None}),
    (16, {1: 2, 2: DEVICE, 3: 1, 4: None, 5: None}),
    (16, {1: 5, 2: None, 3: 1, 4: None, 5: None}),
    (16, {1: 1, 2: None, 3: 1, 4: [H], 5: None}),
    (18, {1: "x", 2: []}),
    (18, {1: "x", 2: [QUESTION, QUESTION]}),
    (18, {1: "x", 2: [[1, 1, "x", True, []]]}),
    (18, {1: "x", 2: [[1, 2, "x", True, ["y"]]]}),
    (18, {1: "x", 2: [[1, 1, "x", 1, ["y"]]]}),
    (18, {1: "x", 2: [[n, 2, "x", False, []] for n in range(13)]}),
    (19, {1: H, 2: [[1, b"x"]]}),
    (19, {1: H, 2: [[1, "x" * 1001]]}),
    (19, {1: H, 2: [[2, "x"], [1, "x"]]}),
    (20, {1: 0}),
    (20, {1: 6}),
    (20, {1: 5, 2: "x" * 501}),
    (21, {}),
    (22, {1: bytes(16), 2: "x"}),
    (22, {1: H, 2: "x" * 65}),
]


@pytest.mark.parametrize(("kind", "value"), ACCEPTED)
def test_a_payload_at_its_limits_is_read_and_written_again(kind: int, value: Any) -> None:
    """TRN-21, TRN-22, ROOM-04"""
    payload = decode_payload(kind, cbor.decode(cbor.encode(value)))
    assert payload.kind == kind
    assert cbor.encode(encode_payload(payload)) == cbor.encode(value)


@pytest.mark.parametrize(("kind", "value"), REFUSED)
def test_a_payload_beyond_its_limits_is_refused(kind: int, value: Any) -> None:
    """TRN-21, TRN-22, TRN-23, ROOM-04"""
    with pytest.raises(DecodeError):
        decode_payload(kind, cbor.decode(cbor.encode(value)))


def test_every_kind_has_a_payload_and_a_writer() -> None:
    """TRN-20: each kind of the registry, and no other."""
    assert set(CLASSES) == set(WRITERS) == set(Kind)
    assert {kind for kind, _ in ACCEPTED} == {*Kind, 11, 63}
    assert {kind for kind, _ in REFUSED} == set(Kind) - {Kind.WITHDRAW, Kind.CHANNELS, Kind.IDENTIFY}
    assert isinstance(decode_payload(63, None), UnknownKind)


@pytest.mark.parametrize("kind", [*Kind, 11, 63])
def test_the_gate_of_chapter_18_knows_the_same_kinds(kind: int) -> None:
    """TRN-20, CNS-13: what the team alone writes, the gate takes of no customer, and nothing else."""
    of_team = WRITERS.get(kind, Side.BOTH) is Side.COMPANY
    assert (row_of(ContentType.ENTRY, kind) is Row.TEAM) == of_team


def test_a_state_of_another_version_is_refused_as_that() -> None:
    """ROOM-04"""
    with pytest.raises(UnsupportedVersion):
        State.of({**STATE, 1: 2})


def test_what_no_reader_accepts_is_not_written() -> None:
    """TRN-21: before it is sealed, with an error of the caller."""
    long = UnknownKind(63, bytes(BODY_MAX_B - 2))
    for bad in (payloads.RoomText(""), payloads.RoomText("\ud800"), forms.Rating(6), long):
        with pytest.raises(InvalidArgument):
            encode_payload(bad)
    with pytest.raises(InvalidArgument):
        encode_payload(payloads.Refusal(b"x", "room.right"))
    assert encode_payload(UnknownKind(63, bytes(BODY_MAX_B - 3)))


def test_secrets_of_a_file_are_not_shown() -> None:
    """TRN-21: neither key nor name stand in a repr."""
    shown = repr(payloads.File.of(FILE))
    assert "Befund" not in shown
    assert repr(b"k" * 32) not in shown


@pytest.mark.parametrize("kind", [*Kind, 11, 63])
def test_a_kind_has_its_side(kind: int) -> None:
    """TRN-20"""
    for side in (Side.CUSTOMER, Side.COMPANY):
        if side in WRITERS.get(kind, Side.BOTH):
            check_writer(kind, side)
        else:
            with pytest.raises(NoRight):
                check_writer(kind, side)


# --- about other entries ---

CUSTOMER = Actor(Side.CUSTOMER, dev("customer"))
AGENT, DESK = Actor(Side.COMPANY, dev("agent"), 1), Actor(Side.COMPANY, dev("desk"), 2)


def of(actor: Actor, kind: int = Kind.TEXT) -> Target:
    """An entry of somebody."""
    return Target(actor.side, actor.device_id, kind)


def test_who_edits() -> None:
    """TRN-23: the device that wrote a text, and nothing else."""
    check_edit(AGENT, of(AGENT))
    for actor, target in ((DESK, of(AGENT)), (CUSTOMER, of(AGENT)), (AGENT, of(AGENT, Kind.FORM))):
        with pytest.raises(NoRight):
            check_edit(actor, target)


def test_who_erases() -> None:
    """TRN-24: own, a steward any of the company, the customer any of its side and the room; no proof."""
    phone = Actor(Side.CUSTOMER, dev("phone"))
    for actor, target in ((AGENT, of(AGENT)), (DESK, of(AGENT)), (CUSTOMER, of(phone))):
        for kind in Kind:
            if kind in ERASABLE:
                check_erase(actor, target._replace(kind=kind))
            else:
                with pytest.raises(NoRight):
                    check_erase(actor, target._replace(kind=kind))
    check_erase_room(CUSTOMER)
    for actor, target in ((AGENT, of(DESK)), (CUSTOMER, of(AGENT))):
        with pytest.raises(NoRight):
            check_erase(actor, target)
    with pytest.raises(NoRight):
        check_erase_room(DESK)


def test_a13_the_customer_keeps_what_it_was_promised() -> None:
    """ROOM-26, attack 13: the company erases its own text, and the customer's device does not."""
    check_erase(DESK, of(AGENT))
    assert not binds(Side.COMPANY, Side.CUSTOMER)
    assert binds(Side.COMPANY, Side.COMPANY)


def test_a13_control_the_customers_erasure_binds_all() -> None:
    """ROOM-26: were the company's order like the customer's, the promise would be gone."""
    assert binds(Side.CUSTOMER, Side.COMPANY)
    assert binds(Side.CUSTOMER, Side.CUSTOMER)


def test_who_marks() -> None:
    """ROOM-17: an agent only what the customer wrote, and nobody what is no content."""
    check_mark(AGENT, of(CUSTOMER))
    check_mark(DESK, of(AGENT))
    check_mark(CUSTOMER, of(AGENT))
    for actor, target in ((AGENT, of(DESK)), (DESK, of(CUSTOMER, Kind.CONSENT))):
        with pytest.raises(NoRight):
            check_mark(actor, target)


def test_who_refuses_a_login_or_a_request() -> None:
    """ROOM-70: a steward; neither an agent nor the customer."""
    check_refusal(DESK)
    for actor in (AGENT, CUSTOMER):
        with pytest.raises(NoRight):
            check_refusal(actor)


def test_when_an_erasure_destroys() -> None:
    """ROOM-26: after a day, at once where the state has seen it, never under hold or class 3."""
    assert destroyed_at_ms(NOW_MS, keeps=False, is_answered=False) == NOW_MS + 86_400_000
    assert destroyed_at_ms(NOW_MS, keeps=False, is_answered=True) == NOW_MS
    assert destroyed_at_ms(NOW_MS, keeps=True, is_answered=True) is None


def test_when_a_mark_erases() -> None:
    """ROOM-17: never the last copy, and never before a day."""
    day = NOW_MS + 86_400_000
    assert mark_destroys_at_ms(NOW_MS, keeps=False, cleared_has_it=True, cleared=False) == day
    assert mark_destroys_at_ms(NOW_MS, keeps=False, cleared_has_it=False, cleared=False) is None
    assert mark_destroys_at_ms(NOW_MS, keeps=False, cleared_has_it=True, cleared=True) is None
    assert mark_destroys_at_ms(NOW_MS, keeps=True, cleared_has_it=True, cleared=False) is None


# --- beside the transcript ---

REQUEST = Request(b"i" * 8, RequestKind.ADD, DEVICE, None, "bitte")
TAG = DeviceTag(b"t" * 8)
SIGNALS = (
    Typing(),
    Want(((TAG, 1, 1),)),
    Want(tuple((TAG, n, 2**53 - 1) for n in range(64))),
    REQUEST,
    Request(b"i" * 8, RequestKind.REOPEN, None, "x" * 256, "x" * 200),
    Waiting("Empfang", "de", NOW_MS),
    NoLongerWaiting(),
    signals.Held(EntryHash(H)),
)


@pytest.mark.parametrize("signal", SIGNALS)
def test_a_signal_is_read_as_it_was_written(signal: signals.Signal) -> None:
    """TRN-01, TRN-14, TRN-25"""
    assert signals.decode_signal(cbor.decode(cbor.encode(signals.encode_signal(ROOM, signal)))) == (
        ROOM,
        signal,
    )


@pytest.mark.parametrize(
    "value",
    [
        {1: ROOM, 2: 0},
        {1: ROOM, 2: 5},
        {1: ROOM, 2: 5, 3: None},
        {1: ROOM, 2: 5, 3: bytes(31)},
        {1: ROOM, 2: 6, 3: None},
        {1: ROOM, 2: 1, 3: None},
        {1: ROOM, 2: 2},
        {1: ROOM, 2: 2, 3: []},
        {1: ROOM, 2: 2, 3: [[TAG, 2, 1]]},
        {1: ROOM, 2: 2, 3: [[TAG, 1, 1]] * 65},
        {1: ROOM, 2: 3, 3: {1: bytes(7), 2: 1, 3: None, 4: None, 5: None}},
        {1: ROOM, 2: 3, 3: {1: bytes(8), 2: 6, 3: None, 4: None, 5: None}},
        {1: ROOM, 2: 3, 3: {1: bytes(8), 2: 1, 3: None, 4: "x" * 257, 5: None}},
        {1: ROOM, 2: 3, 3: None},
        {1: ROOM, 2: 4, 3: {1: "", 2: "de", 3: 0}},
        {1: bytes(15), 2: 1},
        {1: ROOM, 2: 1, 4: 0},
    ],
)
def test_a_signal_outside_the_chapter_is_refused(value: Any) -> None:
    """TRN-14, TRN-25"""
    with pytest.raises(ContentError):
        signals.decode_signal(cbor.decode(cbor.encode(value)))


@pytest.mark.parametrize(
    "signal",
    [
        signals.Want(()),
        signals.Want(((DeviceTag(bytes(8)), 2, 1),)),
        signals.Want(((DeviceTag(bytes(8)), 0, 1),) * 65),
        signals.Request(bytes(7), signals.RequestKind.ADD),
        signals.Request(bytes(8), signals.RequestKind.ADD, reason="x" * 201),
        signals.Request(bytes(8), signals.RequestKind.ADD, team=""),
        signals.Waiting("x" * 257, "de", 0),
    ],
)
def test_a_signal_that_every_reader_would_refuse_is_not_written(signal: signals.Signal) -> None:
    """TRN-14, TRN-25: it would be sealed, acknowledged and never heard."""
    with pytest.raises(InvalidArgument):
        signals.encode_signal(ROOM, signal)


def bundle(*, one_time: bool) -> CompactBundle:
    """A compact bundle of the vectors, with or without one-time keys."""
    whole = decode_compact(cbor.decode(unhex(load("identity.json")["compact_bundle"])))
    return whole if one_time else CompactBundle(whole.spk, whole.pqk, [], [])


BACK = WayBack(bytes(16), bytes(32), "wss://relay.example/")


def test_a_dossier_is_read_as_it_was_written() -> None:
    """ROOM-25"""
    dossier = Dossier(
        b"list", (Contact(b"record", BACK, None), Contact(b"record", BACK, bundle(one_time=False)))
    )
    assert signals.decode_dossier(cbor.decode(cbor.encode(signals.encode_dossier(dossier)))) == dossier


def test_a_dossier_has_no_one_time_keys_and_a_relay() -> None:
    """ROOM-25: they would be used by several devices."""
    plain = WayBack(bytes(16), bytes(32), "http://relay.example/")
    for contacts in (
        (Contact(b"record", BACK, bundle(one_time=True)),),
        (Contact(b"record", plain, None),),
        (Contact(b"record", BACK, None),) * 5,
        (),
    ):
        value = cbor.decode(cbor.encode(signals.encode_dossier(Dossier(b"list", contacts))))
        with pytest.raises(ContentError):
            signals.decode_dossier(value)


def test_a_state_after_another_keeps_its_parent() -> None:
    """ROOM-04: named by the hash of its entry."""
    one = first("F1")
    assert (one.state.parent, after(one, "F1", 1).state.parent) == (ROOT, one.hash)
