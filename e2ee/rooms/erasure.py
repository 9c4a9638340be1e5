"""What an entry may do about others, and when what is erased, marked or kept long enough goes.

TRN-23, TRN-24, ROOM-17, ROOM-26, ROOM-41.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from e2ee.errors import NoRight
from e2ee.ids import DeviceId

from .kinds import CONTENT, ERASABLE, WRITERS, Kind, Side
from .state import DESK, Retention, RetentionClass

DAY_MS: Final = 86_400_000
DESTROYED_AFTER_MS: Final = DAY_MS
EPHEMERAL_MAX_MS: Final = 30 * DAY_MS
"""What is kept no longer than it was read is kept so long where nobody has read it (ROOM-41)."""
SENSITIVE_MAX_MS: Final = 7 * DAY_MS
ANSWERED_WITHIN_MS: Final = 7 * DAY_MS
"""A device that has not answered an erasure by then is told of (ROOM-45)."""


class Actor(NamedTuple):
    """Who writes an entry about others: its side, device, and rank (-1 for the customer's)."""

    side: Side
    device_id: DeviceId
    rank: int = -1


class Target(NamedTuple):
    """An entry that another one is about."""

    side: Side
    device_id: DeviceId
    kind: int


def check_edit(actor: Actor, target: Target) -> None:
    """Refuse another wording of what is no text of the same device (TRN-23).

    Raises:
        NoRight.
    """
    if target.kind != Kind.TEXT or target.device_id != actor.device_id:
        raise NoRight("only the device that wrote a text words it anew")


def check_erase(actor: Actor, target: Target) -> None:
    """Refuse to erase for the other side, or what is a proof (TRN-24).

    Raises:
        NoRight.
    """
    own = actor.side is Side.CUSTOMER or target.device_id == actor.device_id or actor.rank >= DESK
    if target.kind not in ERASABLE or target.side is not actor.side or not own:
        raise NoRight("nobody erases proofs, or what the other side wrote")


def check_erase_room(actor: Actor) -> None:
    """Refuse to erase a whole room for the customer (TRN-24).

    Raises:
        NoRight.
    """
    if actor.side is not Side.CUSTOMER:
        raise NoRight("the customer alone erases the room")


def check_mark(actor: Actor, target: Target) -> None:
    """Refuse a sensitive mark of an agent on what the company wrote, and of anybody on what is no content.

    Raises:
        NoRight: as ROOM-17 says.
    """
    allowed = actor.side is Side.CUSTOMER or actor.rank >= DESK or target.side is Side.CUSTOMER
    if target.kind not in CONTENT or not allowed:
        raise NoRight("not an entry that may be marked")


def check_refusal(actor: Actor) -> None:
    """Refuse an answer to a login or request by who is no steward (ROOM-70).

    Raises:
        NoRight.
    """
    if actor.rank < DESK:
        raise NoRight("a steward alone refuses a login or a request")


def binds(actor: Side, us: Side) -> bool:
    """Whether an erasure of one side binds ours: the customer's all, the company's its own (ROOM-26)."""
    return actor is Side.CUSTOMER or us is Side.COMPANY


def destroyed_at_ms(asked_ms: int, *, keeps: bool, is_answered: bool) -> int | None:
    """Return when an erasure destroys what it has hidden at once; None while hold or class stand above it.

    `keeps` is that of the room's `Condition`; `is_answered` says that a state up to the head names the order
    (ROOM-26).
    """
    if keeps:
        return None
    return asked_ms if is_answered else asked_ms + DESTROYED_AFTER_MS


def mark_destroys_at_ms(marked_ms: int, *, keeps: bool, cleared_has_it: bool, cleared: bool) -> int | None:
    """Return when a device erases a marked entry (ROOM-17); None while it does not.

    `cleared` is whether the device itself may keep it, `cleared_has_it` whether one that may has
    acknowledged the entry.
    """
    if cleared or not cleared_has_it or keeps:
        return None
    return marked_ms + DESTROYED_AFTER_MS


def is_content(kind: int) -> bool:
    """Whether the erasure of a whole room, and a timer, destroy what is of a kind (ROOM-26, ROOM-41)."""
    return kind in ERASABLE or kind not in WRITERS


class Times(NamedTuple):
    """What a room's timers count from, by the device's own clock; None is not yet (ROOM-41).

    `closed_ms` is when the room was closed, `exported_ms` when it was exported last.
    """

    closed_ms: int | None = None
    exported_ms: int | None = None


def kept_until_ms(
    retention: Retention, times: Times, arrived_ms: int, read_ms: int | None, *, is_sensitive: bool
) -> int | None:
    """Return when a device of the company destroys a content by its class; None for not by now (ROOM-41).

    `read_ms` is None for what nobody has read.
    """
    kind, ttl_ms = retention.kind, retention.ttl_s * 1_000
    if is_sensitive and kind is not RetentionClass.STATUTORY:
        ttl_ms = min(ttl_ms, SENSITIVE_MAX_MS)
    if kind is RetentionClass.EPHEMERAL:
        end_ms = arrived_ms + EPHEMERAL_MAX_MS
        return end_ms if read_ms is None else min(end_ms, read_ms + ttl_ms)
    closed_ms, exported_ms = times
    if closed_ms is None:
        return None
    if kind is RetentionClass.STATUTORY:
        is_exported = exported_ms is not None and exported_ms >= closed_ms
        return exported_ms + ttl_ms if exported_ms is not None and is_exported else None
    return closed_ms if kind is RetentionClass.PROOF else closed_ms + ttl_ms
