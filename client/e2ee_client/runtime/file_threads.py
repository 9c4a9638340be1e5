"""Threads for sources and folders of persons, which may stand on a disk that never answers (FIL-27)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Generic, Self, TypeVar

from e2ee_client.errors import ClientClosed

R = TypeVar("R")
T = TypeVar("T")
AT_ONCE: Final = 8
END_S: Final = 5.0


class FileThreads:
    """A thread for each piece of work, some at a time; neither event loop nor program waits for their end."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(AT_ONCE)
        self._jobs: set[asyncio.Future[Any]] = set()
        self._is_over = False

    async def run(self, work: Callable[[], T]) -> T:
        """Do something in a thread; its place is free when the thread ends, also if the waiting is cancelled.

        Raises:
            ClientClosed. What `work` raises.
        """
        await self._free.acquire()
        if self._is_over:
            self._free.release()
            raise ClientClosed("the client is closed")
        job = self._begun(work)
        try:
            return await asyncio.shield(job)
        except asyncio.CancelledError:
            if job.cancelled():
                raise ClientClosed("the client is closed") from None
            raise

    def _begun(self, work: Callable[[], T]) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        job: asyncio.Future[T] = loop.create_future()
        telling = _Telling(loop, job)
        self._jobs.add(job)
        job.add_done_callback(self._ended)
        threading.Thread(target=_do, args=(telling, work), name="sealroom-file", daemon=True).start()
        return job

    def _ended(self, job: asyncio.Future[Any]) -> None:
        self._jobs.discard(job)
        self._free.release()
        if not job.cancelled():
            job.exception()  # Whoever waited for it may be gone.

    async def end(self) -> None:
        """Begin nothing more; wait for what is under way, but for no thread that hangs."""
        self._is_over = True
        if self._jobs:
            await asyncio.wait(self._jobs, timeout=END_S)
        for job in list(self._jobs):
            job.cancel()


class _Telling(Generic[T]):
    """Tells the event loop what came of a piece of work, an error too; one that is closed is told nothing."""

    def __init__(self, loop: asyncio.AbstractEventLoop, job: asyncio.Future[T]) -> None:
        self._loop, self._job = loop, job

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if error is not None:
            self._tell(self._job.set_exception, error)
        return True

    def done(self, result: T) -> None:
        """Tell what came of it."""
        self._tell(self._job.set_result, result)

    def _tell(self, end: Callable[[R], None], what: R) -> None:
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._end, end, what)

    def _end(self, end: Callable[[R], None], what: R) -> None:
        if not self._job.done():
            end(what)


def _do(telling: _Telling[T], work: Callable[[], T]) -> None:
    with telling:
        telling.done(work())
