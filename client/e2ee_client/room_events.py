"""What rooms tell their application. Frozen values; texts and evidence stay out of their repr."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias


class EntryProgress(Enum):
    """How far an entry of ours has come."""

    WAITING = "waiting"
    """Written; there is nobody in force to whom it may go."""
    SENT = "sent"
    """On its way to every recipient."""
    DELIVERED = "delivered"
    """A device of the other side, or of our own, has it on disk."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class OfRoom:
    """What all events of rooms have in common."""

    room_id: bytes


@dataclass(frozen=True, slots=True)
class EntryAdded(OfRoom):
    """An entry is in the transcript. `forwarded_by` is set where only that device vouches for it (TRN-17);
    `is_late` where it stands above what was there before (TRN-27); `is_history` where it is nothing new to
    answer: it was handed over, or shown as forwarded before, or is a state that is valid only now (ROOM-71).
    """

    entry_hash: bytes
    kind: int
    account_id: bytes
    device_id: bytes
    sent_ms: int
    is_late: bool = False
    forwarded_by: bytes | None = None
    is_history: bool = False


@dataclass(frozen=True, slots=True)
class EntryState(OfRoom):
    """An entry of ours came further. `device_id` is who has it. `FAILED`: a content that no device of the
    other side has or may get; `code` says why, `device_id` is who lost it last (TRN-57).
    """

    entry_hash: bytes
    progress: EntryProgress
    device_id: bytes | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class EntryRefused(OfRoom):
    """An entry was not taken, or a state was found invalid; `code` is that of the registry."""

    entry_hash: bytes
    device_id: bytes
    code: str


@dataclass(frozen=True, slots=True)
class EntryErased(OfRoom):
    """An entry is hidden, or its body is gone from this device (ROOM-26, ROOM-17)."""

    entry_hash: bytes
    kind: int
    is_destroyed: bool


@dataclass(frozen=True, slots=True)
class ErasureAnswered(OfRoom):
    """A device of the company has signed what it did about an order to erase: `done`, or `hold` or `class`,
    which stand above it; `entry_hash` is the order's (ROOM-45).
    """

    entry_hash: bytes
    device_id: bytes
    outcome: str
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class ErasureUnanswered(OfRoom):
    """Devices of the company that have not said within seven days that an order to erase is carried out
    (ROOM-45).
    """

    entry_hash: bytes
    devices: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class RoomChanged(OfRoom):
    """What holds in a room is another: phase 0 is before its `open`, members are devices of the company."""

    phase: int
    members: tuple[bytes, ...]
    assigned: bytes | None
    is_sensitive: bool
    on_hold: bool


@dataclass(frozen=True, slots=True)
class WaitingChanged(OfRoom):
    """A customer waits for somebody of a team, or, with None, no longer (ROOM-23)."""

    team: str | None
    language: str | None = None
    since_ms: int = 0


@dataclass(frozen=True, slots=True)
class GapShown(OfRoom):
    """Entries of a device are missing and asked for; `given_up` after seven days (TRN-13), as is what a state
    needs to be judged (ROOM-53).
    """

    device_id: bytes
    first: int
    last: int
    given_up: bool = False


@dataclass(frozen=True, slots=True)
class GapClosed(OfRoom):
    """Nothing of a device is missing any more."""

    device_id: bytes


@dataclass(frozen=True, slots=True)
class Differ(OfRoom):
    """Two hashes are known for one entry, one of them by hearsay; `by` is whose entry showed it (TRN-09)."""

    device_id: bytes
    n: int
    by: bytes


@dataclass(frozen=True, slots=True)
class Equivocation(OfRoom):
    """A device of the company has signed two entries under one number; `evidence` has both (TRN-09)."""

    device_id: bytes
    n: int
    evidence: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ChainRestarted(OfRoom):
    """A device goes on after a loss; of ours, `needs_person` where it would be the second time in a day
    (TRN-07).
    """

    device_id: bytes
    n: int
    needs_person: bool = False


@dataclass(frozen=True, slots=True)
class RequestAsked(OfRoom):
    """A device asks a steward for something that a person decides (ROOM-22)."""

    request_id: bytes
    device_id: bytes
    what: int
    about: bytes | None
    reason: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class RequestAnswered(OfRoom):
    """A request of ours was granted by a state; with a code it was refused."""

    request_id: bytes
    code: str = ""


@dataclass(frozen=True, slots=True)
class ConsentChanged(OfRoom):
    """Another receipt or withdrawal counts (CNS-09)."""

    seq: int
    is_withdrawn: bool


@dataclass(frozen=True, slots=True)
class DeskCalled(OfRoom):
    """The customer calls a desk into the room."""

    device_id: bytes


@dataclass(frozen=True, slots=True)
class HistoryHandedOver(OfRoom):
    """A steward has given a colleague so many entries from before (TRN-18); all of the room are told."""

    device_id: bytes
    to: bytes
    count: int


@dataclass(frozen=True, slots=True)
class FreezeUndecided(OfRoom):
    """A customer's objection waits for a supervisor; at `ends_ms` the room is closed (ROOM-37)."""

    ends_ms: int


@dataclass(frozen=True, slots=True)
class IdentifyAsked(OfRoom):
    """A customer's login waits for a steward: no steward has confirmed these devices of it (CNS-16)."""

    entry_hash: bytes
    devices: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class IdentifyAnswered(OfRoom):
    """A login counts; with a code a steward has refused it (CNS-42)."""

    entry_hash: bytes
    code: str = ""


@dataclass(frozen=True, slots=True)
class SignedOut(OfRoom):
    """The customer has signed out: from here on the room is of nobody known (CNS-56)."""

    device_id: bytes


@dataclass(frozen=True, slots=True)
class FileProgress(OfRoom):
    """So much of a file has come or gone. `file_id` is 16 bytes of one that is sent, or the entry's hash."""

    file_id: bytes
    done_b: int
    size_b: int
    is_upload: bool


@dataclass(frozen=True, slots=True)
class FileFailed(OfRoom):
    """A file will not come or go; `code` says why."""

    file_id: bytes
    code: str


@dataclass(frozen=True, slots=True)
class FileHeld(OfRoom):
    """A device has a whole file on disk (FIL-14)."""

    entry_hash: bytes
    device_id: bytes


@dataclass(frozen=True, slots=True)
class FileDropped(OfRoom):
    """All to whom a file went hold it: the relay loses it."""

    entry_hash: bytes


@dataclass(frozen=True, slots=True)
class FileExpiring(OfRoom):
    """A file that is not here will soon be gone from the relay, or is (FIL-15)."""

    entry_hash: bytes
    expires_ms: int
    is_over: bool = False


RoomEvent: TypeAlias = (
    EntryAdded | EntryState | EntryRefused | EntryErased | RoomChanged | WaitingChanged | GapShown | GapClosed
) | (
    (Differ | Equivocation | ChainRestarted | RequestAsked | RequestAnswered | ConsentChanged | DeskCalled)
    | (ErasureAnswered | ErasureUnanswered | HistoryHandedOver | FreezeUndecided)
    | (IdentifyAsked | IdentifyAnswered | SignedOut)
    | (FileProgress | FileFailed | FileHeld | FileDropped | FileExpiring)
)
