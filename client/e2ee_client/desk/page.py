"""One page that is connected: answers, and what happens; nothing of rooms while it is locked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from e2ee.errors import E2eeError
from e2ee.rooms.entry import RoomId
from e2ee_client.errors import RequestRefused, SealroomError
from e2ee_client.rooms.errors import AppLocked, UnlockTooSoon

from . import schema
from .acts import carry_out, keep
from .codec import encode
from .errors import DeskBusy, InputRefused
from .figures import figured
from .hub import Hub

MAX_ASKED: Final = 32
MAX_CHANGED: Final = 200
_TOGETHER_S: Final = 0.02
_LOG: Final = logging.getLogger("sealroom")
_SHOWN_LOCKED: Final = (schema.Welcome, schema.Locked, schema.Failed, schema.Done)
Write = Callable[[str], Awaitable[None]]


class Page:
    """What is told waits in sets of bounded size: a page that does not read gets the newest of each room."""

    def __init__(self, hub: Hub, write: Write) -> None:
        self._hub, self._write = hub, write
        self._has_begun = False
        self._watched: frozenset[bytes] = frozenset()
        self._rooms: dict[bytes, None] = {}
        self._entries: dict[bytes, dict[bytes, None]] = {}
        self._again: set[bytes] = set()
        self._told: dict[tuple[str, str], schema.ToPage] = {}
        self._last: dict[str, schema.RoomRow] = {}
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._writing = asyncio.Lock()
        self.failed = asyncio.Event()

    # --- what happens ---

    def room_changed(self, room_id: bytes) -> None:
        """Note that a room is another."""
        if self._has_begun:
            self._rooms[room_id] = None
            self._wake.set()

    def entry_changed(self, room_id: bytes, entry_hash: bytes, *, is_late: bool) -> None:
        """Note that an entry came, or is another; of a room that is not on the screen nothing is noted."""
        if room_id not in self._watched:
            return
        changed = self._entries.setdefault(room_id, {})
        changed[entry_hash] = None
        if is_late or len(changed) > MAX_CHANGED:
            self._again.add(room_id)
        self._wake.set()

    def tell(self, message: schema.ToPage) -> None:
        """Tell something in the place of what was told of the same before."""
        room = getattr(message, "room", "")
        detail = getattr(message, "code", getattr(message, "file", getattr(message, "notes", "")))
        if self._has_begun and len(self._told) < MAX_CHANGED:
            self._told[type(message).__name__, f"{room}{detail}"] = message
            self._wake.set()

    def lock(self) -> None:
        """Forget all, and say so."""
        self._has_begun, self._watched = False, frozenset()
        for one in (self._rooms, self._entries, self._again, self._told, self._last):
            one.clear()
        self._begin(self._send(schema.Locked()))

    # --- its life ---

    async def run(self) -> None:
        """Tell what happens, until this is cancelled."""
        hub = self._hub
        hub.pages.add(self)
        try:
            await self._send(schema.Welcome(hub.version, hub.language, hub.is_locked))
            while True:
                await self._wake.wait()
                await asyncio.sleep(_TOGETHER_S)
                self._wake.clear()
                await self._tell_all()
        finally:
            hub.pages.discard(self)
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks)

    async def _tell_all(self) -> None:
        told, self._told = self._told, {}
        for message in told.values():
            await self._send(message)
        rooms, self._rooms = [RoomId(one) for one in self._rooms], {}
        if rooms and not self._hub.is_locked:
            rows, gone = self._hub.asking.rooms(rooms)
            changed = tuple(one for one in rows if self._last.get(one.id) != one)
            self._last |= {one.id: one for one in changed}
            for one in gone:
                self._last.pop(one, None)
            if changed or gone:
                await self._send(schema.Rooms(changed, gone))
        entries, self._entries = self._entries, {}
        again, self._again = self._again, set()
        for room_id, hashes in entries.items():
            if not self._hub.is_locked:
                await self._tell_entries(room_id, list(hashes), again=room_id in again)

    async def _tell_entries(self, room_id: bytes, hashes: list[bytes], *, again: bool) -> None:
        with suppress(SealroomError):
            rows = () if again else await self._hub.asking.entries(room_id, hashes)
            await self._send(schema.Entries(room_id.hex(), rows, again))

    async def _send(self, message: schema.ToPage) -> None:
        """Send a message; while the page is locked only what says nothing of a room."""
        async with self._writing:
            if isinstance(message, _SHOWN_LOCKED) or not self._hub.is_locked:
                await self._write(encode(message))

    # --- what is asked ---

    def take(self, message: schema.FromPage) -> None:
        """Begin to answer a message of the page."""
        match message:
            case schema.Used():
                with suppress(AppLocked):
                    self._hub.app_lock.use(self._hub.now_ms())
            case schema.Watch(room=room):
                self._watch(room)
            case schema.Enter():
                pass
            case _:
                if len(self._tasks) >= MAX_ASKED:
                    self._begin(self._send(_failed(message.ask, DeskBusy("too much at once"))))
                else:
                    self._begin(self._answer(message))

    def refuse(self, ask: int) -> None:
        """Answer what was asked with a field beyond its bounds: it is not done."""
        self._begin(self._send(_failed(ask, InputRefused("beyond its bounds"))))

    def _watch(self, room: str | None) -> None:
        if room is None or self._hub.is_locked:
            self._watched = frozenset()
        else:
            room_id = RoomId(bytes.fromhex(room))
            notes_id = self._hub.agent.client.shell.machine.rooms.notes_of(room_id)
            self._watched = frozenset({room_id, notes_id})

    def _begin(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        failure = None if task.cancelled() else task.exception()
        if failure is not None:
            _LOG.warning("an answer to the page failed: %s", type(failure).__name__)
            self.failed.set()

    async def _answer(self, message: schema.Asked) -> None:
        try:
            answer = await self._answered(message)
        except (SealroomError, E2eeError) as failure:
            answer = _failed(message.ask, failure, self._hub.now_ms())
        await self._send(answer)

    async def _answered(self, message: schema.Asked) -> schema.ToPage:
        hub, ask = self._hub, message.ask
        if isinstance(message, schema.Unlock):
            await hub.unlock(message.passphrase)
            return schema.Done(ask)
        if isinstance(message, schema.Lock):
            hub.lock()
            return schema.Done(ask)
        if hub.is_locked:
            raise AppLocked("the page is locked")
        match message:
            case schema.SetLabels() | schema.SaveAnswer() | schema.DropAnswer():
                await keep(hub.local, message)
                if isinstance(message, schema.SetLabels):
                    self.room_changed(bytes.fromhex(message.room))
                return schema.Done(ask)
            case schema.Begin() | schema.Read() | schema.Preview() | schema.About() | schema.Search():
                return await self._read(message)
            case schema.Figures(days=days):
                return await figured(hub.agent, ask, days)
            case schema.SendFile() | schema.CancelFile() | schema.FetchFile():
                return await self._of_file(message)
            case schema.MarkRead() | schema.Hide() | schema.Send() | schema.Note() | schema.KeepDraft():
                return await self._on_all_pages(message)
            case _:
                await carry_out(hub.agent, message)
                return schema.Done(ask)

    async def _on_all_pages(
        self, message: schema.MarkRead | schema.Hide | schema.Send | schema.Note | schema.KeepDraft
    ) -> schema.ToPage:
        hub, room_id = self._hub, bytes.fromhex(message.room)
        if isinstance(message, schema.Hide):
            hub.hide(room_id, message.code)
            return schema.Done(message.ask)
        await carry_out(hub.agent, message)
        match message:
            case schema.MarkRead():
                hub.was_read(room_id)
            case schema.KeepDraft(notes=in_notes):
                await self._tell_draft(message.room, in_notes=in_notes)
            case _:
                await self._tell_draft(message.room, in_notes=isinstance(message, schema.Note))
        return schema.Done(message.ask)

    async def _tell_draft(self, room: str, *, in_notes: bool) -> None:
        """Tell the other pages what is kept now; what was done stays done where that cannot be told."""
        others = self._hub.pages - {self}
        with suppress(SealroomError, E2eeError):
            text = await self._hub.agent.room(bytes.fromhex(room)).draft(in_notes=in_notes) if others else ""
            for page in others:
                page.tell(schema.Drafted(room, in_notes, text))

    async def _of_file(
        self, message: schema.SendFile | schema.CancelFile | schema.FetchFile
    ) -> schema.ToPage:
        hub, ask, room_id = self._hub, message.ask, bytes.fromhex(message.room)
        match message:
            case schema.SendFile():
                about = (message.name, message.size_b)
                file_id, ticket = hub.uploads.add(room_id, *about, strips=message.strips)
                return schema.Upload(ask, file_id.hex(), f"/upload/{ticket}")
            case schema.CancelFile():
                await hub.uploads.cancel(bytes.fromhex(message.file))
                return schema.Done(ask)
            case schema.FetchFile():
                entry = await hub.agent.room(room_id).entry(bytes.fromhex(message.entry))
                ticket, name = await hub.downloads.add(entry)
                return schema.Ticket(ask, f"/file/{ticket}", name)

    async def _read(
        self, message: schema.Begin | schema.Read | schema.Preview | schema.About | schema.Search
    ) -> schema.ToPage:
        asking = self._hub.asking
        match message:
            case schema.Begin():
                self._has_begun = True
                whole = asking.whole(message.ask, self._hub.locks)
                self._last = {one.id: one for one in whole.rooms}
                return whole
            case schema.Read():
                answer = await asking.history(message)
                if message.notes:
                    self.room_changed(bytes.fromhex(message.room))
                return answer
            case schema.Preview():
                return await asking.previews(message)
            case schema.About():
                return await asking.detail(message)
            case schema.Search():
                return await asking.search(message)


def _failed(ask: int, failure: SealroomError | E2eeError, now_ms: int = 0) -> schema.Failed:
    until_ms = now_ms + failure.wait_ms if isinstance(failure, UnlockTooSoon) else None
    retryable = isinstance(failure, SealroomError) and failure.retryable
    reason = failure.reason if isinstance(failure, RequestRefused) else ""
    return schema.Failed(ask, reason or failure.code, failure.hint, retryable, until_ms)
