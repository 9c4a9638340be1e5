"""What was said before, for a colleague who takes a room: the desk that runs hands it over."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from e2ee.errors import ConsentWithdrawn, NoRight, RoomErased, RoomFrozen
from e2ee_client.people import Person, Role
from e2ee_client.room_events import RoomChanged
from e2ee_client.runtime.event_stream import EventIterator

from .agent import Agent
from .company_room import CompanyRoom

DESKS: Final = frozenset({Role.DESK, Role.SUPERVISOR})


class TakingOver:
    """Knows who was in which room, and hands history to who was not."""

    def __init__(self, count: int) -> None:
        """`count` is of the newest entries, 0 to 256."""
        self._count = count
        self._members: dict[bytes, tuple[bytes, ...]] = {}

    def begin(self, room: CompanyRoom) -> None:
        """Note who is in a room before anything happens."""
        self._members[room.room_id] = tuple(one.device_id for one in room.members)

    def taker(self, event: RoomChanged) -> bytes | None:
        """Return the device that a change gave its room to and that was not in it, if one there is."""
        before, taker = self._members.get(event.room_id, ()), event.assigned
        self._members[event.room_id] = event.members
        is_new = taker in event.members and taker not in before
        return taker if is_new and self._count else None

    async def hand_over(self, room: CompanyRoom, taker: bytes) -> None:
        """Hand history over, unless nothing was said, or the room has changed again meanwhile."""
        with suppress(NoRight, RoomFrozen, ConsentWithdrawn, RoomErased):
            await room.hand_over(taker, self._count)


async def hand_to_takers(desk: Agent, events: EventIterator, count: int) -> None:
    """Hand history to whoever takes a room, for a desk that is connected and does nothing else by itself."""
    taking = TakingOver(count)
    for room in desk.rooms():
        taking.begin(room)
    async for event in events:
        if not isinstance(event, RoomChanged):
            continue
        taker = taking.taker(event)
        if taker is not None and not place_among_desks(desk.team()):
            await taking.hand_over(desk.room(event.room_id), taker)


def place_among_desks(team: Sequence[Person]) -> int:
    """Our place among the desks in force: bots first, each in the order of the roster (ROOM-39)."""
    desks = [one for one in team if one.role in DESKS]
    desks.sort(key=lambda one: (not one.is_bot, one.device_id))
    return next((place for place, one in enumerate(desks) if one.is_this), 0)
