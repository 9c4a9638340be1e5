"""What the verification of a transcript says: of entries, of lines that do not hold, of what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from e2ee.ids import DeviceId

from .entry import DeviceTag, EntryHash
from .kinds import Side
from .state import Phase
from .transcript_file import Head


class Verdict(Enum):
    """What is shown about who wrote an entry."""

    SIGNED = "signed"
    """A device of the company signed it, which was in force at the stated time."""
    STALE = "stale"
    """A device of the company signed it; no roster of that time is in the file."""
    ACKNOWLEDGED = "acknowledged"
    """The customer's, unsigned; the company has signed that it had it."""
    CLAIMED = "claimed"
    """The customer's, unsigned; nobody but the file says so."""


class Note(Enum):
    """What else is shown about an entry."""

    REDACTED = "redacted"
    """Its body is not in the file; header and commitment are."""
    WITHHELD = "withheld"
    """Its body is not in the file, though nobody may erase an entry of its kind (TRN-24)."""
    CONSENT = "consent"
    """It carries a receipt or a withdrawal that a device of the customer has signed."""
    OUTDATED = "outdated"
    """It carries one that stood in an entry before, or had been replaced by then (CNS-09)."""
    DEVICE = "device"
    """No device list in the file names the customer's device that it states."""
    RESTARTED = "restarted"
    """The chain of its device goes on without the entry before (TRN-07)."""
    PLACE = "place"
    """It does not stand where the order of the transcript has it (TRN-16)."""
    NUMBER = "number"
    """Another entry stands, or is named, under its number, or it names one that is not the one before."""
    RIGHT = "right"
    """A state that its author had no right to write (ROOM-10)."""
    HELD = "held"
    """A state that cannot be judged: its roster, or one before it, is not in the file (ROOM-10)."""


DOUBTED = frozenset({Note.PLACE, Note.NUMBER, Note.RIGHT, Note.WITHHELD})
"""Notes with which a transcript does not hold."""


class Fault(Enum):
    """Why a line does not hold."""

    FORM = "form"
    """It is not what a file of this form has in its place."""
    SIGNATURE = "signature"
    """A signature is wrong, missing, or where none belongs."""
    IDENTITY = "identity"
    """Of neither account, of a device or card that no signed list or roster names, or under the tag of
    another device."""
    ROOM = "room"
    """An entry of another room."""
    SHOWN = "shown"
    """What the line shows is not what its entry says."""
    REPEATED = "repeated"
    """An entry that stands in the file already."""
    IN_FORCE = "in_force"
    """A device of the company that was not in force at the stated time."""
    RIGHT = "right"
    """A kind that this side does not write (TRN-20)."""
    CONSENT = "consent"
    """A receipt or withdrawal that the stated device has not signed for this room."""


class Judged(NamedTuple):
    """An entry that holds, with the other devices of the company that have signed that they had it
    (EXP-12).
    """

    line: int
    hash: EntryHash
    device_id: DeviceId
    side: Side
    n: int
    kind: int
    sent_ms: int
    verdict: Verdict
    notes: frozenset[Note]
    witnesses: tuple[DeviceId, ...]


class Refused(NamedTuple):
    """A line that does not hold, with the hash that it shows for an entry."""

    line: int
    fault: Fault
    hash: bytes | None


class Missing(NamedTuple):
    """An entry that others name and that is not in the file, with those between it and number `after`, the
    last one below that is known; `device_id` is None for a device that the file does not know.
    """

    tag: DeviceTag
    device_id: DeviceId | None
    n: int
    hash: EntryHash
    after: int | None
    named_by: tuple[DeviceId, ...]


@dataclass(frozen=True, slots=True)
class TranscriptReport:
    """What a transcript shows. Of the lines that do not hold, `refused_count`, the first 1024 are named;
    `phase` is None where it is not known (EXP-11).
    """

    head: Head
    entries: tuple[Judged, ...]
    refused: tuple[Refused, ...]
    refused_count: int
    missing: tuple[Missing, ...]
    has_end: bool
    phase: Phase | None
    names: Mapping[DeviceId, tuple[str, ...]]

    @property
    def holds(self) -> bool:
        """Whether each line holds, nothing that is named is missing, and nothing contradicts."""
        is_clean = all(not one.notes & DOUBTED for one in self.entries)
        return self.has_end and not self.refused_count and not self.missing and is_clean

    @property
    def is_stale(self) -> bool:
        """Whether an entry, or a state, could not be judged for want of a roster or list."""
        doubts = {Note.DEVICE, Note.HELD}
        return any(one.verdict is Verdict.STALE or one.notes & doubts for one in self.entries)
