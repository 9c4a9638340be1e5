"""Rows of a room: a small one that lists it, and one with all that changes with each entry.

room       index: what a list of rooms shows; a thousand of them are loaded at once
room_live  chains, what is asked for and waited for; loaded when the room is touched
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from e2ee.ids import AccountId, DeviceId
from e2ee.rooms.consent import RoomConsent
from e2ee.rooms.desk import Board
from e2ee.rooms.entry import ROOM_ID_B, DeviceTag, EntryHash, RoomId
from e2ee.rooms.forward import Handover
from e2ee.rooms.payloads import Outcome
from e2ee.rooms.signals import Request
from e2ee.rooms.transcript import View
from e2ee_client.engine.row_codec import Row


class Early(NamedTuple):
    """An entry of a device that no state which is here names yet (ROOM-16)."""

    device_id: DeviceId
    hash: EntryHash
    header: bytes
    body: bytes
    signature: bytes
    received_ms: int


class Asking(NamedTuple):
    """What we ask for, when we asked last, how often, and when we ask next (TRN-14)."""

    ranges: tuple[tuple[DeviceTag, int, int], ...] = ()
    asked_ms: int = 0
    times: int = 0
    due_ms: int | None = None


class Sought(NamedTuple):
    """A held state: since when and how often what it lacks was asked for, and whether no longer (ROOM-53)."""

    hash: EntryHash
    since_ms: int
    times: int
    is_over: bool = False


class Behind(NamedTuple):
    """Our copy of a room may be old: how often we asked what came behind it, and when we ask next; None: from
    the next start on. `heard`: who has answered; once nothing is missing of that it is not `is_old` any more,
    and the other devices of the customer alone are asked (ROOM-86).
    """

    times: int = 0
    due_ms: int | None = None
    heard: tuple[DeviceId, ...] = ()
    is_old: bool = True


class Pending(NamedTuple):
    """A request that waits for us, or, with `asked`, for a person (ROOM-22)."""

    sender: DeviceId
    request: Request
    due_ms: int
    asked: bool = False


class Hearsay(NamedTuple):
    """An entry of the customer by another device's word, until a hash of its own device covers it."""

    tag: DeviceTag
    n: int
    hash: EntryHash
    by: DeviceTag


class Order(NamedTuple):
    """An order to erase, or a mark: which entries, whose order, since when."""

    by: EntryHash
    hashes: tuple[EntryHash, ...]
    since_ms: int
    is_mark: bool


class Gone(NamedTuple):
    """An entry that was to be erased and was not here when that was done; whose order it was (ROOM-44)."""

    by: EntryHash
    hash: EntryHash


class Answer(NamedTuple):
    """What a device of the company has said, signed, of an erasure (ROOM-45)."""

    device_id: DeviceId
    outcome: Outcome
    until_ms: int | None
    answered_ms: int


class Erasure(NamedTuple):
    """An order to erase, of whom an answer is due, and what was answered; `hashes` is () for the room."""

    by: EntryHash
    hashes: tuple[EntryHash, ...]
    asked_ms: int
    due_from: tuple[DeviceId, ...]
    answers: tuple[Answer, ...] = ()
    is_told: bool = False

    @property
    def named(self) -> tuple[EntryHash, ...]:
        """What an answer to it names: the same entries, of the whole room the order itself (ROOM-45)."""
        return self.hashes or (self.by,)

    @property
    def missing(self) -> tuple[DeviceId, ...]:
        """Who has not said that it is done."""
        done = {one.device_id for one in self.answers if one.outcome is Outcome.DONE}
        return tuple(one for one in self.due_from if one not in done)


class Look(NamedTuple):
    """What the timers of a room go by, when they look next, the first segment that they look at, and the
    newest time that was stored: where it is ahead of the clock, that was put back.
    """

    terms: tuple[int, ...] = ()
    at_ms: int | None = None
    segment: int = 0
    newest_ms: int = 0


@dataclass(slots=True)
class RoomIndex(Row):
    """What a list of rooms shows, and when the room is to be looked at next."""

    TABLE: ClassVar[str] = "room"
    KEY: ClassVar = (("room_id", ROOM_ID_B),)
    room_id: RoomId
    company: AccountId
    customer: AccountId | None
    phase: int = 0
    members: tuple[DeviceId, ...] = ()
    assigned: DeviceId | None = None
    is_sensitive: bool = False
    on_hold: bool = False
    last_ms: int = 0
    unread: int = 0
    wake_ms: int | None = None
    is_consented: bool = False


@dataclass(slots=True)
class LiveRoom(Row):
    """All of a room that is neither an entry nor in the list of rooms."""

    TABLE: ClassVar[str] = "room_live"
    KEY: ClassVar = (("room_id", ROOM_ID_B),)
    room_id: RoomId
    company: AccountId
    customer: AccountId | None
    view: View
    root: EntryHash | None = None
    root_content: EntryHash | None = None
    opened_ms: int = 0
    opened_to: tuple[DeviceId, ...] = ()
    acts: tuple[EntryHash, ...] = ()
    given: dict[bytes, int] = field(default_factory=dict)
    informed: tuple[tuple[DeviceId, EntryHash], ...] = ()
    named: EntryHash | None = None
    is_recipient: bool = False
    greets: bool = False
    restarts: bool = False
    restarted_ms: int = 0
    asking: Asking = field(default_factory=Asking)
    asked: tuple[tuple[DeviceTag, int, int], ...] = ()
    sought: tuple[Sought, ...] = ()
    shown_gaps: tuple[tuple[DeviceTag, int], ...] = ()
    early: tuple[Early, ...] = ()
    hearsay: tuple[Hearsay, ...] = ()
    unsent: tuple[EntryHash, ...] = ()
    handovers: tuple[Handover, ...] = ()
    board: Board = field(default_factory=Board)
    pending: tuple[Pending, ...] = ()
    consent: RoomConsent = field(default_factory=RoomConsent)
    consents: tuple[EntryHash, ...] = ()
    mark_delay_ms: int = 0
    marks_at_once: bool = False
    waited: tuple[int, int] = (0, 0)
    closed_ms: int = 0
    retry_ms: int = 0
    orders: tuple[Order, ...] = ()
    erasures: tuple[Erasure, ...] = ()
    gone: tuple[Gone, ...] = ()
    emptied: EntryHash | None = None
    exported_ms: int | None = None
    look: Look = field(default_factory=Look)
    sweep_ms: int | None = None
    linked: tuple[tuple[DeviceId, DeviceTag, int], ...] = ()
    served: tuple[DeviceId, ...] = ()
    away: tuple[DeviceId, ...] = ()
    lacking: tuple[tuple[DeviceId, int], ...] = ()
    behind: Behind | None = None
    caught_up_ms: int = 0
