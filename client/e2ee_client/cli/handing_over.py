"""Before a command leaves: the relays have what was written in rooms, and a desk has answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from e2ee_client import Client, EventIterator
from e2ee_client.errors import RequestRefused, WaitTimeout
from e2ee_client.room_events import EntryProgress, HistoryHandedOver, RequestAnswered, RoomChanged
from e2ee_client.rooms import Room
from e2ee_client.rooms.device import Device

from .failures import Refused
from .fetching import unless_hopeless
from .session import Session, settle

_LAST_WRITTEN = 10


async def hand_over(session: Session, client: Client, room: Room) -> None:
    """Wait until the relays have what this device has written in a room.

    Raises:
        Refused: send.room_kept, not in time; it goes out when this device is online again.
    """
    try:
        await unless_hopeless(session, client, client.events(), _all_of(session, client, room))
    except WaitTimeout:
        raise Refused("send.room_kept") from None
    if not session.is_shared:
        await settle(client)


async def _all_of(session: Session, client: Client, room: Room) -> None:
    timeout_s = session.options.timeout
    for entry in await room.history(limit=_LAST_WRITTEN):
        if entry.progress is EntryProgress.WAITING:
            await entry.wait_for(EntryProgress.SENT, timeout_s)
    device: Device[Room] = Device(client)
    await device.wait_handed_over(timeout_s)


async def until_passed_on(session: Session, events: EventIterator, room: Room, *, is_agent: bool) -> None:
    """Wait until this device has handed over what was said in a room that it gives away (ROOM-57); else it
    does so when it is online again. An agent that is out already hands nothing over (ROOM-33, ROOM-56).
    """
    if not _is_here(room):
        if is_agent:
            session.remark("transfer.nothing")
        return
    session.remark("transfer.passing")
    with suppress(TimeoutError):
        async with asyncio.timeout(session.options.timeout):
            async for event in events:
                is_over = isinstance(event, RoomChanged) and not _is_here(room)
                if is_over or (isinstance(event, HistoryHandedOver) and event.room_id == room.room_id):
                    return
    session.remark("transfer.later")


def _is_here(room: Room) -> bool:
    return any(one.is_this for one in room.members)


async def until_granted(
    session: Session, events: EventIterator, room: Room, reached: Callable[[], bool]
) -> None:
    """Wait until a desk has done what this device asked for; a desk's own device has done it at once.

    Raises:
        RequestRefused: a desk refuses. Refused: wait.desk, not in time; the request goes on.
    """
    if reached():
        return
    session.remark("request.waiting")
    try:
        async with asyncio.timeout(session.options.timeout):
            async for event in events:
                if isinstance(event, RequestAnswered) and event.room_id == room.room_id:
                    if event.code:
                        raise RequestRefused(event.code)
                    return
                if reached():
                    return
    except TimeoutError:
        raise Refused("wait.desk") from None
