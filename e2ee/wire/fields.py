"""Typed access to decoded maps and arrays: wrong type, size or range is a `DecodeError` (WIRE-05)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, cast

from e2ee.errors import DecodeError

from . import cbor

MAX_U32: Final = 2**32 - 1
MAX_U64: Final = 2**64 - 1
MAX_MS: Final = 2**53 - 1
"""Times stay in the range that every language holds exactly."""

KEYS: Final = tuple(frozenset(range(1, count + 1)) for count in range(22))
"""`KEYS[n]` are the keys 1 to n of a map."""


def decode_map(encoded: bytes, max_b: int, keys: frozenset[int]) -> Fields:
    """Decode a map that has all of `keys` and nothing else."""
    return Fields(cbor.decode(encoded, max_b), keys)


def decode_signed(encoded: bytes, max_b: int) -> tuple[bytes, bytes]:
    """Decode [bytes of a map, signature 64]."""
    items = array(cbor.decode(encoded, max_b), 2, 2)
    return bstr(items[0], 1, max_b), bstr(items[1], 64, 64)


class Fields:
    """A decoded map with checked getters."""

    __slots__ = ("_map",)

    def __init__(self, value: cbor.Value, keys: frozenset[int], optional: frozenset[int] = KEYS[0]) -> None:
        """Wrap a value that must be a map with exactly these keys."""
        if not isinstance(value, dict):
            raise DecodeError("not a map")
        if not keys <= value.keys() <= keys | optional:
            raise DecodeError("a map key is missing or unknown")
        self._map: Mapping[int, cbor.Value] = value

    def has(self, key: int) -> bool:
        """Whether an optional key is there."""
        return key in self._map

    def value(self, key: int) -> cbor.Value:
        """Return the value as it is."""
        return self._map[key]

    def bstr(self, key: int, size_b: int, max_b: int | None = None) -> bytes:
        """Return a byte string of `size_b` bytes, or of `size_b` to `max_b`."""
        return bstr(self._map[key], size_b, max_b)

    def bstr_or_null(self, key: int, size_b: int, max_b: int | None = None) -> bytes | None:
        """Return a byte string as `bstr` does, or None for null."""
        return None if self._map[key] is None else self.bstr(key, size_b, max_b)

    def uint(self, key: int, maximum: int = MAX_U32, minimum: int = 0) -> int:
        """Return an integer between `minimum` and `maximum`."""
        return uint(self._map[key], maximum, minimum)

    def time_ms(self, key: int) -> int:
        """Return Unix milliseconds."""
        return uint(self._map[key], MAX_MS)

    def text(self, key: int, max_characters: int) -> str:
        """Return a text of 1 to `max_characters` characters."""
        value = self._map[key]
        if not isinstance(value, str) or not 1 <= len(value) <= max_characters:
            raise DecodeError("not a text of the right length")
        return value

    def array(self, key: int, minimum: int, maximum: int) -> Sequence[cbor.Value]:
        """Return an array of `minimum` to `maximum` items."""
        return array(self._map[key], minimum, maximum)


def bstr(value: cbor.Value, size_b: int, max_b: int | None = None) -> bytes:
    """Return `value` if it is a byte string of `size_b` bytes, or of `size_b` to `max_b`."""
    if not isinstance(value, bytes) or not size_b <= len(value) <= (size_b if max_b is None else max_b):
        raise DecodeError("not a byte string of the right size")
    return value


def uint(value: cbor.Value, maximum: int, minimum: int = 0) -> int:
    """Return `value` if it is an integer in this range; true and false are not."""
    if type(value) is not int or not minimum <= value <= maximum:
        raise DecodeError("not an integer in range")
    return value


def array(value: cbor.Value, minimum: int, maximum: int) -> Sequence[cbor.Value]:
    """Return `value` if it is an array of this length."""
    if not isinstance(value, list) or not minimum <= len(value) <= maximum:
        raise DecodeError("not an array of the right length")
    return cast("Sequence[cbor.Value]", value)


def flag(value: cbor.Value) -> bool:
    """Return `value` if it is true or false."""
    if not isinstance(value, bool):
        raise DecodeError("neither true nor false")
    return value
