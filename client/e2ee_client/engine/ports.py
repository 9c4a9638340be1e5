"""What the engine is given: randomness, KEM encapsulation, stored rows, settings of a new account."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from e2ee.identity import DeviceKind, DeviceList
from e2ee.ports import Encapsulate, Rng
from e2ee.recovery import RecoveryCode


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
    """Randomness, KEM encapsulation (PRM-08, PRM-09), the silence before a keep-alive (PQ-17)."""

    rng: Rng
    encapsulate: Encapsulate
    keep_alive_ms: int | None = None


class Recovery(NamedTuple):
    """The code that an account follows from. `is_typed`: a person has typed it, so that the account is
    recovered; `shown` is then the newest list that the directory had (ACC-63).
    """

    code: RecoveryCode
    is_typed: bool = False
    shown: DeviceList | None = None


@dataclass(frozen=True, slots=True)
class Setup:
    """How an account and its device are made; with `publish` it has an entry in the directory. Without
    `recovery` its key is random.
    """

    relay_url: str
    name: str | None = None
    kind: DeviceKind = DeviceKind.PERSON
    publish: bool = False
    front_desk: bool = False
    read_receipts: bool = False
    registration_secret: bytes | None = field(default=None, repr=False)
    recovery: Recovery | None = None
