"""A decoder with a bug behind five checks: what the fuzzer must find, else its silence means nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fuzz_target import Shape, Target, require

from e2ee.errors import DecodeError
from e2ee.wire import cbor

_NAME: Final = b"planted"
_LONG_B: Final = 60


def _decode(data: bytes) -> bytes:
    value = cbor.decode(data)
    if not isinstance(value, dict) or list(value) != [1, 2, 3]:
        raise DecodeError("not a map with three keys")
    count, name, rest = value[1], value[2], value[3]
    if name != _NAME or not isinstance(rest, bytes):
        raise DecodeError("not the structure")
    if type(count) is int and count >= 2**31 and len(rest) > _LONG_B:
        raise IndexError("the planted bug")
    return rest


def _holds(_: bytes, rest: bytes) -> None:
    require(isinstance(rest, bytes), "a byte string")


def _seeds() -> Iterator[bytes]:
    yield cbor.encode({1: 5, 2: _NAME, 3: b"harmless"})


TARGET: Final = Target("planted", _decode, _holds, frozenset({DecodeError}), _seeds, Shape.CBOR, 256)
TARGETS: Final = (TARGET,)
