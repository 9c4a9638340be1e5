"""Messages as JSON: strict in reading, the same for every class of the schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NoReturn, Union, cast, get_args, get_origin, get_type_hints

from . import schema
from .schema import FromPage, ToPage

Check = Callable[[Any], Any]
MESSAGE_MAX_B: Final = 409_600
"""A text of 65 536 bytes may take six times as much in JSON."""


class MessageInvalid(Exception):
    """What came is no message of the schema."""


class OutOfBounds(Exception):
    """What came asks for something, by its number, with a text or number beyond its bounds."""

    def __init__(self, ask: int) -> None:
        super().__init__("beyond its bounds")
        self.ask = ask


class _Beyond(Exception):
    """A value of the right kind is beyond its bounds."""


def decode(text: str) -> FromPage:
    """Read a message of the page.

    Raises:
        MessageInvalid: not JSON, or not exactly a message of the schema.
        OutOfBounds: it is, but for what a field may hold.
    """
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_float=_refuse, parse_constant=_refuse, parse_int=_integer
        )
    except (ValueError, RecursionError):
        raise MessageInvalid("not JSON") from None
    if not isinstance(value, dict):
        raise MessageInvalid("not an object")
    kind = _kinds().get(value.pop("type", None) if isinstance(value.get("type"), str) else "")
    if kind is None:
        raise MessageInvalid("not a message of the schema")
    try:
        return cast(FromPage, _record(kind, value))
    except _Beyond:
        raise OutOfBounds(_asked(value)) from None


def _asked(value: dict[str, Any]) -> int:
    try:
        return cast(int, _check(schema.AskNumber)(value.get("ask")))
    except _Beyond:
        raise MessageInvalid("not a number to answer with") from None


def encode(message: ToPage) -> str:
    """Write a message for the page."""
    found: dict[str, Any] = {"type": type_name(type(message))} | cast(dict[str, Any], plain(message))
    return json.dumps(found, ensure_ascii=False, separators=(",", ":"))


def plain(value: object) -> object:
    """Return a value of the schema as JSON has it."""
    if is_dataclass(value) and not isinstance(value, type):
        return {camel(name): plain(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, tuple):
        return [plain(one) for one in value]
    return value


def camel(name: str) -> str:
    """Return the name of a field as it stands in JSON."""
    first, *others = name.split("_")
    return first + "".join(one.capitalize() for one in others)


def type_name(kind: type) -> str:
    """Return what stands in `type` for a class."""
    return kind.__name__[0].lower() + kind.__name__[1:]


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(one.name for one in fields(kind))


@cache
def _kinds() -> dict[str, type]:
    return {type_name(one): one for one in get_args(FromPage)}


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _refuse(_: str) -> NoReturn:
    raise ValueError("not an integer")


def _integer(digits: str) -> int:
    if len(digits) > 20:
        raise ValueError("too many digits")
    return int(digits)


# --- reading ---


@cache
def _checks(kind: type) -> dict[str, tuple[str, Check]]:
    """For each name in JSON the name of the field, and what reads it."""
    hints = get_type_hints(kind, dict(vars(schema)), include_extras=True)
    return {camel(name): (name, _check(hints[name])) for name in _names(kind)}


def _record(kind: type, value: Any) -> Any:
    checks = _checks(kind)
    if not isinstance(value, dict) or value.keys() != checks.keys():
        raise MessageInvalid("a field is missing or too much")
    return kind(**{checks[name][0]: checks[name][1](one) for name, one in value.items()})


def _check(hint: Any) -> Check:
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _bounded(_check(args[0]), args[1:])
    if origin is Literal:
        return lambda value: _is(value, isinstance(value, str) and value in args)
    if origin is tuple:
        return _several(_check(args[0]))
    if origin in (Union, UnionType):
        inner = _check(next(one for one in args if one is not NoneType))
        return lambda value: None if value is None else inner(value)
    if is_dataclass(hint):
        return lambda value: _record(cast(type, hint), value)
    return lambda value: _is(value, type(value) is hint)


def _is(value: Any, holds: bool) -> Any:
    if not holds:
        raise MessageInvalid("a value of another kind")
    return value


def _bounded(check: Check, bounds: tuple[Any, ...]) -> Check:
    def read(value: Any) -> Any:
        found = check(value)
        if not all(one.holds(found) for one in bounds):
            raise _Beyond
        return found

    return read


def _several(check: Check) -> Check:
    def read(value: Any) -> Any:
        _is(value, isinstance(value, list))
        return tuple(check(one) for one in value)

    return read
