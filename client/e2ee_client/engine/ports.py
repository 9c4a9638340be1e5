"""What the engine is given: randomness, KEM encapsulation, stored rows, and how a new account is to be set
up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from e2ee.identity import DeviceKind
from e2ee.ports import Encapsulate, Rng


class RowReader(Protocol):
    """Reads what has been committed; a `Store` is one."""

    def get(self, table: str, key: bytes) -> bytes | None:
        """Return the value of a row, or None."""
        ...

    def items(self, table: str) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, value) in the order of first insertion."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """Randomness and KEM encapsulation (PRM-08, PRM-09), and after which silence a session is kept alive
    (PQ-17).
    """

    rng: Rng
    encapsulate: Encapsulate
    keep_alive_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Setup:
    """How a new account and its device are made. An account with `publish` has an entry in its relay's
    directory.
    """

    relay_url: str
    name: str | None = None
    kind: DeviceKind = DeviceKind.PERSON
    publish: bool = False
    front_desk: bool = False
    read_receipts: bool = False
    registration_secret: bytes | None = field(default=None, repr=False)
