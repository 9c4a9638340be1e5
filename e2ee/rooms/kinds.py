"""Kinds of entries: their numbers, who may send them, which are content and which can be erased (TRN-20)."""

from __future__ import annotations

from enum import Flag, IntEnum
from typing import Final

from e2ee.errors import NoRight


class Kind(IntEnum):
    """Kinds of the registry; 11 is not used."""

    OPEN = 1
    STATE = 2
    TEXT = 3
    EDIT = 4
    ERASE = 5
    ERASED = 6
    FILE = 7
    CONSENT = 8
    WITHDRAW = 9
    ACT = 10
    NOTICE = 12
    CHANNELS = 13
    REACH = 14
    SENSITIVE = 15
    ACCESS = 16
    IDENTIFY = 17
    FORM = 18
    ANSWER = 19
    RATING = 20
    MARK = 21
    REFUSAL = 22


class Side(Flag):
    """The side of a room that writes an entry."""

    CUSTOMER = 1
    COMPANY = 2
    BOTH = 3


WRITERS: Final[dict[int, Side]] = {
    Kind.OPEN: Side.CUSTOMER,
    Kind.STATE: Side.COMPANY,
    Kind.TEXT: Side.BOTH,
    Kind.EDIT: Side.BOTH,
    Kind.ERASE: Side.BOTH,
    Kind.ERASED: Side.COMPANY,
    Kind.FILE: Side.BOTH,
    Kind.CONSENT: Side.CUSTOMER,
    Kind.WITHDRAW: Side.CUSTOMER,
    Kind.ACT: Side.CUSTOMER,
    Kind.NOTICE: Side.COMPANY,
    Kind.CHANNELS: Side.COMPANY,
    Kind.REACH: Side.CUSTOMER,
    Kind.SENSITIVE: Side.BOTH,
    Kind.ACCESS: Side.COMPANY,
    Kind.IDENTIFY: Side.CUSTOMER,
    Kind.FORM: Side.COMPANY,
    Kind.ANSWER: Side.CUSTOMER,
    Kind.RATING: Side.CUSTOMER,
    Kind.MARK: Side.BOTH,
    Kind.REFUSAL: Side.COMPANY,
}
"""Who writes a kind; a state also needs the rank of a steward (ROOM-05)."""

CONTENT: Final = frozenset(
    {Kind.TEXT, Kind.EDIT, Kind.FILE, Kind.IDENTIFY, Kind.FORM, Kind.ANSWER, Kind.RATING}
)
"""What the phase of a room lets pass or not (ROOM-19); all other kinds pass once a room is open."""

TO_READ: Final = CONTENT - {Kind.RATING}
"""What is unread until a person has read it (TRN-44)."""

ERASABLE: Final = CONTENT | {Kind.REACH}
"""What an erasure destroys (TRN-24)."""

PROOFS: Final = frozenset(Kind) - ERASABLE
"""What nobody erases: receipts, acts, states, logs."""


def check_writer(kind: int, side: Side) -> None:
    """Refuse an entry of a side that does not write its kind; an unknown kind may come from both (TRN-20).

    Raises:
        NoRight.
    """
    if side not in WRITERS.get(kind, Side.BOTH):
        raise NoRight("this side does not write entries of this kind")
