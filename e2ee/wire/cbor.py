"""Strict deterministic CBOR: one encoding for each value, nothing else accepted (WIRE-01 to WIRE-04)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias, cast

import cbor2

from e2ee.constants import MAX_CBOR_DEPTH, MAX_ENVELOPE_B
from e2ee.errors import DecodeError, InvalidArgument

Value: TypeAlias = "int | bytes | str | bool | Sequence[Value] | Mapping[int, Value] | None"

_MAX_UINT: Final = 2**64 - 1
_MIN_INT: Final = -(2**64)
_STRINGS: Final = frozenset({bytes, str, bool, type(None)})


def _refuse_tag(*_: object) -> None:
    raise cbor2.CBORDecodeError("tag")


# cbor2 decodes these tags by itself, some at a cost that the sender chooses; each is refused before that.
_REFUSED_TAGS: Final = dict.fromkeys((*range(512), 1004, 43000, 55799), _refuse_tag)


def decode(encoded: bytes, max_b: int = MAX_ENVELOPE_B) -> Value:
    """Decode one item; arrays become lists, maps become dicts with integer keys.

    Raises:
        DecodeError: not accepted or not deterministic, trailing bytes, too deep, or longer than `max_b`.
    """
    if not encoded or len(encoded) > max_b:
        raise DecodeError("empty or too long")
    try:
        value: object = cbor2.loads(
            encoded,
            semantic_decoders=_REFUSED_TAGS,
            tag_hook=_refuse_tag,
            max_depth=MAX_CBOR_DEPTH + 1,
            allow_indefinite=False,
            allow_duplicate_keys=False,
        )
        if not _in_order([value]):
            raise DecodeError("map keys out of order")
    except (cbor2.CBORError, InvalidArgument, ValueError, TypeError, OverflowError, MemoryError):
        raise DecodeError("not an accepted CBOR item") from None
    if cbor2.dumps(value) != encoded:
        raise DecodeError("not deterministic CBOR")
    return cast(Value, value)


def encode(value: Value) -> bytes:
    """Encode in core deterministic form (RFC 8949, 4.2.1).

    Raises:
        InvalidArgument: a type, range or depth outside WIRE-01 to WIRE-03.
    """
    try:
        return cbor2.dumps(value, canonical=not _in_order([value]))
    except (cbor2.CBORError, UnicodeEncodeError):
        raise InvalidArgument("not an encodable value") from None


def _in_order(values: Iterable[Any], depth: int = 0) -> bool:
    """Refuse what WIRE-01 does not list; return whether every map has its keys in ascending order.

    Every value is checked, even after one out of order.
    """
    ordered = True
    for value in values:
        kind = type(value)
        if kind in _STRINGS:
            continue
        if kind is int:
            if not _MIN_INT <= value <= _MAX_UINT:
                raise InvalidArgument("integer beyond 64 bit")
        elif depth >= MAX_CBOR_DEPTH:
            raise InvalidArgument("nested too deep, or a type outside the accepted set")
        elif kind is dict:
            ordered = _keys_in_order(value) and ordered
            ordered = _in_order(value.values(), depth + 1) and ordered
        elif kind is list or kind is tuple:
            ordered = _in_order(value, depth + 1) and ordered
        else:
            raise InvalidArgument("a type outside the accepted set")
    return ordered


def _keys_in_order(entries: dict[object, object]) -> bool:
    previous, ordered = -1, True
    for key in entries:
        if type(key) is not int or not 0 <= key <= _MAX_UINT:
            raise InvalidArgument("map key is not an unsigned integer")
        ordered, previous = ordered and key > previous, key
    return ordered
