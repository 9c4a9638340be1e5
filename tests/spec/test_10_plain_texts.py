"""Chapter 10: the short way through the codec, for a text with its number and nothing else (ADR 0006)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parties import NOW_MS

from e2ee import content as contents
from e2ee.content import Content, Text
from e2ee.errors import ContentError, ContentTooLarge, DecodeError
from e2ee.ids import ContentId
from e2ee.numbers import Number
from e2ee.wire import cbor

ID = ContentId(bytes(range(16)))
NUMBER = Number(3, b"line", 2)
NUMBER_B = NUMBER.encode()


def text(letters: str, sent_ms: int = NOW_MS) -> Content:
    """Make a text with its number and nothing else."""
    return Content(ID, sent_ms, Text(letters), number=NUMBER)


PLAIN_LENGTHS = (1, 2, 23, 24, 25, 254, 255, 256, 257, 32_699, 32_768, 32_769, 65_470, 65_480, 65_534)


@pytest.mark.parametrize("length", PLAIN_LENGTHS)
@pytest.mark.parametrize("sent_ms", [0, 2**32 - 1, 2**32, NOW_MS, 2**53 - 1])
def test_the_short_way_for_a_plain_text_is_the_long_way(length: int, sent_ms: int) -> None:
    """WIRE-04, CON-03: the encoding is the deterministic one, at every boundary of a length."""
    for letter in ("x", "é", "𝄞"):
        letters = (letter * length)[:length] if letter == "x" else letter * (length // 4 + 1)
        expected = cbor.encode({1: 1, 2: ID, 3: sent_ms, 4: {1: letters}, 9: NUMBER_B})
        content = text(letters, sent_ms=sent_ms)
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
    encoded = contents.encode(text("x" * length))
    for at in [*range(min(45, len(encoded))), *range(max(len(encoded) - 23, 0), len(encoded))]:
        for value in range(256):
            changed = encoded[:at] + bytes((value,)) + encoded[at + 1 :]
            assert either_way(changed) == long_way(changed)


@pytest.mark.parametrize("length", [1, 23, 24, 255, 256, 300])
def test_a_length_has_its_shortest_form_on_both_ways(length: int) -> None:
    """WIRE-03, WIRE-04: the text's length in one, two, four and eight bytes, where fewer would do."""
    tail = b"x" * length + b"\x09\x54" + NUMBER_B
    start = cbor.encode({1: 1, 2: ID, 3: NOW_MS, 4: {1: ""}, 9: NUMBER_B})[: -1 - 22]
    accepted = contents.encode(text("x" * length))
    heads = [
        bytes((0x78 + power,)) + length.to_bytes(2**power, "big")
        for power in range(4)
        if length < 256 or power
    ]
    for head in heads:
        assert (either_way(start + head + tail) is not None) == (start + head + tail == accepted)
        assert either_way(start + head + tail) == long_way(start + head + tail)
    for size in (length - 1, length + 1):
        for wrong in (
            bytes((0x60 + size % 24,)),
            b"\x78" + bytes((size % 256,)),
            b"\x79" + size.to_bytes(2, "big"),
        ):
            assert either_way(start + wrong + tail) == long_way(start + wrong + tail) is None


@given(
    letters=st.text(min_size=1, max_size=300),
    cut=st.integers(0, 400),
    more=st.binary(max_size=3),
    at=st.integers(0, 400),
    flip=st.integers(0, 255),
)
def test_damaged_plain_texts_are_judged_alike(
    letters: str, cut: int, more: bytes, at: int, flip: int
) -> None:
    """WIRE-03, WIRE-04"""
    encoded = contents.encode(text(letters))
    damaged = bytearray(encoded[: len(encoded) - cut] if cut < len(encoded) else encoded)
    damaged += more
    damaged[at % len(damaged)] ^= flip
    assert either_way(bytes(damaged)) == long_way(bytes(damaged))
