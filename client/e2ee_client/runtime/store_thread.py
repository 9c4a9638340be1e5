"""The one thread in which all work of a store is done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class StoreThread:
    """Runs the store's work one after the other, outside the event loop."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="sealroom-store")

    async def run(self, work: Callable[[], T]) -> T:
        """Run and wait. Work that has begun is finished also if the waiting is cancelled."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    async def obtain(self, work: Callable[[], T], give_back: Callable[[T], None]) -> T:
        """Run `work` and return what it makes; if the waiting is cancelled, that is given back."""
        made: list[T] = []

        def make() -> T:
            made.append(work())
            return made[0]

        def undo() -> None:
            for one in made:
                give_back(one)

        try:
            return await self.run(make)
        except asyncio.CancelledError:
            self._executor.submit(undo)
            raise

    async def run_last(self, work: Callable[[], T]) -> T:
        """Run and wait, then let the thread end. The work is done also if the waiting is cancelled."""
        try:
            return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._executor, work))
        finally:
            self.shut_down()

    def shut_down(self) -> None:
        """Let the thread end after what it was given."""
        self._executor.shutdown(wait=False)
