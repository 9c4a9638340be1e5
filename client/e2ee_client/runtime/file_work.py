"""What sending and fetching files share: the engine's rows, the folder, relays, patience, progress."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Self, TypeVar

from e2ee.ids import AccountId
from e2ee.ports import Rng
from e2ee.rooms.entry import RoomId
from e2ee_client.engine import Engine
from e2ee_client.engine.rooms.files import Files
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import BlobRefused, ClientClosed, RelayUnavailable
from e2ee_client.room_events import FileProgress, RoomEvent

from .clock import Clock
from .event_stream import EventLog
from .file_folder import FileFolder
from .file_threads import FileThreads
from .first_of import first_of, raise_faults
from .shell import Shell
from .transfer import Transfer
from .transport import Transport

T = TypeVar("T")
DENIED: Final = "DENIED"
GONE: Final = "NOT_FOUND"
_AT_ONCE: Final = 2
_STEPS: Final = 50
_FIRST_PAUSE_MS: Final = 5_000
_MOST_PAUSE_MS: Final = 600_000
_LATER: Final = frozenset({"RATE_LIMITED", "UNAVAILABLE"})
_MOST: Final = 5
_MOST_DENIED: Final = 20
"""After how many refusals of one reason a relay is believed; a token may be on its way to it (DENIED)."""
_LOG: Final = logging.getLogger("sealroom")


class Slot:
    """A transfer's place among those that run at a time; it is free while the transfer waits for a disk."""

    def __init__(self, free: asyncio.Semaphore) -> None:
        self._free = free
        self._is_held = False

    async def __aenter__(self) -> Self:
        await self._take()
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._leave()

    async def without(self, work: Awaitable[None]) -> None:
        """Wait for something that no relay has a part in; others run meanwhile (FIL-24)."""
        self._leave()
        await work
        await self._take()

    async def _take(self) -> None:
        await self._free.acquire()
        self._is_held = True

    def _leave(self) -> None:
        if self._is_held:
            self._is_held = False
            self._free.release()


class FileWork:
    """Shared by the parts of the file service."""

    def __init__(
        self,
        shell: Shell[Engine],
        log: EventLog,
        transport: Transport,
        clock: Clock,
        rng: Rng,
        folder: FileFolder,
    ) -> None:
        self.shell, self.log, self.clock, self.rng, self.folder = shell, log, clock, rng, folder
        self._transport = transport
        self.threads = FileThreads()
        self.is_online = False
        self.parts_sent = 0
        self._came_back = asyncio.Event()
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self) -> None:
        """Do things that need the relay from now on, also after an end."""
        self.is_online, self.threads = True, FileThreads()

    def came_back(self) -> None:
        """A relay is there again: who waits for one asks it now."""
        self._came_back.set()
        self._came_back.clear()

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Do something beside all else; what fails is reported and ends nothing."""
        task = asyncio.create_task(work, name="sealroom-files")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, ClientClosed):
            _LOG.warning("files.failed %s", getattr(error, "code", type(error).__name__))

    async def end(self) -> None:
        """End all that runs."""
        self.is_online = False
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await self.threads.end()
        if tasks:
            await asyncio.wait(tasks)

    async def step(self, do: Callable[[Turn, Files], T]) -> T:
        """Change something in the engine; it is on disk when this returns."""
        return await self.shell.call(
            lambda engine, now_ms: engine.of_rooms(lambda turn, rooms: do(turn, rooms.files), now_ms)
        )

    async def ask(self, query: Callable[[Files], T]) -> T:
        """Ask the engine something."""
        return await self.shell.ask(lambda engine: query(engine.files))

    def transfer(self, company: AccountId) -> Transfer:
        """Return a transfer at the relay of a company (FIL-11)."""
        url = self.shell.machine.files.relay_url(company)
        return Transfer(self._transport, url, sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        await self.clock.wait_until(self.clock.now_ms() + int(seconds * 1000))

    def slot(self, company: AccountId) -> Slot:
        """Return what two transfers at a time hold; each relay has its own, so that none holds up another."""
        url = self.shell.machine.files.relay_url(company)
        return Slot(self._slots.setdefault(url, asyncio.Semaphore(_AT_ONCE)))

    def tell(self, event: RoomEvent) -> None:
        """Tell the application."""
        self.log.put(event)

    async def patiently(
        self, company: AccountId, work: Callable[[Slot], Awaitable[T]], *, denied: int = _MOST_DENIED
    ) -> T:
        """Do something with a company's relay, again while it cannot now, each time after a longer pause;
        where it was away that ends when a connection to a relay stands again.

        A relay that says why it cannot now is asked for as long as it says so; one that refuses for another
        reason is believed after some times: after so many further ones where it says DENIED.

        Raises:
            BlobRefused, RelayUnavailable: it never will. What `work` raises.
        """
        pause_ms, refused, most = _FIRST_PAUSE_MS, Counter[str](), {GONE: 0, DENIED: denied}
        while True:
            is_away = False
            try:
                async with self.slot(company) as slot:
                    return await work(slot)
            except RelayUnavailable as error:
                if not error.retryable:
                    raise
                is_away = True
            except BlobRefused as error:
                refused[error.reason] += 1
                if error.reason not in _LATER and refused[error.reason] > most.get(error.reason, _MOST):
                    raise
            pause = self.clock.wait_until(self.clock.now_ms() + pause_ms)
            raise_faults(await first_of(pause, *((self._came_back.wait(),) if is_away else ())))
            pause_ms = min(2 * pause_ms, _MOST_PAUSE_MS)


async def to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Wait for a thread; who is cancelled waits for its end, so that nothing is written afterwards."""
    job = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(job)
    except asyncio.CancelledError:
        await asyncio.wait([job])
        if not job.cancelled():
            job.exception()
        raise


class Told:
    """Tells how far a file has come, at most fifty times."""

    def __init__(
        self, work: FileWork, room_id: RoomId, file_id: bytes, parts: int, *, is_upload: bool
    ) -> None:
        self._work, self._room_id, self._file_id, self._is_upload = work, room_id, file_id, is_upload
        self._parts = parts
        self._last = -1

    def at(self, part: int, size_b: int) -> None:
        """So many parts are done, of a file of this size."""
        now = part * _STEPS // max(1, self._parts)
        if now > self._last:
            self._last = now
            done_b = size_b * part // max(1, self._parts)
            self._work.tell(FileProgress(self._room_id, self._file_id, done_b, size_b, self._is_upload))
