"""Shapes of fields: each takes a decoded item to the value of a field, or refuses it."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Final, TypeAlias, cast

from .cbor import FrameError

MAX_UINT: Final = (1 << 64) - 1
Shape: TypeAlias = Callable[[object], object]


def as_list(value: object) -> list[object]:
    if type(value) is list:
        return cast("list[object]", value)
    raise FrameError("not an array")


def as_map(value: object) -> dict[int, object]:
    if type(value) is dict:
        return cast("dict[int, object]", value)
    raise FrameError("not a map")


def octets(least_b: int, most_b: int) -> Shape:
    def admit(value: object) -> object:
        if type(value) is bytes and least_b <= len(value) <= most_b:
            return value
        raise FrameError("byte string of the wrong type or size")

    return admit


def uint(least: int, most: int) -> Shape:
    def admit(value: object) -> object:
        if type(value) is int and least <= value <= most:
            return value
        raise FrameError("integer of the wrong type or range")

    return admit


def one_of(members: type[IntEnum]) -> Shape:
    known = {int(member): member for member in members}

    def admit(value: object) -> object:
        if type(value) is int and value in known:
            return known[value]
        raise FrameError("value outside its registry")

    return admit


def nullable(shape: Shape) -> Shape:
    def admit(value: object) -> object:
        return None if value is None else shape(value)

    return admit


def many(shape: Shape, least: int, most: int) -> Shape:
    def admit(value: object) -> object:
        values = as_list(value)
        if least <= len(values) <= most:
            return tuple([shape(one) for one in values])
        raise FrameError("array of the wrong length")

    return admit


def flag(value: object) -> object:
    if type(value) is bool:
        return value
    raise FrameError("not a boolean")


def text(least_b: int, most_b: int) -> Shape:
    def admit(value: object) -> object:
        if type(value) is str and least_b <= len(value.encode()) <= most_b:
            return value
        raise FrameError("text of the wrong type or size")

    return admit


def row(make: Callable[..., object], *shapes: Shape) -> Shape:
    """Return the shape of a fixed array: one item of a batch."""

    def admit(value: object) -> object:
        values = as_list(value)
        if len(values) == len(shapes):
            return make(*[shape(one) for shape, one in zip(shapes, values, strict=True)])
        raise FrameError("batch item of the wrong length")

    return admit


def as_uint(value: object) -> int:
    if type(value) is int and 0 <= value <= MAX_UINT:
        return value
    raise FrameError("integer of the wrong type or range")
