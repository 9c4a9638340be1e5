"""What a company's devices and a customer's have in common: a client underneath, rooms, events, search."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Generic, TypeVar

from e2ee_client.client import Client
from e2ee_client.contacts import wait_until
from e2ee_client.engine import Engine
from e2ee_client.errors import NotAccepted, UnknownRoom
from e2ee_client.events import ConnectionState
from e2ee_client.opening import Closing
from e2ee_client.runtime.event_stream import EventIterator
from e2ee_client.runtime.shell import Shell

from . import screen_lock
from .app_lock import AppLock
from .room import Room

R = TypeVar("R", bound=Room)


class Device(Closing, Generic[R]):
    """One device with its rooms. Not for several threads: `e2ee_client.rooms.sync` is."""

    _handle: type[R]

    def __init__(self, client: Client | None) -> None:
        """Not for callers: use `create`, `open` or `join` of the classes below."""
        self._opened = client

    @property
    def client(self) -> Client:
        """The client underneath: connection, devices, backups, passphrase.

        Raises:
            NotAccepted: a person has not accepted anything yet.
        """
        if self._opened is None:
            raise NotAccepted("nothing was accepted yet")
        return self._opened

    @property
    def _shell(self) -> Shell[Engine]:
        return self.client.shell

    @property
    def connection_state(self) -> ConnectionState:
        """Whether all mailboxes of this device are connected."""
        return self.client.connection_state

    @property
    def entry_waits(self) -> bool:
        """Whether what this device publishes waits at the relay; as `Client.entry_waits`."""
        return self.client.entry_waits

    async def wait_online(self, timeout_s: float | None = None) -> None:
        """Wait until all mailboxes are connected; as `Client.wait_online`."""
        await self.client.wait_online(timeout_s)

    async def wait_settled(self, timeout_s: float | None = None) -> None:
        """Wait until the relays know what they have to; as `Client.wait_settled`."""
        await self.client.wait_settled(timeout_s)

    async def wait_handed_over(self, timeout_s: float | None = None) -> None:
        """Wait until the relays have all that this device has written: from then on it may go offline.

        Raises:
            WaitTimeout: not in time; it goes out when this device is online again.
            ClientClosed: closed meanwhile.
        """
        await wait_until(
            lambda: self._shell.machine.is_handed_over,
            self.client.progress,
            timeout_s,
            "handing over what was written",
        )

    def lock_by(self, lock: AppLock | None) -> None:
        """Put the rooms of this device behind the lock of an application: while it is locked, neither rooms
        nor anything of one is shown or done (`AppLocked`). With None they are behind no lock.

        What is locked is the screen: the device stays connected. A `Desk` that runs is for no locked screen.
        """
        screen_lock.put_behind(self.client, lock)

    def rooms(self) -> list[R]:
        """Return all rooms, that with the newest entry first; none of a device that its company took out.

        Raises:
            AppLocked: behind a lock (`lock_by`).
        """
        screen_lock.check(self.client)
        found = sorted(self._shell.machine.rooms.all(), key=lambda one: one.last_ms, reverse=True)
        return [self._room(one.room_id) for one in found]

    def room(self, room_id: bytes) -> R:
        """Return a room by its id, as events name it.

        Raises:
            UnknownRoom: there is none.
        """
        screen_lock.check(self.client)
        if self._shell.machine.rooms.view(room_id) is None:
            raise UnknownRoom("no such room")
        return self._room(room_id)

    def _room(self, room_id: bytes) -> R:
        return self._handle(self.client, room_id)

    def events(self) -> EventIterator:
        """Iterate over what happens from now on; as `Client.events`. Events of rooms have a `room_id`."""
        return self.client.events()

    async def search(self, words: str, limit: int = 50) -> AsyncIterator[tuple[R, bytes]]:
        """Look through the texts of all rooms, the room with the newest entry first."""
        for room in self.rooms():
            async for entry in room.search(words, limit):
                yield room, entry.hash
                limit -= 1
            if limit <= 0:
                return

    async def close(self) -> None:
        """Go offline and close the store. Closing twice is allowed."""
        if self._opened is not None:
            await self._opened.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"
