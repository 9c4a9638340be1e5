"""Edges of the codec and of typed access that other tests pass by: each of these ends a mutant."""

from __future__ import annotations

import pytest

from e2ee.errors import DecodeError
from e2ee.wire import cbor
from e2ee.wire.fields import Fields, decode_map, decode_signed

ONE, TWO = frozenset({1}), frozenset({2})


def test_maps_inside_of_arrays_are_sorted() -> None:
    """WIRE-02: an array knows of what is out of order below it, however deep."""
    assert cbor.encode([{2: 0, 1: 0}]) == bytes.fromhex("81a201000200")
    assert cbor.encode([[{1: {3: 0, 2: 0}}], 5]) == bytes.fromhex("8281a101a20200030005")


def test_optional_keys_are_taken_and_others_are_not() -> None:
    """WIRE-05: all that must be there, perhaps what may, nothing else."""
    for entries in ({1: 7}, {1: 7, 2: 8}):
        assert Fields(entries, ONE, TWO).has(2) == (2 in entries)
    for entries in ({}, {2: 8}, {1: 7, 3: 9}, {1: 7, 2: 8, 3: 9}):
        with pytest.raises(DecodeError):
            Fields(entries, ONE, TWO)


def test_structures_have_their_limit() -> None:
    """WIRE-05, ID-05: before anything in them is looked at."""
    with pytest.raises(DecodeError):
        decode_map(cbor.encode({1: bytes(20)}), 10, ONE)
    with pytest.raises(DecodeError):
        decode_signed(cbor.encode([bytes(9), bytes(64)]), 70)
    assert decode_signed(cbor.encode([b"x", bytes(64)]), 99) == (b"x", bytes(64))


def test_a_signature_has_64_bytes() -> None:
    """ID-05."""
    for size_b in (63, 65):
        with pytest.raises(DecodeError):
            decode_signed(cbor.encode([b"x", bytes(size_b)]), 99)


def test_a_text_of_exactly_its_limit() -> None:
    """WIRE-05."""
    assert Fields({1: "abc"}, ONE).text(1, 3) == "abc"
    with pytest.raises(DecodeError):
        Fields({1: "abcd"}, ONE).text(1, 3)
