"""Padding classes and PADME (WIRE-11 to WIRE-13), and the sizes of envelopes (WIRE-07)."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from e2ee.constants import BODY_CLASSES_B, FIRST_BODY_B, FRAGMENT_B, MAX_CONTENT_B
from e2ee.errors import AuthenticationError
from e2ee.wire import padding

LONG_B = st.integers(4_097, MAX_CONTENT_B + FRAGMENT_B + 1)
ANY_B = st.integers(1, 5_000) | LONG_B


def padme_by_the_book(length_b: int) -> int:
    """PADME as chapter 04 words it, with logarithms."""
    exponent = math.floor(math.log2(length_b))
    significant = math.floor(math.log2(exponent)) + 1
    granularity = 1 << (exponent - significant)
    return math.ceil(length_b / granularity) * granularity


@given(LONG_B)
def test_padme_is_that_of_the_chapter(length_b: int) -> None:
    """WIRE-11."""
    size_b = padding.padme(length_b)
    assert size_b == padme_by_the_book(length_b)
    assert length_b <= size_b <= length_b * 1.0625
    assert padding.padme(size_b) == size_b


@given(ANY_B)
def test_the_class_is_the_smallest_that_holds_it(length_b: int) -> None:
    """WIRE-11: and no length below gets a larger one."""
    size_b = padding.body_class(length_b)
    assert size_b >= length_b
    assert padding.body_class(size_b) == size_b
    smaller = [one for one in BODY_CLASSES_B if length_b <= one < size_b]
    assert not smaller
    assert padding.body_class(max(length_b - 1, 1)) <= size_b


@given(ANY_B)
def test_a_first_body_has_the_first_class_whenever_it_suffices(length_b: int) -> None:
    """WIRE-12."""
    size_b = padding.body_class(length_b, first=True)
    assert size_b == (FIRST_BODY_B if length_b <= FIRST_BODY_B else padding.body_class(length_b))
    assert padding.body_class(size_b, first=True) == size_b


@given(st.integers(0, 100_000), st.booleans())
def test_a_size_is_a_body_size_exactly_if_some_length_pads_to_it(size_b: int, first: bool) -> None:
    """WIRE-07: a size is its own class, or nobody's."""
    is_own = padding.body_class(size_b, first=first) == size_b
    assert is_own == any(padding.body_class(one, first=first) == size_b for one in range(size_b + 1))


@given(st.binary(max_size=600), st.booleans())
def test_padding_comes_off_again(plaintext: bytes, ends_like_padding: bool) -> None:
    """WIRE-13: also from a plaintext that ends like padding."""
    plaintext += b"\x80\x00\x00" if ends_like_padding else b""
    padded = padding.pad(plaintext, padding.body_class(len(plaintext) + 1))
    assert padding.body_class(len(padded)) == len(padded)
    assert padding.unpad(padded) == plaintext


@given(st.binary(max_size=80))
def test_what_is_not_padded_is_refused(padded: bytes) -> None:
    """WIRE-13: unpadding gives what pads to the same bytes, or one error."""
    try:
        plaintext = padding.unpad(padded)
    except AuthenticationError:
        assert padded.rstrip(b"\0")[-1:] != b"\x80"
        return
    assert padding.pad(plaintext, len(padded)) == padded
