"""Deterministic CBOR: one encoding for each value, nothing else accepted (WIRE-01 to WIRE-04)."""

from __future__ import annotations

import cbor2  # the library itself, to build what the strict codec refuses
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from e2ee.constants import MAX_CBOR_DEPTH
from e2ee.errors import DecodeError, InvalidArgument
from e2ee.wire import cbor

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.binary(max_size=40)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
)
KEYS = st.integers(0, 2**64 - 1) | st.integers(0, 30)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
).filter(lambda value: depth_of(value) <= MAX_CBOR_DEPTH)


def depth_of(value: object) -> int:
    """How many arrays and maps stand inside one another."""
    if isinstance(value, list):
        return 1 + max((depth_of(item) for item in value), default=0)
    if isinstance(value, dict):
        return 1 + max((depth_of(item) for item in value.values()), default=0)
    return 0


def nested(depth: int, inner: object) -> object:
    """A value inside that many arrays."""
    for _ in range(depth):
        inner = [inner]
    return inner


def decoded_or_none(encoded: bytes) -> tuple[object] | None:
    """The decoded value in a tuple, or None if it is refused in the one way that is allowed."""
    try:
        return (cbor.decode(encoded),)
    except DecodeError:
        return None


@given(VALUES)
def test_what_is_encoded_decodes_to_the_same_value(value: cbor.Value) -> None:
    """WIRE-01, WIRE-04."""
    encoded = cbor.encode(value)
    again = cbor.decode(encoded)
    assert again == value
    assert type(again) is type(value)
    assert cbor.encode(again) == encoded


@given(st.dictionaries(KEYS, LEAVES, max_size=8), st.randoms(use_true_random=False))
def test_the_order_in_which_a_map_was_built_does_not_show(
    entries: dict[int, cbor.Value], order: object
) -> None:
    """WIRE-02."""
    items = list(entries.items())
    getattr(order, "shuffle")(items)  # noqa: B009  # Hypothesis gives a Random that has no public type
    assert cbor.encode(dict(items)) == cbor.encode(entries)


@given(st.binary(max_size=60))
def test_random_bytes_are_refused_or_canonical(encoded: bytes) -> None:
    """WIRE-03, WIRE-04: and nothing but a DecodeError comes out."""
    found = decoded_or_none(encoded)
    if found is not None:
        assert cbor.encode(found[0]) == encoded  # type: ignore[arg-type]  # what decode returned


@given(
    VALUES, st.integers(0, 2**16), st.integers(0, 255), st.sampled_from(("set", "cut", "insert", "append"))
)
def test_a_mutated_encoding_is_refused_or_canonical(value: cbor.Value, at: int, byte: int, how: str) -> None:
    """WIRE-04: a change either gives another value or is refused; no value has two encodings."""
    encoded = cbor.encode(value)
    at %= len(encoded)
    one = bytes((byte,))
    changed = {
        "set": encoded[:at] + one + encoded[at + 1 :],
        "cut": encoded[:at],
        "insert": encoded[:at] + one + encoded[at:],
        "append": encoded + one,
    }[how]
    assume(changed != encoded)
    found = decoded_or_none(changed)
    if found is not None:
        assert cbor.encode(found[0]) == changed  # type: ignore[arg-type]  # what decode returned
        assert how in ("set", "insert"), "a prefix or an extension of an item is not an item"


@given(VALUES)
def test_another_serialisation_of_a_value_is_refused(value: cbor.Value) -> None:
    """WIRE-03: a library's indefinite-length form differs wherever there is an array or a map."""
    loose = cbor2.dumps(value, indefinite_containers=True)
    found = decoded_or_none(loose)
    assert (found is None) == (loose != cbor.encode(value))


@given(st.integers(0, 12), LEAVES)
def test_nesting_is_limited_to_eight(depth: int, leaf: cbor.Value) -> None:
    """WIRE-03."""
    value = nested(depth, leaf)
    if depth <= MAX_CBOR_DEPTH:
        assert cbor.decode(cbor.encode(value)) == value  # type: ignore[arg-type]  # nested lists
        return
    with pytest.raises(InvalidArgument):
        cbor.encode(value)  # type: ignore[arg-type]  # nested lists
    with pytest.raises(DecodeError):
        cbor.decode(b"\x81" * depth + cbor.encode(leaf))


@given(VALUES, st.integers(0, 200))
def test_a_size_cap_is_a_cap(value: cbor.Value, max_b: int) -> None:
    """WIRE-03."""
    encoded = cbor.encode(value)
    if len(encoded) <= max_b:
        assert cbor.decode(encoded, max_b) == value
    else:
        with pytest.raises(DecodeError):
            cbor.decode(encoded, max_b)
