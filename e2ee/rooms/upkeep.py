"""What of the company's signed structures is to be made anew, and when nothing may be signed (chapter 15)."""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple

from e2ee.errors import SigningUnsure
from e2ee.identity import DeviceList

from .team import Standing

_DAY_MS: Final = 86_400_000
_REMINDERS_DAYS: Final = (2, 7, 14)


class KeyPlace(Enum):
    """Where a company keeps its account key."""

    HERE = "here"
    """In the store of the first front desk, which renews by itself."""
    OFFLINE = "offline"
    """Elsewhere; a person renews, and is reminded."""


class Due(NamedTuple):
    """What is to be signed: device list and mandate by the account, after them the roster. `remind_days` is
    14, 7 or 2 where a person has to do the former within so many days.
    """

    account: bool = False
    roster: bool = False
    remind_days: int | None = None


def due(place: KeyPlace, standing: Standing, device_list: DeviceList, now_ms: int) -> Due:
    """Say what is due (ACC-16, ACC-17); looked at first when a store is opened, also after weeks."""
    mandate, roster = standing.mandate, standing.roster
    lives = ((mandate.issued_ms, mandate.expires_ms), (device_list.issued_ms, device_list.expires_ms))
    left_days = (min(ends_ms for _, ends_ms in lives) - now_ms) / _DAY_MS
    is_due = any(is_half_over(issued_ms, ends_ms, now_ms) for issued_ms, ends_ms in lives)
    is_here = place is KeyPlace.HERE
    reminder = next((days for days in _REMINDERS_DAYS if left_days <= days), None)
    return Due(
        account=is_here and is_due,
        roster=roster is None or roster.is_due(now_ms) or roster.list_head != device_list.head,
        remind_days=None if is_here else reminder,
    )


def is_half_over(issued_ms: int, expires_ms: int, now_ms: int) -> bool:
    """Whether half of a life is over (ACC-16)."""
    return now_ms >= (issued_ms + expires_ms) // 2


def last_number(own: int, stated: int, confirmed: int | None, *, is_continuous: bool) -> int:
    """Return the number above which the next mandate or roster is signed (ACC-07).

    `own` is the last one in our store, `stated` the highest that the directory, a peer or a room
    states.

    Raises:
        SigningUnsure: our store may be an older copy, and no person has confirmed the highest number.
    """
    if is_continuous and stated <= own:
        return own
    if confirmed is None or confirmed < max(own, stated):
        raise SigningUnsure("a person has to confirm the highest number first")
    return confirmed
