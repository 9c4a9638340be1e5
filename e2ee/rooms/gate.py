"""The gate: what a company's device takes of a customer, by consent and phase (CNS-13, CNS-92)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum
from typing import Final

from e2ee.content import ContentType
from e2ee.errors import (
    ConsentRequired,
    ConsentStale,
    ConsentWithdrawn,
    NoRight,
    RemoteError,
    RoomClosed,
    RoomErased,
    RoomFrozen,
)
from e2ee.ids import DeviceId

from .consent import Receipt, RoomConsent, ends_ms
from .kinds import Kind
from .notice import REACH
from .team import TeamView


class Column(Enum):
    """What holds for a room when something of it arrives."""

    NONE = "none"
    OPEN = "open"
    STALE = "stale"
    CLOSED = "closed"
    ENDED = "ended"
    FROZEN = "frozen"
    WITHDRAWN = "withdrawn"
    ERASED = "erased"


class Row(Enum):
    """What arrives."""

    OPEN = "open"
    CONTENT = "content"
    RATING = "rating"
    WANT = "want"
    ACT = "act"
    WITHDRAWAL = "withdrawal"
    TEAM = "team"


_PHASES: Final = {
    2: Column.CLOSED,
    3: Column.FROZEN,
    4: Column.WITHDRAWN,
    5: Column.ERASED,
}
_REFUSED: Final[dict[Column, type[RemoteError]]] = {
    Column.STALE: ConsentStale,
    Column.CLOSED: RoomClosed,
    Column.ENDED: RoomClosed,
    Column.FROZEN: RoomFrozen,
    Column.WITHDRAWN: ConsentWithdrawn,
    Column.ERASED: RoomErased,
}
_PASSES: Final[dict[Row, frozenset[Column]]] = {
    Row.OPEN: frozenset(Column) - {Column.ERASED},
    Row.CONTENT: frozenset({Column.OPEN}),
    Row.RATING: frozenset({Column.OPEN, Column.CLOSED}),
    Row.WANT: frozenset({Column.OPEN, Column.STALE, Column.CLOSED, Column.ENDED, Column.FROZEN}),
    Row.ACT: frozenset(Column) - {Column.NONE},
    Row.WITHDRAWAL: frozenset(Column),
    Row.TEAM: frozenset(),
}
_KINDS: Final = {
    1: Row.OPEN,
    9: Row.WITHDRAWAL,
    20: Row.RATING,
    **dict.fromkeys((2, 6, 12, 13, 16, 18, 22), Row.TEAM),
    **dict.fromkeys((5, 8, 10, 15, 21), Row.ACT),
}
"""Kinds of entries of chapter 17; all others, unknown ones too, are content."""
_SIGNALS: Final = {1: Row.CONTENT, 2: Row.WANT, 5: Row.WANT}
"""Signals of chapter 17: typing is content, want and held have a row; all others are the team's."""
_REACH_KIND: Final = 14
TOMBSTONE_MS: Final = 45 * 86_400_000
"""How long a withdrawal of a room that is not known gives way to no other one (CNS-10)."""
MAX_TOMBSTONES: Final = 256
MAX_TOMBSTONES_OF_ACCOUNT: Final = 4


def row_of(content_type: int, what: int = 0, *, is_null: bool = False) -> Row:
    """Return the row of a content of a room: `what` is the kind of an entry or signal (CNS-13).

    A `reach` that is null takes an address away, which is an act (CNS-11).
    """
    match content_type:
        case ContentType.ENTRY if what == _REACH_KIND and is_null:
            return Row.ACT
        case ContentType.ENTRY:
            return _KINDS.get(what, Row.CONTENT)
        case ContentType.SIGNAL:
            return _SIGNALS.get(what, Row.TEAM)
        case ContentType.FORWARD:
            return Row.ACT
        case _:
            return Row.TEAM


def row_of_line(kind: int, *, is_null: bool = False) -> Row:
    """Return the row of a line of a customer's forward, which has entries of the team as well (CNS-92)."""
    row = row_of(ContentType.ENTRY, kind, is_null=is_null)
    if row is not Row.TEAM:
        return row
    return Row.CONTENT if kind == Kind.FORM else Row.ACT


def column(
    consent: RoomConsent | None, phase: int, team: TeamView, now_ms: int, *, may_reopen: bool = True
) -> Column:
    """Return what holds for a room, by its consent, its phase (1 to 5), whether it may be opened again if it
    is closed (ROOM-18), and the roster's notices (CNS-13).
    """
    if consent is None or consent.receipt is None:
        return Column.NONE
    is_over = now_ms > ends_ms(consent.receipt, team)
    return column_of(phase, is_withdrawn=consent.is_withdrawn, is_over=is_over, may_reopen=may_reopen)


def column_of(phase: int, *, is_withdrawn: bool, is_over: bool, may_reopen: bool) -> Column:
    """Return what holds for a room with a known receipt (CNS-13)."""
    found = _PHASES.get(phase, Column.OPEN)
    if is_withdrawn and found is not Column.ERASED:
        return Column.WITHDRAWN
    if found is Column.CLOSED and (is_over or not may_reopen):
        return Column.ENDED
    return Column.STALE if is_over and found is Column.OPEN else found


def check(row: Row, found: Column) -> None:
    """Refuse what the table does not let pass (CNS-13).

    Raises:
        NoRight: nothing that a customer sends. ConsentRequired, ConsentStale, ConsentWithdrawn, RoomClosed,
            RoomFrozen, RoomErased.
    """
    if found in _PASSES[row]:
        return
    if found is Column.NONE:
        raise ConsentRequired("no consent is known for this room")
    if row is Row.TEAM:
        raise NoRight("only the company's team sends this")
    raise _REFUSED[found]("the room does not take this now")


def check_upkeep(content_type: int, *, has_consent: bool) -> None:
    """Refuse what belongs to no room, by its type: upkeep of a session needs a receipt of the account that is
    known, of any room; a text outside rooms and what only teams send is refused (CNS-14).

    Raises:
        ConsentRequired, NoRight.
    """
    if not has_consent:
        raise ConsentRequired("no consent is known of this account")
    if content_type in (ContentType.TEXT, ContentType.DOSSIER, ContentType.ROSTER):
        raise NoRight("a customer does not send this to a company")


def check_tombstones(of_account: int, kept_ms: Sequence[int], now_ms: int) -> int | None:
    """Return which tombstone makes room for one more withdrawal of a room that is not known, None for none
    (CNS-10). `kept_ms` has when each of all accounts was kept, `of_account` is the number of this one's.

    Raises:
        ConsentRequired: 4 of this account, or 256 in all, are kept and none is 45 days old.
    """
    if of_account < MAX_TOMBSTONES_OF_ACCOUNT:
        if len(kept_ms) < MAX_TOMBSTONES:
            return None
        oldest = min(range(len(kept_ms)), key=kept_ms.__getitem__)
        if now_ms - kept_ms[oldest] >= TOMBSTONE_MS:
            return oldest
    raise ConsentRequired("no consent is known of this account")


def identify_waits(devices: Collection[DeviceId], confirmed: Collection[DeviceId]) -> bool:
    """Whether a login waits for a steward: a device of the account was not confirmed since the last one
    (CNS-16).
    """
    return not set(devices) <= set(confirmed)


def may_reach(receipt: Receipt) -> bool:
    """Whether the person agreed to a note by e-mail that something waits (CNS-11)."""
    return bool(receipt.terms.purposes >> (REACH - 1) & 1)
