"""What was said before, for a colleague who takes a room: the desk that runs hands it over."""

from __future__ import annotations

from contextlib import suppress

from e2ee.errors import ConsentWithdrawn, NoRight, RoomErased, RoomFrozen
from e2ee_client.errors import RoomsLocked, UnknownRoom
from e2ee_client.room_events import RoomChanged
from e2ee_client.runtime.event_stream import EventIterator

from .agent import Agent
from .company_room import CompanyRoom


class TakingOver:
    """Knows who was in which room, and hands history to who was not."""

    def __init__(self, count: int) -> None:
        """`count` is of the newest entries, 0 to 256."""
        self._count = count
        self._members: dict[bytes, tuple[bytes, ...]] = {}
        self._assigned: dict[bytes, bytes | None] = {}

    def begin(self, room: CompanyRoom) -> None:
        """Note who is in a room before anything happens."""
        self._members[room.room_id] = tuple(one.device_id for one in room.members)
        self._assigned[room.room_id] = room.view.assigned

    def taker(self, event: RoomChanged) -> bytes | None:
        """Return the device that a change gave its room to while nobody had it, and that was not in it, if
        one there is: who has a room and gives it away hands over itself (ROOM-57, `CompanyRoom.transfer`).
        """
        before, had = self._members.get(event.room_id, ()), self._assigned.get(event.room_id)
        taker = self._assigned[event.room_id] = event.assigned
        self._members[event.room_id] = event.members
        is_new = had is None and taker in event.members and taker not in before
        return taker if is_new and self._count else None

    async def hand_over(self, room: CompanyRoom, taker: bytes) -> None:
        """Hand history over as the desk that has given the room to its taker (ROOM-62), unless nothing was
        said, or the room has changed again meanwhile.
        """
        with suppress(NoRight, RoomFrozen, ConsentWithdrawn, RoomErased):
            if await room.has_given(taker):
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
        if taker is not None:
            with suppress(UnknownRoom, RoomsLocked):  # The company has suspended the desk since (CNS-72).
                await taking.hand_over(desk.room(event.room_id), taker)
