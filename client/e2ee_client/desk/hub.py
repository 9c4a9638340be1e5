"""What all pages of a desk share: the agent, the lock, what is kept here, files that are fetched."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Literal, Protocol

from e2ee.rooms.kinds import Kind
from e2ee.rooms.payloads import Sensitive
from e2ee.rooms.state import Phase
from e2ee_client.engine.rooms.file_rows import FILE_ID_B
from e2ee_client.errors import RoomsLocked, SealroomError, UnknownEntry, UnknownRoom
from e2ee_client.events import ConnectionChanged, OwnConditionChanged
from e2ee_client.room_events import (
    EntryAdded,
    EntryErased,
    EntryState,
    FileFailed,
    FileHeld,
    FileProgress,
    OfRoom,
    RequestAnswered,
    RoomChanged,
)
from e2ee_client.rooms import Agent
from e2ee_client.rooms.app_lock import AppLock
from e2ee_client.runtime.event_stream import ClientEvent, EventsMissed

from . import schema
from .alarms import Alarms
from .asking import Asking
from .clear_folder import remove_left
from .downloads import Downloads
from .local import LocalRows
from .uploads import Uploads

MAX_PAGES: Final = 8
_LOOK_MS: Final = 5_000
_LOOK_FOR_MEMBERS_MS: Final = 60_000
_LOG: Final = logging.getLogger("sealroom")
_ENDED: Final = frozenset({Phase.WITHDRAWN, Phase.ERASED})


class Told(Protocol):
    """A page that is told what happens."""

    def room_changed(self, room_id: bytes) -> None: ...
    def entry_changed(self, room_id: bytes, entry_hash: bytes, *, is_late: bool) -> None: ...
    def tell(self, message: schema.ToPage) -> None: ...
    def lock(self) -> None: ...


class Hub:
    """One for each agent whose store is open."""

    def __init__(self, agent: Agent, idle_ms: int, language: Literal["de", "en"], version: str) -> None:
        self.agent, self.version = agent, version
        self.language: Literal["de", "en"] = language
        self.app_lock = AppLock(agent.client.check_passphrase, idle_ms)
        self.local = LocalRows(agent.client)
        self.alarms = Alarms(agent)
        self.asking = Asking(agent, self.local, self.alarms)
        self.downloads = Downloads(agent.client.runtime.rng)
        self.uploads = Uploads(agent, agent.client.runtime.rng)
        self.pages: set[Told] = set()
        self._now_ms: Callable[[], int] = agent.client.runtime.clock.now_ms
        self._team: schema.Team | None = None
        self.locks = 0
        self._was_locked = True
        self._device_id = agent.client.devices()[0].device_id

    def now_ms(self) -> int:
        """Return the time now."""
        return self._now_ms()

    @property
    def is_locked(self) -> bool:
        """Whether nothing may be shown."""
        return self.app_lock.is_locked(self._now_ms())

    async def unlock(self, passphrase: str) -> None:
        """Unlock all pages.

        Raises:
            StoreWrongKey, UnlockTooSoon.
        """
        self._see_lock()
        await self.app_lock.unlock(passphrase, self._now_ms())
        self._was_locked = False

    def lock(self) -> None:
        """Lock all pages at once."""
        self.app_lock.lock()
        self._see_lock()

    def _see_lock(self) -> None:
        if self.is_locked and not self._was_locked:
            self._was_locked = True
            self.locks += 1
            self.downloads.clear()
            self.uploads.clear()
            for page in list(self.pages):
                page.lock()

    async def run(self) -> None:
        """Tell the pages what happens, until the client is closed; what is kept here has been loaded."""
        events = self.agent.events()
        await asyncio.to_thread(remove_left)
        await self._forget_ended()
        await self.alarms.look()
        looking = asyncio.create_task(self._look())
        try:
            async for event in events:
                await self._take(event)
        finally:
            events.close()
            looking.cancel()
            await asyncio.wait([looking])

    async def _forget_ended(self) -> None:
        """Labels go with the room, also where it ended while no page was served; a suspended device has its
        rooms still.
        """
        if not self.agent.client.shell.machine.rooms.is_open:
            return
        phases = {bytes(one.room_id): one.phase for one in self.agent.rooms()}
        for room_id in self.local.labelled():
            if phases.get(room_id, Phase.ERASED) in _ENDED:
                await self._forget(room_id)

    async def _forget(self, room_id: bytes) -> None:
        """What cannot be dropped now goes at the next start; the pages go on being told."""
        try:
            await self.local.forget(room_id)
        except SealroomError as failure:
            _LOG.warning("the labels of a room stay until the next start: %s", failure.code)
        self._changed(room_id)

    async def _look(self) -> None:
        """Lock pages that nobody uses; once a minute look for rooms whose members cannot be reached, and at
        who is in force: both change by the clock alone.
        """
        clock, looked_ms = self.agent.client.runtime.clock, 0
        while True:
            await clock.wait_until(self._now_ms() + _LOOK_MS)
            self._see_lock()
            if not 0 <= self._now_ms() - looked_ms < _LOOK_FOR_MEMBERS_MS:
                looked_ms = self._now_ms()
                if self.alarms.look_for_members(looked_ms):
                    self._tell(schema.Alarms(self.alarms.rows()))
                self._see_team()

    async def _take(self, event: ClientEvent) -> None:
        if isinstance(event, EventsMissed | OwnConditionChanged):
            # Who is suspended has no rooms, and has them again afterwards.
            await self.alarms.look()
            self._tell(schema.Again())
        elif isinstance(event, ConnectionChanged):
            self._tell(schema.Link(self.agent.connection_state.value, self.agent.entry_waits))
        elif isinstance(event, OfRoom):
            self._of_room(event)
            if isinstance(event, EntryAdded) and event.kind == Kind.SENSITIVE:
                await self._show_marked(event)
            if isinstance(event, RoomChanged) and event.phase in _ENDED:
                await self._forget(event.room_id)
        self._see_team()

    def _see_team(self) -> None:
        """A colleague who joined, left or was renamed, and a roster that ends, are in no event of a room."""
        team = self.asking.team()
        if team != self._team:
            self._team = team
            self._tell(team)
            # Who a room waits for may be nobody's team by now.
            for one in self.agent.client.shell.machine.rooms.all():
                if one.waits_for is not None:
                    self._changed(one.room_id)

    def was_read(self, room_id: bytes) -> None:
        """Tell all pages of a room in which one of them has marked entries as read: no event does."""
        self._changed(room_id)

    def hide(self, room_id: bytes, code: schema.AlarmName) -> None:
        """Show an alarm on no page any more."""
        self.alarms.hide(room_id, code)
        self._tell(schema.Alarms(self.alarms.rows()))

    def _of_room(self, event: OfRoom) -> None:
        room_id = self.asking.room_of(event.room_id)
        if isinstance(event, EntryErased):
            self.downloads.drop(event.entry_hash)
        if self.alarms.take(room_id, event):
            self._tell(schema.Alarms(self.alarms.rows()))
        match event:
            case EntryAdded(entry_hash=entry_hash, is_late=is_late):
                self._entry(event.room_id, entry_hash, is_late=is_late)
                if event.kind == Kind.TEXT and event.device_id != self._device_id:
                    self.asking.noted(event.room_id)
            case EntryState(entry_hash=entry_hash) | EntryErased(entry_hash=entry_hash):
                self._entry(event.room_id, entry_hash, is_late=False)
            case FileProgress():
                name = self.uploads.name_of(event.file_id) if event.is_upload else None
                told = (event.done_b, event.size_b, name)
                self._tell(schema.Moved(room_id.hex(), event.file_id.hex(), *told))
                return
            case FileFailed(file_id=file_id) if len(file_id) == FILE_ID_B:
                self._tell(schema.FileLost(room_id.hex(), file_id.hex(), event.code))
                return
            case FileHeld(entry_hash=entry_hash, device_id=self._device_id):
                self._entry(event.room_id, entry_hash, is_late=False)
            case RequestAnswered(code=code) | FileFailed(code=code) if code:
                self._tell(schema.NotDone(room_id.hex(), code))
            case _:
                pass
        self._changed(room_id)

    async def _show_marked(self, mark: EntryAdded) -> None:
        """Have what a mark names shown as it is from now on, or hidden (ROOM-17)."""
        with suppress(UnknownEntry, UnknownRoom, RoomsLocked):
            room = self.agent.room(mark.room_id)
            payload = (await room.entry(mark.entry_hash)).payload
            for named in payload.hashes if isinstance(payload, Sensitive) else ():
                with suppress(UnknownEntry):
                    if (await room.entry(named)).is_hidden:
                        self.downloads.drop(named)
                    self._entry(mark.room_id, named, is_late=False)

    def _entry(self, room_id: bytes, entry_hash: bytes, *, is_late: bool) -> None:
        for page in list(self.pages):
            page.entry_changed(room_id, entry_hash, is_late=is_late)

    def _changed(self, room_id: bytes) -> None:
        for page in list(self.pages):
            page.room_changed(room_id)

    def _tell(self, message: schema.ToPage) -> None:
        for page in list(self.pages):
            page.tell(message)
