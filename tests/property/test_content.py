"""Content: what is encoded comes back, what is not chapter 10 is refused (CON-01 to CON-04, CON-08,
CON-12, WIRE-14).
"""

from __future__ import annotations

from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from e2ee import content as contents
from e2ee.content import (
    AddressOnly,
    Content,
    ContentType,
    Heads,
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
from e2ee.errors import ContentError
from e2ee.identity import ListHead
from e2ee.ids import ContentId, ListHash
from e2ee.numbers import MAX_NUMBER, Number
from e2ee.prekeys import CompactBundle
from e2ee.wire import cbor
from e2ee.wire.fields import MAX_MS

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
TEXTS = st.builds(Text, ANY_TEXT | st.text(st.characters(max_codepoint=127), min_size=1, max_size=300))
CONTENT_IDS = st.binary(min_size=16, max_size=16).map(ContentId)
TIMES_MS = st.integers(0, MAX_MS) | st.integers(1_700_000_000_000, 1_900_000_000_000)
LINES = st.binary(min_size=4, max_size=4)
SHORT_IDS = st.binary(min_size=8, max_size=8)


@st.composite
def numbers(draw: st.DrawFn) -> Number:
    """Numbers of texts, also such as a sync states before one was given."""
    n = draw(st.integers(1, 300) | st.integers(1, MAX_NUMBER))
    return Number(n, draw(LINES), draw(st.integers(1, n + 1)))


@st.composite
def syncs(draw: st.DrawFn) -> Sync:
    """Asks, which have an id, and tells, which may have one."""
    kind = draw(st.sampled_from(SyncKind))
    ask_id = draw(SHORT_IDS if kind is SyncKind.ASK else st.none() | SHORT_IDS)
    top = draw(st.none() | st.builds(Top, st.integers(0, 2**32 - 1), SHORT_IDS))
    return Sync(kind, ask_id, top, draw(st.none() | numbers()), draw(st.integers(0, MAX_MS)))


VALUES = (
    st.none()
    | st.integers(0, 2**32)
    | st.binary(max_size=20)
    | st.dictionaries(st.integers(0, 9), st.booleans())
)
PAYLOADS: st.SearchStrategy[Payload] = st.one_of(
    TEXTS,
    st.builds(
        Receipt, st.sampled_from(ReceiptState), st.lists(CONTENT_IDS, min_size=1, max_size=64).map(tuple)
    ),
    syncs(),
    st.builds(SignedList, st.binary(min_size=1, max_size=200)),
    st.just(AddressOnly()),
    st.builds(OfRooms, st.sampled_from([one for one in ContentType if one > 7]), VALUES),
    st.builds(Unsupported, st.just(4) | st.integers(max(ContentType) + 1, 2**32 - 1), VALUES),
)
HEADS = st.builds(ListHead, st.integers(1, 2**31 - 1), st.binary(min_size=32, max_size=32).map(ListHash))
WAY_BACK = WayBack(b"m" * 16, b"t" * 32, "wss://relay.example/")
BUNDLE = CompactBundle([1, 2, b"k", b"s"], [1, 2, b"k", b"s"], [], [])


@st.composite
def made_contents(draw: st.DrawFn) -> Content:
    """Contents of every type, with everything that may travel with them."""
    payload = draw(PAYLOADS)
    plain = draw(st.booleans()) and not isinstance(payload, AddressOnly)
    counted = isinstance(payload, Text) or (isinstance(payload, OfRooms) and payload.type != 9)
    number = draw(numbers()) if counted else None
    content = Content(draw(CONTENT_IDS), draw(TIMES_MS), payload, number=number)
    if plain:
        return content
    return content._replace(
        heads=draw(st.none() | st.builds(Heads, HEADS, st.none() | HEADS)),
        epoch=draw(st.none() | st.integers(0, 2**32 - 1)),
        way_back=WAY_BACK if isinstance(payload, AddressOnly) else draw(st.sampled_from((None, WAY_BACK))),
        bundle=draw(st.sampled_from((None, BUNDLE))),
    )


def decoded_or_none(encoded: bytes) -> Content | None:
    """The content, or None if it is refused in the one way that is allowed."""
    try:
        return contents.decode(encoded)
    except ContentError:
        return None


def map_of(content: Content) -> dict[int, Any]:
    """The map that a content is encoded to."""
    return cast("dict[int, Any]", cbor.decode(contents.encode(content)))


@given(made_contents())
def test_a_content_comes_back(content: Content) -> None:
    """CON-01 to CON-04: and its encoding is the deterministic one, on either way through the codec."""
    encoded = contents.encode(content)
    assert contents.decode(encoded) == content
    assert cbor.encode(cbor.decode(encoded)) == encoded


@given(made_contents())
def test_a_prepared_content_is_encoded_as_it_would_be(content: Content) -> None:
    """CON-01, TRN-29: on either way, whatever travels with it."""
    if isinstance(content.payload, OfRooms) and content.number is not None:
        alone = Content(content.id, content.sent_ms, content.payload)
        prepared = contents.prepare(alone).payload
        assert contents.encode(content._replace(payload=prepared)) == contents.encode(content)


@given(TEXTS, CONTENT_IDS, TIMES_MS, numbers())
def test_a_plain_text_is_the_map_of_the_chapter(
    text: Text, content_id: ContentId, sent_ms: int, number: Number
) -> None:
    """CON-01, CON-12: put together here from the table of chapter 10."""
    number_b = number.n.to_bytes(8, "big") + number.line + number.first.to_bytes(8, "big")
    by_the_book = cbor.encode({1: 1, 2: content_id, 3: sent_ms, 4: {1: text.text}, 9: number_b})
    content = Content(content_id, sent_ms, text, number=number)
    assert contents.encode(content) == by_the_book
    assert contents.decode(by_the_book) == content


@given(made_contents(), st.integers(0, 2**16), st.integers(0, 255), st.sampled_from(("set", "cut", "append")))
def test_a_mutated_content_is_refused_or_encodes_to_itself(
    content: Content, at: int, byte: int, how: str
) -> None:
    """CON-01, WIRE-04: no content has two encodings, and nothing but a ContentError comes out."""
    encoded = contents.encode(content)
    at %= len(encoded)
    one = bytes((byte,))
    changes = {"set": encoded[:at] + one + encoded[at + 1 :], "cut": encoded[:at], "append": encoded + one}
    changed = changes[how]
    found = decoded_or_none(changed)
    if found is not None and not any(key >= 64 for key in cast("dict[int, Any]", cbor.decode(changed))):
        assert contents.encode(found) == changed


@given(made_contents(), st.integers(0, 2**64 - 1) | st.integers(0, 70), VALUES)
def test_unknown_keys_are_refused_up_to_63_and_ignored_from_64(
    content: Content, key: int, value: cbor.Value
) -> None:
    """CON-01."""
    entries = map_of(content)
    known = range(1, 10)
    if key in known:
        return
    found = decoded_or_none(cbor.encode({**entries, key: value}))
    assert found == (content if key >= 64 else None)


@given(made_contents(), st.sampled_from((1, 2, 3, 4)))
def test_no_required_key_may_be_missing(content: Content, key: int) -> None:
    """CON-01."""
    entries = map_of(content)
    del entries[key]
    assert decoded_or_none(cbor.encode(entries)) is None


@given(st.binary(max_size=80))
def test_random_bytes_are_no_content_or_a_content(encoded: bytes) -> None:
    """CON-08: nothing but a ContentError comes out."""
    assert decoded_or_none(encoded) is None or isinstance(cbor.decode(encoded), dict)
