"""Records as rows of the store: CBOR arrays of a version and the record's fields, in their order (STO-08).

The annotations of a record are the layout of its row. Bytes, texts, integers, truth values and None stand in
it as they are, a mapping as pairs, a member of an enumeration as its ordinal, a key as its bytes, a record of
a device as the bytes that it came in, a map of a room as it is, any other data class or named tuple as an
array. Fields that the constructor does not take are not stored.

Rows are authenticated by the store, so a row that does not decode is a fault of the store or of a newer
program: `StoreCorrupt`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from enum import Enum
from functools import cache, partial
from types import UnionType
from typing import Any, ClassVar, Final, Self, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from e2ee.errors import E2eeError
from e2ee.identity import DeviceList, DeviceRecord
from e2ee.prekeys import CompactBundle, decode_compact, encode_compact
from e2ee.rooms.structure import Structure
from e2ee.secret import Secret
from e2ee.wire import cbor
from e2ee_client.errors import StoreCorrupt
from e2ee_client.rows import Put

FORMAT: Final = 8
_ROW_MAX_B: Final = 4 * 1024 * 1024
"""What a store takes (STO-08): a mailbox has 70 bytes for each contact that has a token of its own."""
_PLAIN: Final = frozenset({bytes, str, int, bool, type(None)})

R = TypeVar("R")
Decode = Callable[[cbor.Value], Any]


class Row:
    """A record that is a row of a table. `KEY` names the fields that make up its key, with their sizes."""

    __slots__ = ()
    TABLE: ClassVar[str]
    PREFIX: ClassVar[bytes] = b""
    KEY: ClassVar[tuple[tuple[str, int], ...]] = ()

    @classmethod
    def key_of(cls, *values: bytes | int) -> bytes:
        """Return the key of the row that has these values of the fields in `KEY`."""
        parts = [
            value if isinstance(value, bytes) else value.to_bytes(size_b, "big")
            for value, (_, size_b) in zip(values, cls.KEY, strict=True)
        ]
        return cls.PREFIX + b"".join(parts)

    @property
    def key(self) -> bytes:
        """Key of the row."""
        return self.key_of(*(getattr(self, name) for name, _ in self.KEY))

    def put(self) -> Put:
        """Return the row."""
        return Put(self.TABLE, self.key, to_bytes(self))

    @classmethod
    def decode(cls, key: bytes, row: bytes) -> Self:
        """Rebuild from key and value; those of a backup come from a file (STO-26).

        Raises:
            StoreCorrupt: another version, or a part that does not fit.
        """
        kind: Any = cls
        start, found = len(cls.PREFIX), dict[str, Any]()
        for name, size_b in cls.KEY:
            found[name] = _placed(_hints(kind)[name], key[start : start + size_b])
            start += size_b
        if len(key) != start:
            raise StoreCorrupt("a stored row has another place")
        record: Self = from_bytes(kind, row, found)
        return record


@contextmanager
def stored_parts() -> Iterator[None]:
    """Report whatever the core refuses in a part of a row as a fault of the store, not of a peer."""
    try:
        yield
    except E2eeError:
        raise StoreCorrupt("a part of a stored row does not fit") from None


def to_bytes(record: Any) -> bytes:
    """Return a record as it stands in a row: its version, then its fields.

    Raises:
        TypeError: a field has a value of another type than its annotation: it would not be read again.
    """
    return cbor.encode([FORMAT, *to_array(record)])


def from_bytes(kind: type[R], row: bytes, placed: Mapping[str, Any] | None = None) -> R:
    """Rebuild a record; `placed` are the fields that stand in the key of its row.

    Raises:
        StoreCorrupt: another version, or a part that does not fit.
    """
    with stored_parts():
        values = cbor.decode(row, _ROW_MAX_B)
        if not isinstance(values, list) or values[:1] != [FORMAT]:
            raise StoreCorrupt("a stored row has another version")
        record: R = _record(kind, values[1:], placed or {})
        return record


def to_array(record: Any) -> list[cbor.Value]:
    """Return the stored fields of a record, in order.

    Raises:
        TypeError: as `to_bytes`.
    """
    kind: Any = type(record)
    return [_field(name, getattr(record, name), types) for name, types in _types(kind)]


def from_array(kind: type[R], value: cbor.Value) -> R:
    """Rebuild a record from its stored fields.

    Raises:
        StoreCorrupt: one does not fit.
    """
    with stored_parts():
        record: R = _record(kind, value, {})
        return record


# --- records and their fields ---


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


@cache
def _layout(kind: Any) -> Mapping[str, Decode]:
    """Return the fields that stand in the array of a record, in order, each with what reads it."""
    names: Sequence[str] = getattr(kind, "_fields", ()) or [one.name for one in fields(kind) if one.init]
    placed = dict(getattr(kind, "KEY", ()))
    return {name: _decoder(_hints(kind)[name]) for name in names if name not in placed}


@cache
def _types(kind: Any) -> Sequence[tuple[str, tuple[type, ...]]]:
    """Return the stored fields of a record, in order, each with the types that its value may have."""
    return [(name, _types_of(_hints(kind)[name])) for name in _layout(kind)]


def _types_of(hint: Any) -> tuple[type, ...]:
    hint = getattr(hint, "__supertype__", hint)
    origin = get_origin(hint)
    if origin in (UnionType, Union):
        return tuple(found for one in get_args(hint) for found in _types_of(one))
    return (origin or hint,)


def _field(name: str, value: Any, types: tuple[type, ...]) -> cbor.Value:
    if type(value) not in types and (type(value) in _PLAIN or not isinstance(value, types)):
        raise TypeError(f"{name} has another type")
    return _encode(value)


def _record(kind: Any, value: cbor.Value, placed: Mapping[str, Any]) -> Any:
    layout = _layout(kind)
    items = zip(layout.items(), _items(value, len(layout)), strict=True)
    return kind(**placed, **{name: read(item) for (name, read), item in items})


def _encode(value: Any) -> cbor.Value:
    if type(value) in _PLAIN:
        return cast(cbor.Value, value)
    match value:
        case Enum():
            return _members(type(value)).index(value)
        case Secret():
            return value.expose()
        case DeviceRecord():
            return value.encoded
        case DeviceList():
            return [value.account_id, value.signed]
        case CompactBundle():
            return encode_compact(value)
        case Structure():
            return value.value()
        case dict():
            return [[_encode(key), _encode(item)] for key, item in value.items()]
        case list() | tuple():
            return [_encode(item) for item in value]
        case _:
            return to_array(value)


@cache
def _decoder(kind: Any) -> Decode:
    """Return what reads a value of this type."""
    kind = getattr(kind, "__supertype__", kind)
    parts = [_decoder(one) for one in get_args(kind) if one not in (type(None), Ellipsis)]
    origin = get_origin(kind)
    if kind in _PLAIN:
        return partial(_plain, kind)
    if kind in _DECODERS:
        return _DECODERS[kind]
    if origin is not None:
        return _container(origin, parts, get_args(kind))
    if issubclass(kind, Enum):
        return lambda value: _member(kind, value)
    if issubclass(kind, Secret):
        return lambda value: kind(_plain(bytes, value))
    if issubclass(kind, Structure):
        structure: Decode = kind.of
        return structure
    return lambda value: _record(kind, value, {})


def _container(origin: Any, parts: Sequence[Decode], arguments: Sequence[Any]) -> Decode:
    """Return what reads a value of several parts, or one that may be None."""
    if origin in (UnionType, Union):
        return lambda value: None if value is None else parts[0](value)
    if origin is list:
        return lambda value: [parts[0](item) for item in _items(value)]
    if origin in (dict, Mapping):
        return lambda value: dict(_tuple(parts, item) for item in _items(value))
    if arguments[-1] is Ellipsis:
        return lambda value: tuple(parts[0](item) for item in _items(value))
    return lambda value: _tuple(parts, value)


_DECODERS: Final[Mapping[type, Decode]] = {
    DeviceRecord: lambda value: DeviceRecord.decode(_plain(bytes, value)),
    DeviceList: lambda value: DeviceList.verify(*_tuple([_decoder(bytes), _decoder(bytes)], value)),
    CompactBundle: decode_compact,
}


def _plain(kind: type[R], value: cbor.Value) -> R:
    if type(value) is not kind:
        raise StoreCorrupt("a stored row has another shape")
    return value


def _items(value: cbor.Value, length: int | None = None) -> Sequence[cbor.Value]:
    if not isinstance(value, list) or (length is not None and len(value) != length):
        raise StoreCorrupt("a stored row has another shape")
    return cast("Sequence[cbor.Value]", value)


def _tuple(parts: Sequence[Decode], value: cbor.Value) -> tuple[Any, ...]:
    return tuple(read(item) for read, item in zip(parts, _items(value, len(parts)), strict=True))


@cache
def _members(kind: type[Enum]) -> Sequence[Enum]:
    return tuple(kind)


def _member(kind: type[Enum], value: cbor.Value) -> Enum:
    members, index = _members(kind), _plain(int, value)
    if not 0 <= index < len(members):
        raise StoreCorrupt("a stored row has another shape")
    return members[index]


def _placed(kind: Any, part: bytes) -> Any:
    kind = getattr(kind, "__supertype__", kind)
    if kind is bytes:
        return part
    number = int.from_bytes(part, "big")
    if kind is bool and number > 1:
        raise StoreCorrupt("a stored row has another place")
    return kind(number)
