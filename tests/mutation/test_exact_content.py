"""Edges of contents that other tests pass by: each of these ends a mutant."""

from __future__ import annotations

import pytest

from e2ee import content
from e2ee.constants import MAX_CONTENT_B
from e2ee.content import Content, SignedList, Text, Unsupported, WayBack
from e2ee.errors import ContentError, ContentTooLarge
from e2ee.ids import ContentId
from e2ee.numbers import Number
from e2ee.wire import cbor

ID = ContentId(bytes(range(16)))
NOW_MS = 1_764_000_000_000
MAX_MS = 2**53 - 1
NUMBER = Number(1, b"line", 1)


def _long_way(text: str, sent_ms: int = NOW_MS) -> bytes:
    return cbor.encode({1: 1, 2: ID, 3: sent_ms, 4: {1: text}, 9: NUMBER.encode()})


@pytest.mark.parametrize("size_b", [1, 2, 23, 24, 25, 255, 256, 257, 32_768])
def test_texts_of_every_head_are_read_the_short_way(size_b: int) -> None:
    """CON-01: the short way is taken, at both ends of each form, and reads what the long way reads."""
    encoded = _long_way("t" * size_b)
    assert content._decode_plain(encoded) == Content(ID, NOW_MS, Text("t" * size_b), number=NUMBER)
    assert content._decode(cbor.decode(encoded)) == content.decode(encoded)


def test_a_longer_text_is_read_the_long_way() -> None:
    """CON-01: from 32 769 bytes on, and the same is read."""
    encoded = _long_way("t" * 32_769)
    assert content._decode_plain(encoded) is None
    assert content.decode(encoded).payload == Text("t" * 32_769)


@pytest.mark.parametrize("size_b", [1, 23, 24, 25, 255, 256, 32_768])
def test_texts_are_written_the_short_way(size_b: int) -> None:
    """CON-01: byte for byte what the long way writes."""
    made = Content(ID, NOW_MS, Text("t" * size_b), number=NUMBER)
    assert content._encode_plain(made) == _long_way("t" * size_b) == content.encode(made)


def test_a_longer_text_goes_the_long_way() -> None:
    """CON-01: and is read the same."""
    size_b = 32_769
    made = Content(ID, NOW_MS, Text("t" * size_b), number=NUMBER)
    assert content._encode_plain(made) is None
    assert content.encode(made) == _long_way("t" * size_b)
    assert content._decode_plain(_long_way("t" * size_b)) is None
    assert content.decode(_long_way("t" * size_b)) == made


def test_the_short_way_ends_where_its_times_end() -> None:
    """CON-09: eight bytes of time, up to 2^53 - 1."""
    last = Content(ID, MAX_MS, Text("t" * 30), number=NUMBER)
    assert content._encode_plain(last) == _long_way("t" * 30, MAX_MS)
    assert content._decode_plain(_long_way("t" * 30, MAX_MS)) == last
    tail = b"\x04\xa1\x01\x61t\x09\x54" + NUMBER.encode()
    head = bytes.fromhex("a5010102500f") + bytes(15) + b"\x03\x1b" + (2**32 - 1).to_bytes(8, "big")
    assert content._decode_plain(head + tail) is None


def test_a_content_of_exactly_the_limit() -> None:
    """WIRE-14: 65 536 bytes pass, one more does not."""
    spare = MAX_CONTENT_B - len(_long_way("t" * 60_000))
    longest = Content(ID, NOW_MS, Text("t" * (60_000 + spare)), number=NUMBER)
    assert len(content.encode(longest)) == MAX_CONTENT_B
    with pytest.raises(ContentTooLarge):
        content.encode(longest._replace(payload=Text("t" * (60_001 + spare))))


def test_more_than_the_limit_is_not_decoded() -> None:
    """WIRE-14: for a type that says nothing of its length, too."""
    encoded = cbor.encode({1: 99, 2: ID, 3: NOW_MS, 4: bytes(MAX_CONTENT_B)})
    with pytest.raises(ContentError):
        content.decode(encoded)
    assert isinstance(content.decode(_long_way("t")).payload, Text)
    assert isinstance(content.decode(cbor.encode({1: 99, 2: ID, 3: NOW_MS, 4: b""})).payload, Unsupported)


def test_a_signed_list_of_one_byte_and_a_url_of_the_limit() -> None:
    """CON-06, CON-10: what is inside is checked by those who use it; 240 bytes are a URL."""
    assert content.decode(content.encode(Content(ID, NOW_MS, SignedList(b"x")))).payload == SignedList(b"x")
    url = "wss://relay.example/".ljust(240, "a")
    way = WayBack(bytes(16), bytes(32), url)
    sent = Content(ID, NOW_MS, Text("t"), way_back=way, number=NUMBER)
    assert content.decode(content.encode(sent)).way_back == way


@pytest.mark.parametrize("size_b", [1, 30, 300])
def test_a_text_that_is_cut_off_anywhere_is_refused(size_b: int) -> None:
    """CON-01: behind the first byte of its length, too."""
    encoded = _long_way("t" * size_b)
    for end in range(len(encoded) - size_b - 3, len(encoded)):
        with pytest.raises(ContentError):
            content.decode(encoded[:end])
