"""Maps of a room as classes: the keys are the places of the fields, from 1 on; each is read by its reader.

A reader takes a decoded value and returns it checked, or raises `DecodeError`. Sizes of texts are in bytes of
UTF-8.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, ClassVar, Final, Self, TypeAlias, cast

from e2ee.constants import HASH_B
from e2ee.errors import ContentError, DecodeError
from e2ee.identity import ListHead
from e2ee.secret import Secret
from e2ee.wire import cbor
from e2ee.wire.fields import Fields, array, bstr, uint

Reader: TypeAlias = Callable[[cbor.Value], Any]


@contextmanager
def reading_content() -> Iterator[None]:
    """Report what a content of types 8 to 11 has wrong with the code of contents (CON-03).

    Raises:
        ContentError: in place of `DecodeError`.
    """
    try:
        yield
    except DecodeError:
        raise ContentError("a content breaks the rules of chapters 16 and 17") from None


class Structure:
    """A map whose keys are the places of the fields of a frozen dataclass.

    A field that is None is null, or the key is absent where it stands in `absent`.
    """

    __slots__ = ()
    shape: ClassVar[tuple[Reader, ...]] = ()
    absent: ClassVar[frozenset[int]] = frozenset()

    @classmethod
    def of(cls, value: cbor.Value) -> Self:
        """Read the map, its values in ascending order of their keys (ID-29).

        Raises:
            DecodeError: a key is missing or unknown, a value is not what its place takes.
        """
        places = range(1, len(cls.shape) + 1)
        given = Fields(value, frozenset(places) - cls.absent, cls.absent)
        read = [
            reader(given.value(at)) if given.has(at) else None
            for at, reader in zip(places, cls.shape, strict=True)
        ]
        found = cls(*read)
        found.check()
        return found

    def check(self) -> None:
        """Refuse values that do not go together."""

    def value(self) -> cbor.Value:
        """Return the map."""
        names = cast(Any, self).__match_args__
        items = {at: plain(getattr(self, name)) for at, name in enumerate(names, start=1)}
        return {at: item for at, item in items.items() if item is not None or at not in self.absent}


def plain(value: Any) -> cbor.Value:
    """Return what a field holds as a value of CBOR."""
    if isinstance(value, Secret):
        return value.expose()
    if isinstance(value, ListHead):
        return [value.seq, value.hash]
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return int(value) if isinstance(value, IntEnum) else cast(cbor.Value, value)


def size(min_b: int, max_b: int | None = None) -> Reader:
    """Read a byte string of `min_b` bytes, or of `min_b` to `max_b`."""
    return lambda value: bstr(value, min_b, min_b if max_b is None else max_b)


def number(maximum: int, minimum: int = 0) -> Reader:
    """Read an integer from `minimum` to `maximum`."""
    return lambda value: uint(value, maximum, minimum)


def text(max_b: int) -> Reader:
    """Read a text of 1 to `max_b` bytes."""

    def read(value: cbor.Value) -> str:
        if not isinstance(value, str) or not 1 <= len(value.encode()) <= max_b:
            raise DecodeError("not a text of the right size")
        return value

    return read


def member(values: type[IntEnum]) -> Reader:
    """Read one of the numbers of an enumeration, which begin with 1."""
    return lambda value: values(uint(value, max(values), 1))


def true(value: cbor.Value) -> bool:
    """Read true."""
    if value is not True:
        raise DecodeError("a mark is true, or is not there")
    return True


def or_null(reader: Reader) -> Reader:
    """Read null as None, all else by a reader."""
    return lambda value: None if value is None else reader(value)


def several(reader: Reader, maximum: int, minimum: int = 1) -> Reader:
    """Read an array of `minimum` to `maximum` items."""
    return lambda value: tuple(reader(item) for item in array(value, minimum, maximum))


def row(*readers: Reader) -> Reader:
    """Read an array that has an item for each reader."""
    return lambda value: tuple(
        reader(item) for reader, item in zip(readers, array(value, len(readers), len(readers)), strict=True)
    )


hash_: Final = size(HASH_B)
"""Read a hash of 32 bytes."""


def check_ascending(items: Iterable[Any]) -> None:
    """Refuse items that do not ascend, or of which one is there twice.

    Raises:
        DecodeError.
    """
    if any(left >= right for left, right in itertools.pairwise(items)):
        raise DecodeError("items are not ascending")
