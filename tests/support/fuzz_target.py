"""A fuzz target: a decoder of bytes from outside, the errors that it may raise, and what holds else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

ACCEPTED: Final = "accepted"


class Shape(Enum):
    """What a mutator has to know of a target's input to get past its first check."""

    BYTES = "bytes"
    CBOR = "cbor"
    TEXT = "text"


class OracleBroken(AssertionError):
    """The decoder accepted something for which its promise does not hold."""


@dataclass(frozen=True, slots=True)
class Target:
    """One decoder. `decode` reads the input; `holds` checks what it accepted and raises on a broken promise.

    `may_raise` lists exact classes: a base class or a subclass that nobody listed is a finding. `sizes` are
    the only sizes that the decoder looks at, if there are such.
    """

    name: str
    decode: Callable[[bytes], Any]
    holds: Callable[[bytes, Any], None]
    may_raise: frozenset[type[Exception]]
    seeds: Callable[[], Iterable[bytes]]
    shape: Shape = Shape.BYTES
    max_b: int = 4096
    sizes: tuple[int, ...] = ()
    tokens: tuple[bytes, ...] = ()


def require(holds: bool, promise: str) -> None:
    """Raise unless the promise holds; it stays in force where assertions are switched off."""
    if not holds:
        raise OracleBroken(promise)


def run(target: Target, data: bytes) -> str:
    """Return how the input ended: "accepted", or the name of a listed error. Whatever else is raised is a
    finding.
    """
    listed = tuple(target.may_raise)
    try:
        value = target.decode(data)
    except listed as error:
        if type(error) not in target.may_raise:
            raise
        return type(error).__name__
    target.holds(data, value)
    return ACCEPTED
