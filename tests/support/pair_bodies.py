"""What two devices of a simulated pair say to each other, what they keep, and what they need from around."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from symbolic_ratchet import Envelope, Prefix, Ratchet

from e2ee.content import Sync
from e2ee.ids import DhPublic
from e2ee.numbers import Number

if TYPE_CHECKING:
    from pair_device import Device


@dataclass(frozen=True, slots=True)
class Bundle:
    """Public prekeys of a device."""

    prekey_id: int
    prekey: int
    ends_ms: int
    identity: int
    one_time: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class TextBody:
    """A text of the sender."""

    text_id: int
    number: Number


@dataclass(frozen=True, slots=True)
class ReceiptBody:
    """Texts that have arrived."""

    text_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SyncBody:
    """A sync, with a bundle in the weekly ask of a device that publishes none."""

    sync: Sync
    bundle: Bundle | None = None


Content: TypeAlias = TextBody | ReceiptBody | SyncBody


@dataclass(frozen=True, slots=True)
class Body:
    """A content, and what stands beside it under a prefix."""

    content: Content
    epoch: int | None = None
    bundle: Bundle | None = None


@dataclass
class SessionState:
    """What an engine keeps of a session beside its standing."""

    ratchet: Ratchet
    prefix: Prefix | None
    bundle: Bundle | None = None


class World(Protocol):
    """What a device needs from around it."""

    def fresh(self) -> int:
        """Return a number that was never given."""
        ...

    def now_ms(self, name: str) -> int:
        """Return what the clock of a device shows."""
        ...

    def post(self, sender: Device, envelope: Envelope) -> None:
        """Hand an envelope to the relay."""
        ...

    def bundle_of_peer(self, device: Device, *, again: bool) -> Bundle | None:
        """Return prekeys of the peer that a device can get at."""
        ...

    def fault(self, what: str) -> None:
        """Note that a rule was broken."""
        ...

    def count(self, what: str, times: int = 1) -> None:
        """Count what has happened."""
        ...


@dataclass
class Faults:
    """Rules that a device breaks on purpose, so that a run can show that this would be seen."""

    drops_at_unknown: bool = False
    resends_early: bool = False
    newest_end: bool = False
    resends_nothing: bool = False


def other(name: str) -> str:
    """Return the name of the other device."""
    return "B" if name == "A" else "A"


def public(key: int) -> DhPublic:
    """Return a symbolic ratchet key as the bytes that a pair keeps of it."""
    return DhPublic(key.to_bytes(32, "little"))
