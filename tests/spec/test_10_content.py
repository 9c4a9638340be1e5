"""Chapter 10: what stands inside a body, every type and every malformed form."""

from __future__ import annotations

from collections.abc import Mapping

import forgery
import parties
import pytest
from parties import NOW_MS, Party, open_, state_bytes, with_fields

from e2ee import content as contents
from e2ee import identity, prekeys, session
from e2ee.content import (
    AddressOnly,
    Content,
    ContentType,
    Heads,
    Nothing,
    OfRooms,
    Payload,
    Receipt,
    ReceiptState,
    SignedList,
    Sync,
    SyncKind,
    Text,
    Top,
    Unsupported,
    WayBack,
)
from e2ee.errors import ContentError, ContentTooLarge, InvalidArgument
from e2ee.identity import ListHead
from e2ee.ids import ContentId, ListHash
from e2ee.numbers import Number
from e2ee.prekeys import CompactBundle
from e2ee.primitives import kem
from e2ee.wire import cbor

ID = ContentId(bytes(range(16)))
HEAD = ListHead(3, ListHash(b"\3" * 32))
WAY_BACK = WayBack(b"\1" * 16, b"\2" * 32, "wss://relay.example/")
NUMBER = Number(3, b"line", 2)
NUMBER_B = NUMBER.encode()
ASK_ID = b"ask-id-8"
BASE: Mapping[int, cbor.Value] = {1: 1, 2: ID, 3: NOW_MS, 4: {1: "text"}, 9: NUMBER_B}
OTHERS: Mapping[int, cbor.Value] = {key: value for key, value in BASE.items() if key != 9}
SYNC: Mapping[int, cbor.Value] = {1: 1, 2: ASK_ID, 3: None, 4: None, 5: 0}


def text(letters: str) -> Content:
    """Make a text with its number and nothing else."""
    return Content(ID, NOW_MS, Text(letters), number=NUMBER)


def decoded(entries: Mapping[int, cbor.Value]) -> Content:
    """Decode a map as content."""
    return contents.decode(cbor.encode(entries))


@pytest.mark.parametrize(
    ("payload", "kind", "value"),
    [
        (Text("Grüße"), 1, {1: "Grüße"}),
        (Text("x"), 1, {1: "x"}),
        (Receipt(ReceiptState.DELIVERED, (ID,)), 2, {1: 1, 2: [ID]}),
        (Receipt(ReceiptState.READ, (ID,) * 64), 2, {1: 2, 2: [ID] * 64}),
        (AddressOnly(), 3, None),
        (Sync(SyncKind.ASK, ASK_ID, None, None, 0), 5, {1: 1, 2: ASK_ID, 3: None, 4: None, 5: 0}),
        (Sync(SyncKind.TELL, None, None, None, 0), 5, {1: 2, 2: None, 3: None, 4: None, 5: 0}),
        (
            Sync(SyncKind.TELL, ASK_ID, Top(2**32 - 1, b"short-id"), Number(1, b"line", 2), 2**53 - 1),
            5,
            {1: 2, 2: ASK_ID, 3: [2**32 - 1, b"short-id"], 4: Number(1, b"line", 2).encode(), 5: 2**53 - 1},
        ),
        (SignedList(b"signed"), 6, {1: b"signed"}),
        (Nothing(), 7, None),
        (Unsupported(4, None), 4, None),
        (OfRooms(ContentType.ENTRY, {1: b"header"}), 8, {1: b"header"}),
        (OfRooms(ContentType.SIGNAL, None), 9, None),
        (OfRooms(ContentType.FORWARD, None), 10, None),
        (OfRooms(ContentType.DOSSIER, []), 11, []),
        (OfRooms(ContentType.ROSTER, None), 12, None),
        (Unsupported(13, None), 13, None),
        (Unsupported(0, [1, "x", {5: b""}]), 0, [1, "x", {5: b""}]),
        (Unsupported(2**32 - 1, True), 2**32 - 1, True),
    ],
)
def test_each_type_has_the_payload_of_the_registry(payload: Payload, kind: int, value: cbor.Value) -> None:
    """CON-01, CON-02, CON-03, CON-04, CON-10, CON-11, CON-12, SES-24"""
    bundle = Party.make("alice").compact_bundle()
    number = NUMBER if kind in (1, 8, 10, 11, 12) else None
    content = Content(ID, NOW_MS, payload, way_back=WAY_BACK, bundle=bundle, number=number)
    entries: dict[int, cbor.Value] = {1: kind, 2: ID, 3: NOW_MS, 4: value}
    entries[7] = {1: b"\1" * 16, 2: b"\2" * 32, 3: "wss://relay.example/"}
    entries[8] = prekeys.encode_compact(bundle)
    if number is not None:
        entries[9] = NUMBER_B
    encoded = contents.encode(content)
    assert encoded == cbor.encode(entries)
    found = contents.decode(encoded)
    assert (found.payload, found.number) == (payload, number)
    assert (found.id, found.sent_ms, found.way_back) == (ID, NOW_MS, WAY_BACK)
    assert contents.encode(found) == encoded


def test_all_that_travels_with_a_content() -> None:
    """CON-01, CON-05, CON-06, CON-07: with everything, and with a peer's list that is not known."""
    bundle = Party.make("alice").compact_bundle()
    for heads in (Heads(HEAD, None), Heads(HEAD, ListHead(2**31 - 1, ListHash(bytes(32))))):
        content = Content(ID, NOW_MS, Text("x"), heads, 2**32 - 1, WAY_BACK, bundle, NUMBER)
        found = contents.decode(contents.encode(content))
        assert found == content
    plain = contents.decode(contents.encode(text("x")))
    assert (plain.heads, plain.epoch, plain.way_back, plain.bundle) == (None, None, None, None)


@pytest.mark.parametrize("missing", [1, 2, 3, 4])
def test_keys_1_to_4_are_always_there(missing: int) -> None:
    """CON-01"""
    with pytest.raises(ContentError):
        decoded({key: value for key, value in BASE.items() if key != missing})
    with pytest.raises(ContentError):
        decoded({key: value for key, value in BASE.items() if key != missing} | {64: 0})


@pytest.mark.parametrize("key", [0, *range(10, 64)])
def test_other_keys_below_64_are_refused(key: int) -> None:
    """CON-01, WIRE-05: also beside one that is ignored."""
    for more in ({}, {64: 0}):
        with pytest.raises(ContentError):
            decoded({**BASE, key: 0, **more})


@pytest.mark.parametrize("key", [64, 65, 1000, 2**64 - 1])
def test_keys_from_64_up_are_ignored(key: int) -> None:
    """CON-01, WIRE-05: whatever accepted value they have."""
    for value in (None, 0, b"x", [{1: "deep"}]):
        found = decoded({**BASE, key: value})
        assert found == text("text")


@pytest.mark.parametrize("encoded", [b"", b"\x80", b"\xa0", b"\x01", b"text", cbor.encode(BASE) + b"\0"])
def test_what_is_no_map_is_no_content(encoded: bytes) -> None:
    """CON-01"""
    with pytest.raises(ContentError):
        contents.decode(encoded)


@pytest.mark.parametrize(
    "wrong",
    [
        {1: -1},
        {1: 2**32},
        {1: "text"},
        {1: None},
        {1: True},
        {2: bytes(15)},
        {2: bytes(17)},
        {2: None},
        {2: "0123456789abcdef"},
        {3: -1},
        {3: 2**53},
        {3: None},
        {3: b""},
        # text
        {4: None},
        {4: "text"},
        {4: {}},
        {4: {1: ""}},
        {4: {1: b"text"}},
        {4: {1: 1}},
        {4: {1: "x", 2: "y"}},
        {4: {1: "x", 64: "y"}},
        {4: {2: "x"}},
        # receipt
        {1: 2, 4: {1: 0, 2: [ID]}},
        {1: 2, 4: {1: 3, 2: [ID]}},
        {1: 2, 4: {1: True, 2: [ID]}},
        {1: 2, 4: {1: 1, 2: []}},
        {1: 2, 4: {1: 1, 2: [ID] * 65}},
        {1: 2, 4: {1: 1, 2: [bytes(15)]}},
        {1: 2, 4: {1: 1, 2: ID}},
        {1: 2, 4: {1: 1}},
        {1: 2, 4: None},
        # address and bundle
        {1: 3, 4: None},
        {1: 3, 4: {1: 1}, 7: {1: bytes(16), 2: bytes(32), 3: "wss://relay.example/"}},
        # sync
        {1: 5, 4: None},
        {1: 5, 4: {}},
        {1: 5, 4: {**SYNC, 1: 0}},
        {1: 5, 4: {**SYNC, 1: 3}},
        {1: 5, 4: {**SYNC, 1: True}},
        {1: 5, 4: {**SYNC, 2: None}},
        {1: 5, 4: {**SYNC, 2: bytes(7)}},
        {1: 5, 4: {**SYNC, 2: bytes(9)}},
        {1: 5, 4: {**SYNC, 1: 2, 2: b""}},
        {1: 5, 4: {**SYNC, 3: 0}},
        {1: 5, 4: {**SYNC, 3: [1]}},
        {1: 5, 4: {**SYNC, 3: [2**32, bytes(8)]}},
        {1: 5, 4: {**SYNC, 3: [1, bytes(7)]}},
        {1: 5, 4: {**SYNC, 3: [None, bytes(8)]}},
        {1: 5, 4: {**SYNC, 4: 0}},
        {1: 5, 4: {**SYNC, 4: bytes(20)}},
        {1: 5, 4: {**SYNC, 4: NUMBER_B + b"\0"}},
        {1: 5, 4: {**SYNC, 5: 2**53}},
        {1: 5, 4: {**SYNC, 5: None}},
        {1: 5, 4: {**SYNC, 6: 0}},
        {1: 5, 4: {key: SYNC[key] for key in (1, 2, 3, 4)}},
        # list
        {1: 6, 4: {1: b""}},
        {1: 6, 4: {1: bytes(1025)}},
        {1: 6, 4: {1: "list"}},
        {1: 6, 4: b"list"},
        # heads
        {5: None},
        {5: []},
        {5: {1: [1, bytes(32)]}},
        {5: {1: None, 2: None}},
        {5: {1: [0, bytes(32)], 2: None}},
        {5: {1: [2**31, bytes(32)], 2: None}},
        {5: {1: [1, bytes(31)], 2: None}},
        {5: {1: [1], 2: None}},
        {5: {1: [1, bytes(32), 0], 2: None}},
        {5: {1: {1: 1}, 2: None}},
        {5: {1: [1, bytes(32)], 2: 0}},
        {5: {1: [1, bytes(32)], 2: [0, bytes(32)]}},
        {5: {1: [1, bytes(32)], 2: None, 3: None}},
        # epoch
        {6: -1},
        {6: 2**32},
        {6: None},
        {6: False},
        # address
        {7: None},
        {7: {1: bytes(16), 2: bytes(32)}},
        {7: {1: bytes(15), 2: bytes(32), 3: "wss://relay.example/"}},
        {7: {1: bytes(16), 2: bytes(33), 3: "wss://relay.example/"}},
        {7: {1: bytes(16), 2: bytes(32), 3: ""}},
        {7: {1: bytes(16), 2: bytes(32), 3: b"wss://relay.example/"}},
        {7: {1: bytes(16), 2: bytes(32), 3: "ws://relay.example/"}},
        {7: {1: bytes(16), 2: bytes(32), 3: "https://relay.example/"}},
        {7: {1: bytes(16), 2: bytes(32), 3: "wss://relay.example/" + "x" * 237}},
        {7: {1: bytes(16), 2: bytes(32), 3: "wss://relay.example/", 4: 0}},
        # nothing
        {1: 7, 4: 0},
        {1: 7, 4: {}},
        # prekeys
        {8: None},
        {8: {1: 0, 2: 0, 3: []}},
        {8: {1: 0, 2: 0, 3: [], 4: None}},
        {8: {1: 0, 2: 0, 3: [0] * 9, 4: []}},
        {8: {1: 0, 2: 0, 3: [], 4: [0] * 9}},
        {8: {1: 0, 2: 0, 3: [], 4: [], 5: []}},
    ],
)
def test_a_malformed_content_is_refused(wrong: dict[int, cbor.Value]) -> None:
    """CON-03, CON-04, CON-05, CON-06, CON-07, CON-12, SES-21: each defect alone."""
    base = BASE if wrong.get(1, 1) == 1 else OTHERS
    with pytest.raises(ContentError):
        decoded({**base, **wrong})


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        NUMBER_B[:-1],
        NUMBER_B + b"\0",
        bytes(20),
        bytes(8) + b"line" + bytes(7) + b"\1",
        Number(3, b"line", 2).encode()[:19] + b"\0",
        Number(3, b"line", 2).encode()[:19] + b"\5",
        (2**53).to_bytes(8, "big") + b"line" + bytes(7) + b"\1",
        None,
        3,
        "x" * 20,
        [3, b"line", 2],
    ],
)
def test_a_number_that_is_none_is_refused(wrong: cbor.Value) -> None:
    """CON-12: also beside a key that is ignored, and in front of another body."""
    for more in ({}, {64: 0}):
        with pytest.raises(ContentError):
            decoded({**BASE, 9: wrong, **more})


def test_a_text_has_a_number_and_nothing_else_has() -> None:
    """CON-12"""
    with pytest.raises(ContentError):
        decoded(OTHERS)
    payloads: dict[int, cbor.Value] = {2: {1: 1, 2: [ID]}, 3: None, 5: SYNC, 6: {1: b"x"}, 7: None, 99: 0}
    for kind, value in payloads.items():
        entries: dict[int, cbor.Value] = {**BASE, 1: kind, 4: value}
        if kind == 3:
            entries[7] = {1: bytes(16), 2: bytes(32), 3: "wss://relay.example/"}
        without = {key: item for key, item in entries.items() if key != 9}
        assert decoded(without).number is None
        with pytest.raises(ContentError):
            decoded(entries)


def test_an_unknown_type_takes_any_payload() -> None:
    """CON-02: in a session it arrives as unsupported, and the next message is read as usual."""
    alice, _, a, b = parties.connected_pair()
    a = forgery.prepared(a)
    values: dict[int, cbor.Value] = {13: None, 99: [1, {2: "x"}], 2**32 - 1: "future"}
    for kind, value in values.items():
        crafted = forgery.message_with(a, {1: kind, 2: ID, 3: NOW_MS, 4: value, 70: True})
        opened = open_(b, crafted)
        assert opened.content.payload == Unsupported(kind, value)
    b = open_(b, forgery.message_with(a, {1: 13, 2: ID, 3: NOW_MS, 4: None})).session
    a, _ = alice.seal(a, "the number that was used", way_back=None)
    assert parties.text_of(open_(b, alice.seal(a, "next", way_back=None)[1])) == "next"


def test_a_refused_content_changes_nothing() -> None:
    """CON-08: authentic, but against the chapter; the number stays free and what follows opens."""
    alice, _, a, b = parties.connected_pair()
    before = state_bytes(b)
    for wrong in ({**BASE, 10: 0}, {**BASE, 9: bytes(20)}, {**BASE, 4: None}, {**BASE, 6: 1}, {}):
        with pytest.raises(ContentError) as caught:
            open_(b, forgery.message_with(a, wrong))
        assert caught.value.code == "remote.content"
    assert state_bytes(b) == before
    assert parties.text_of(open_(b, alice.seal(a, "next", way_back=None)[1])) == "next"


def test_the_senders_clock_decides_nothing() -> None:
    """CON-09: texts open in the order that the ratchet says, whatever time they claim."""
    alice, _, a, b = parties.connected_pair()
    for claimed in (0, 1, 2**32 - 1, 2**32, NOW_MS - 10**11, NOW_MS + 10**11, 2**53 - 1):
        a, sealed = alice.seal(a, f"{claimed}", sent_ms=claimed, way_back=None)
        opened = open_(b, sealed)
        b = opened.session
        assert (opened.content.sent_ms, parties.text_of(opened)) == (claimed, f"{claimed}")
        assert b.opened_ms == NOW_MS


def test_a_renewed_list_travels_as_content() -> None:
    """CON-10, ID-07: what arrives links to the head that the peer knows."""
    alice, _, a, b = parties.connected_pair()
    head = alice.device_list.head
    renewed = alice.renew_list(NOW_MS + 1)
    sealed = session.seal(
        a, alice.content(SignedList(renewed.signed), way_back=None), NOW_MS, alice.rng, kem.encapsulate
    )
    payload = open_(b, sealed.envelope).content.payload
    assert isinstance(payload, SignedList)
    assert identity.verify_chain(alice.account_id, head, [payload.signed], NOW_MS) == renewed


def test_heads_name_both_lists() -> None:
    """CON-05: what each side needs in order to see that a list was withheld."""
    alice, bob, a, b = parties.connected_pair()
    stated = Heads(alice.device_list.head, bob.device_list.head)
    _, sealed = alice.seal(a, "x", heads=stated, way_back=None)
    found = open_(b, sealed).content.heads
    assert found == stated
    assert found is not None
    assert found.peer == bob.device_list.head


def test_a_way_back_replaces_nothing_by_itself() -> None:
    """CON-06: it arrives with the content; its time is the content's."""
    alice, _, a, b = parties.connected_pair()
    moved = WayBack(b"\4" * 16, b"\5" * 32, "wss://other.example/")
    _, sealed = alice.seal(a, "x", way_back=moved, sent_ms=NOW_MS + 3)
    content = open_(b, sealed).content
    assert (content.way_back, content.sent_ms) == (moved, NOW_MS + 3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"payload": Text("")},
        {"payload": Text("\ud800")},
        {"payload": Text("x" * 30 + "\ud800")},
        {"payload": Receipt(ReceiptState.READ, ())},
        {"payload": Receipt(ReceiptState.READ, (ID,) * 65)},
        {"payload": Receipt(ReceiptState.READ, (ContentId(b"short"),))},
        {"payload": SignedList(b"")},
        {"payload": SignedList(bytes(1025))},
        {"payload": AddressOnly()},
        {"payload": Sync(SyncKind.ASK, None, None, None, 0)},
        {"payload": Sync(SyncKind.TELL, None, Top(2**32, bytes(8)), None, 0)},
        {"payload": Sync(SyncKind.TELL, None, None, Number(0, b"line", 1), 0)},
        {"payload": Nothing(), "number": NUMBER},
        {"number": None},
        {"number": Number(0, b"line", 1)},
        {"payload": Unsupported(2**32, None)},
        {"payload": Unsupported(13, [2**64])},
        {"payload": OfRooms(ContentType.SIGNAL, None), "number": NUMBER},
        {"payload": OfRooms(ContentType.ENTRY, None), "number": None},
        {"id": ContentId(b"short")},
        {"sent_ms": -1},
        {"sent_ms": 2**53},
        {"epoch": 2**32},
        {"epoch": -1},
        {"heads": Heads(ListHead(0, HEAD.hash), None)},
        {"heads": Heads(HEAD, ListHead(1, ListHash(bytes(31))))},
        {"way_back": WayBack(bytes(15), bytes(32), "wss://relay.example/")},
        {"way_back": WayBack(bytes(16), bytes(31), "wss://relay.example/")},
        {"way_back": WayBack(bytes(16), bytes(32), "http://relay.example/")},
        {"bundle": CompactBundle(0, 0, [0] * 9, [])},
    ],
)
def test_what_every_peer_would_refuse_is_not_sealed(wrong: dict[str, object]) -> None:
    """CON-01 to CON-07: the caller's mistake is a local error, and no number is used for it."""
    is_text = isinstance(wrong.get("payload", Text("")), Text)
    plain = text("plain text of thirty characters")
    content = with_fields(plain if is_text else plain._replace(number=None), **wrong)
    with pytest.raises(InvalidArgument):
        contents.encode(content)


ENTRY = Content(ID, NOW_MS, OfRooms(ContentType.ENTRY, {1: b"header", 2: b"body", 5: [1, (2, 3)]}))


@pytest.mark.parametrize(
    "more",
    [
        {"number": NUMBER},
        {"number": Number(9, b"more", 9)},
        {"number": NUMBER, "heads": Heads(HEAD, HEAD)},
        {"number": NUMBER, "epoch": 7},
        {"number": NUMBER, "way_back": WAY_BACK},
        {"number": NUMBER, "bundle": CompactBundle([1], [2], [], [])},
        {"number": NUMBER, "id": ContentId(bytes(16))},
        {"number": NUMBER, "sent_ms": NOW_MS + 1},
    ],
)
def test_what_is_encoded_once_for_all_is_what_each_would_be(more: dict[str, object]) -> None:
    """CON-01, CON-12, TRN-29: with whatever a session adds to it."""
    prepared = contents.prepare(ENTRY)
    assert contents.encode(with_fields(prepared, **more)) == contents.encode(with_fields(ENTRY, **more))
    _, _, a, b = parties.connected_pair()
    sent = with_fields(prepared, **more | {"epoch": None})
    found = open_(b, session.seal(a, sent, NOW_MS, parties.ScriptedRng("p"), kem.encapsulate).envelope)
    assert found.content.payload == OfRooms(ContentType.ENTRY, {1: b"header", 2: b"body", 5: [1, [2, 3]]})


@pytest.mark.parametrize(
    "wrong",
    [
        {"payload": OfRooms(ContentType.SIGNAL, None)},
        {"payload": Text("not of a room")},
        {"payload": OfRooms(ContentType.ENTRY, 2**64)},
        {"number": NUMBER},
        {"epoch": 7},
        {"way_back": WAY_BACK},
        {"id": ContentId(b"short")},
        {"sent_ms": 2**53},
    ],
)
def test_what_cannot_be_encoded_once_is_refused(wrong: dict[str, object]) -> None:
    """TRN-29: what no device would take, or what is another one for each device."""
    with pytest.raises(InvalidArgument):
        contents.prepare(with_fields(ENTRY, **wrong))


def test_a_prepared_content_without_its_number_is_refused() -> None:
    """CON-12, WIRE-14: and one that is too large, before any device gets it."""
    prepared = contents.prepare(ENTRY)
    with pytest.raises(InvalidArgument):
        contents.encode(prepared)
    with pytest.raises(InvalidArgument):
        contents.encode(prepared._replace(number=Number(0, b"line", 1)))
    with pytest.raises(ContentTooLarge):
        contents.prepare(ENTRY._replace(payload=OfRooms(ContentType.ENTRY, bytes(65_536))))
    assert "body" not in repr(prepared)


def test_a_content_over_64_kib_is_too_large() -> None:
    """WIRE-14"""
    for letters in ("x" * 65_536, "ü" * 40_000):
        with pytest.raises(ContentTooLarge):
            contents.encode(text(letters))
