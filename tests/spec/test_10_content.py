"""Chapter 10: what stands inside a body, every type and every malformed form."""

from __future__ import annotations

from collections.abc import Mapping

import forgery
import parties
import pytest
from hypothesis import given
from hypothesis import strategies as st
from parties import NOW_MS, Party, open_, state_bytes, with_fields

from e2ee import content as contents
from e2ee import identity, prekeys, session
from e2ee.content import (
    AddressOnly,
    BundleOnly,
    Content,
    Heads,
    Nothing,
    Payload,
    Receipt,
    ReceiptState,
    Reset,
    ResetReason,
    SignedList,
    Text,
    Unsupported,
    WayBack,
)
from e2ee.errors import ContentError, ContentTooLarge, DecodeError, InvalidArgument
from e2ee.identity import ListHead
from e2ee.ids import ContentId, ListHash
from e2ee.prekeys import CompactBundle
from e2ee.primitives import kem
from e2ee.wire import cbor

ID = ContentId(bytes(range(16)))
HEAD = ListHead(3, ListHash(b"\3" * 32))
WAY_BACK = WayBack(b"\1" * 16, b"\2" * 32, "wss://relay.example/")
BASE: Mapping[int, cbor.Value] = {1: 1, 2: ID, 3: NOW_MS, 4: {1: "text"}}


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
        (BundleOnly(), 4, None),
        (Reset(ResetReason.STATE_LOST), 5, {1: 1}),
        (Reset(ResetReason.ANSWER), 5, {1: 2}),
        (Reset(ResetReason.REPLACED), 5, {1: 3}),
        (SignedList(b"signed"), 6, {1: b"signed"}),
        (Nothing(), 7, None),
        (Unsupported(8, None), 8, None),
        (Unsupported(0, [1, "x", {5: b""}]), 0, [1, "x", {5: b""}]),
        (Unsupported(2**32 - 1, True), 2**32 - 1, True),
    ],
)
def test_each_type_has_the_payload_of_the_registry(payload: Payload, kind: int, value: cbor.Value) -> None:
    """CON-01, CON-02, CON-03, CON-04, CON-10, CON-11"""
    bundle = Party.make("alice").compact_bundle()
    content = Content(ID, NOW_MS, payload, way_back=WAY_BACK, bundle=bundle)
    entries: dict[int, cbor.Value] = {1: kind, 2: ID, 3: NOW_MS, 4: value}
    entries[7] = {1: b"\1" * 16, 2: b"\2" * 32, 3: "wss://relay.example/"}
    entries[8] = prekeys.encode_compact(bundle)
    encoded = contents.encode(content)
    assert encoded == cbor.encode(entries)
    found = contents.decode(encoded)
    assert found.payload == payload
    assert (found.id, found.sent_ms, found.way_back) == (ID, NOW_MS, WAY_BACK)
    assert contents.encode(found) == encoded


def test_all_that_travels_with_a_content() -> None:
    """CON-01, CON-05, CON-06, CON-07: with everything, and with a peer's list that is not known."""
    bundle = Party.make("alice").compact_bundle()
    for heads in (Heads(HEAD, None), Heads(HEAD, ListHead(2**31 - 1, ListHash(bytes(32))))):
        content = Content(ID, NOW_MS, Text("x"), heads, 2**31 - 1, WAY_BACK, bundle)
        found = contents.decode(contents.encode(content))
        assert found == content
    plain = contents.decode(contents.encode(Content(ID, NOW_MS, Text("x"))))
    assert (plain.heads, plain.gen, plain.way_back, plain.bundle) == (None, None, None, None)


@pytest.mark.parametrize("missing", [1, 2, 3, 4])
def test_keys_1_to_4_are_always_there(missing: int) -> None:
    """CON-01"""
    with pytest.raises(ContentError):
        decoded({key: value for key, value in BASE.items() if key != missing})
    with pytest.raises(ContentError):
        decoded({key: value for key, value in BASE.items() if key != missing} | {64: 0})


@pytest.mark.parametrize("key", [0, *range(9, 64)])
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
        assert found == Content(ID, NOW_MS, Text("text"))


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
        {1: 4, 4: None},
        {1: 4, 4: 0, 8: {1: 0, 2: 0, 3: [], 4: []}},
        # reset
        {1: 5, 4: {1: 0}},
        {1: 5, 4: {1: 4}},
        {1: 5, 4: {1: "1"}},
        {1: 5, 4: 1},
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
        # gen
        {6: -1},
        {6: 2**31},
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
    """CON-03, CON-04, CON-05, CON-06, CON-07, SES-13: each defect alone."""
    with pytest.raises(ContentError):
        decoded({**BASE, **wrong})


def test_an_unknown_type_takes_any_payload() -> None:
    """CON-02: in a session it arrives as unsupported, and the next message is read as usual."""
    alice, _, a, b = parties.connected_pair()
    a = forgery.prepared(a)
    values: dict[int, cbor.Value] = {8: None, 99: [1, {2: "x"}], 2**32 - 1: "future"}
    for kind, value in values.items():
        crafted = forgery.message_with(a, {1: kind, 2: ID, 3: NOW_MS, 4: value, 70: True})
        opened = open_(b, crafted)
        assert opened.content.payload == Unsupported(kind, value)
    b = open_(b, forgery.message_with(a, {1: 8, 2: ID, 3: NOW_MS, 4: None})).session
    a, _ = alice.seal(a, "the number that was used", way_back=None)
    assert parties.text_of(open_(b, alice.seal(a, "next", way_back=None)[1])) == "next"


def test_a_refused_content_changes_nothing() -> None:
    """CON-08: authentic, but against the chapter; the number stays free and what follows opens."""
    alice, _, a, b = parties.connected_pair()
    before = state_bytes(b)
    for wrong in ({**BASE, 9: 0}, {**BASE, 4: None}, {**BASE, 6: 1}, {}):
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
        {"payload": BundleOnly()},
        {"payload": Unsupported(2**32, None)},
        {"payload": Unsupported(8, [2**64])},
        {"id": ContentId(b"short")},
        {"sent_ms": -1},
        {"sent_ms": 2**53},
        {"gen": 2**31},
        {"gen": -1},
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
    content = with_fields(Content(ID, NOW_MS, Text("plain text of thirty characters")), **wrong)
    with pytest.raises(InvalidArgument):
        contents.encode(content)


def test_a_content_over_64_kib_is_too_large() -> None:
    """WIRE-14"""
    for text in ("x" * 65_536, "ü" * 40_000):
        with pytest.raises(ContentTooLarge):
            contents.encode(Content(ID, NOW_MS, Text(text)))


PLAIN_LENGTHS = (1, 2, 23, 24, 25, 254, 255, 256, 257, 65_534, 65_480, 65_493)


@pytest.mark.parametrize("length", PLAIN_LENGTHS)
@pytest.mark.parametrize("sent_ms", [0, 2**32 - 1, 2**32, NOW_MS, 2**53 - 1])
def test_the_short_way_for_a_plain_text_is_the_long_way(length: int, sent_ms: int) -> None:
    """WIRE-04, CON-03: the encoding is the deterministic one, at every boundary of a length."""
    for letter in ("x", "é", "𝄞"):
        text = (letter * length)[:length] if letter == "x" else letter * (length // 4 + 1)
        expected = cbor.encode({1: 1, 2: ID, 3: sent_ms, 4: {1: text}})
        content = Content(ID, sent_ms, Text(text))
        if len(expected) > 65_536:
            with pytest.raises(ContentTooLarge):
                contents.encode(content)
        else:
            assert contents.encode(content) == expected
            assert contents.decode(expected) == content


def long_way(encoded: bytes) -> Content | None:
    """Decode without any short way; None where the content is refused."""
    try:
        return contents._decode(cbor.decode(encoded, 65_536))
    except DecodeError:
        return None


def either_way(encoded: bytes) -> Content | None:
    """Decode as a session does; None where the content is refused."""
    try:
        return contents.decode(encoded)
    except ContentError:
        return None


@pytest.mark.parametrize("length", [1, 23, 24, 255, 256, 300])
def test_every_changed_byte_is_judged_alike_on_both_ways(length: int) -> None:
    """WIRE-03, WIRE-04, CON-03: all 256 values of each byte around the text, and of its last letter."""
    encoded = contents.encode(Content(ID, NOW_MS, Text("x" * length)))
    for at in [*range(min(45, len(encoded))), len(encoded) - 1]:
        for value in range(256):
            changed = encoded[:at] + bytes((value,)) + encoded[at + 1 :]
            assert either_way(changed) == long_way(changed)


@pytest.mark.parametrize("length", [1, 23, 24, 255, 256, 300])
def test_a_length_has_its_shortest_form_on_both_ways(length: int) -> None:
    """WIRE-03, WIRE-04: the text's length in one, two, four and eight bytes, where fewer would do."""
    text = b"x" * length
    start = cbor.encode({1: 1, 2: ID, 3: NOW_MS, 4: {1: ""}})[:-1]
    accepted = contents.encode(Content(ID, NOW_MS, Text("x" * length)))
    heads = [
        bytes((0x78 + power,)) + length.to_bytes(2**power, "big")
        for power in range(4)
        if length < 256 or power
    ]
    for head in heads:
        assert (either_way(start + head + text) is not None) == (start + head + text == accepted)
        assert either_way(start + head + text) == long_way(start + head + text)
    for size in (length - 1, length + 1):
        for wrong in (
            bytes((0x60 + size % 24,)),
            b"\x78" + bytes((size % 256,)),
            b"\x79" + size.to_bytes(2, "big"),
        ):
            assert either_way(start + wrong + text) == long_way(start + wrong + text) is None


@given(
    text=st.text(min_size=1, max_size=300),
    cut=st.integers(0, 400),
    more=st.binary(max_size=3),
    at=st.integers(0, 400),
    flip=st.integers(0, 255),
)
def test_damaged_plain_texts_are_judged_alike(text: str, cut: int, more: bytes, at: int, flip: int) -> None:
    """WIRE-03, WIRE-04"""
    encoded = contents.encode(Content(ID, NOW_MS, Text(text)))
    damaged = bytearray(encoded[: len(encoded) - cut] if cut < len(encoded) else encoded)
    damaged += more
    damaged[at % len(damaged)] ^= flip
    assert either_way(bytes(damaged)) == long_way(bytes(damaged))
