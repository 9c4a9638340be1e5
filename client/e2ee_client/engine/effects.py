"""What the engine asks its shell to do, strictly in the order given (STO-09, RLY-30).

A `Commit` is durable before the next effect is carried out: state before ciphertext, inbox before
acknowledgement.
If it fails, the effects after it are dropped and the engine is loaded again from the store.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from e2ee_client.events import Event
from e2ee_client.rows import Change


class Channel(NamedTuple):
    """A connection to a relay. `mailbox` is the one that it authenticates, or empty on a sending connection.

    `isolation` keeps the sending connections of different contacts apart (chapter 11, declared leakage).
    `foreign` marks a relay that a contact has named and that holds no mailbox of ours.
    """

    relay_url: str
    mailbox: bytes
    isolation: bytes
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class Commit:
    """Make these row changes durable in one transaction."""

    changes: tuple[Change, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Open:
    """Open a connection; report `connected` or `disconnected` later."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class Close:
    """Close a connection if it is open; no `disconnected` is reported for it."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class Transmit:
    """Send one binary message; one to a connection that is gone is dropped."""

    channel: Channel
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Notify:
    """Hand an event to the application."""

    event: Event


@dataclass(frozen=True, slots=True)
class Work:
    """Find proof of work outside the event loop and report it by this number; void with its connection."""

    channel: Channel
    number: int
    context: bytes = field(repr=False)
    bits: int


Effect: TypeAlias = Commit | Open | Close | Transmit | Notify | Work
