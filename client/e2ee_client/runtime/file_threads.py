"""Threads for sources and folders of persons, which may stand on a disk that never answers (FIL-27, FIL-28).

run(place, work): work(step) --step, step, ...--> its result
                       '--no step for two minutes--> FileStalled; the place is refused until the thread ends
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Generic, Self, TypeAlias, TypeVar

from e2ee_client.errors import ClientClosed, FileStalled, FileUnusable

R = TypeVar("R")
T = TypeVar("T")
Step: TypeAlias = Callable[[], None]
AT_ONCE: Final = 8
END_S: Final = 5.0
LOOK_S: Final = 10.0
MOST_LOOKS: Final = 12
"""So many looks without a step: two minutes in which this process ran, whatever the clock did (FIL-28)."""
MOST_HANGING: Final = 256


class FileThreads:
    """A thread for each piece of work, some at a time; neither event loop nor program waits for their end."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(AT_ONCE)
        self._jobs: set[_Job[Any]] = set()
        self._hanging: set[_Job[Any]] = set()
        self._is_over = False

    async def run(self, place: Path, work: Callable[[Step], T]) -> T:
        """Do something with a source or a folder in a thread, which calls `step` as it goes on: that raises
        once nobody waits for it. Who is cancelled waits for its end, for a few seconds.

        Raises:
            FileStalled: it does not go on, or hung before at this place. ClientClosed. What `work` raises.
        """
        await self._free.acquire()
        try:
            self._check(place)
        except BaseException:
            self._free.release()
            raise
        job = self._begun(place, work)
        try:
            return await asyncio.shield(job.result)
        except asyncio.CancelledError:
            if job.result.cancelled():
                raise ClientClosed("the client is closed") from None
            job.is_over = True
            await asyncio.wait([job.result], timeout=END_S)
            self._give_up(job)
            raise

    def _check(self, place: Path) -> None:
        if self._is_over:
            raise ClientClosed("the client is closed")
        if len(self._hanging) >= MOST_HANGING or any(one.place == place for one in self._hanging):
            raise FileStalled("the disk has not answered yet")

    def _begun(self, place: Path, work: Callable[[Step], T]) -> _Job[T]:
        job = _Job[T](asyncio.get_running_loop(), place, self._hanging.discard)
        self._jobs.add(job)
        job.result.add_done_callback(lambda _: self._ended(job))
        self._look_later(job)
        threading.Thread(target=_do, args=(job, work), name="sealroom-file", daemon=True).start()
        return job

    def _look_later(self, job: _Job[T]) -> None:
        job.loop.call_later(LOOK_S, self._look, job, job.steps)

    def _look(self, job: _Job[T], steps: int) -> None:
        """Give up what has made no step for as many looks as that takes."""
        if job.result.done():
            return
        job.looks = job.looks + 1 if job.steps == steps else 0
        if job.looks < MOST_LOOKS:
            self._look_later(job)
        else:
            self._give_up(job)

    def _give_up(self, job: _Job[T]) -> None:
        if not job.result.done():
            job.is_over = True
            self._hanging.add(job)
            job.result.set_exception(FileStalled("the disk does not answer"))

    def _ended(self, job: _Job[T]) -> None:
        self._jobs.discard(job)
        self._free.release()
        if not job.result.cancelled():
            job.result.exception()  # Whoever waited for it may be gone.

    async def end(self) -> None:
        """Begin nothing more; wait for what is under way, but for no thread that hangs."""
        self._is_over = True
        if self._jobs:
            await asyncio.wait([one.result for one in self._jobs], timeout=END_S)
        for job in list(self._jobs):
            job.is_over = True
            job.result.cancel()


class _Job(Generic[T]):
    """A piece of work; tells the event loop what came of it, an error too, if that is not closed."""

    def __init__(self, loop: asyncio.AbstractEventLoop, place: Path, gone: Callable[[_Job[T]], None]) -> None:
        self.loop, self.place, self._gone = loop, place, gone
        self.result: asyncio.Future[T] = loop.create_future()
        self.steps = self.looks = 0
        self.is_over = False

    def step(self) -> None:
        """Say, in the thread, that it goes on.

        Raises:
            FileUnusable: nobody waits for it any more.
        """
        if self.is_over:
            raise FileUnusable("the file was given up")
        self.steps += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if error is not None:
            self._tell(self.result.set_exception, error)
        return True

    def done(self, result: T) -> None:
        """Tell what came of it."""
        self._tell(self.result.set_result, result)

    def _tell(self, end: Callable[[R], None], what: R) -> None:
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self._end, end, what)

    def _end(self, end: Callable[[R], None], what: R) -> None:
        self._gone(self)
        if not self.result.done():
            end(what)


def _do(job: _Job[T], work: Callable[[Step], T]) -> None:
    with job:
        job.done(work(job.step))
