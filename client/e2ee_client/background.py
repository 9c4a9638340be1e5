"""The thread with an event loop behind the synchronous facade."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from .errors import ClientClosed, ConfigError

T = TypeVar("T")


class Background:
    """The shared thread; each open client holds it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def hold(self) -> None:
        """Start the thread for the first holder."""
        with self._lock:
            self._holders += 1
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="sealroom-sync", daemon=True
                )
                self._thread.start()

    def release(self) -> None:
        """Let the thread end after the last holder."""
        with self._lock:
            self._holders -= 1
            loop, thread = self._loop, self._thread
            if self._holders or loop is None or thread is None:
                return
            self._loop = self._thread = None
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run in the thread and wait; an interrupted wait cancels the work.

        Raises:
            ClientClosed: the last client was closed.
            ConfigError: called from within an event loop, which it would block.
        """
        loop = self._loop
        if loop is None or _in_event_loop():
            work.close()
            if loop is None:
                raise ClientClosed("no synchronous client is open")
            raise ConfigError("a synchronous client is used outside of event loops")
        future = asyncio.run_coroutine_threadsafe(work, loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def ask(self, query: Callable[[], T]) -> T:
        """Call a function in the thread, between two steps of the client."""

        async def asking() -> T:
            return query()

        return self.run(asking())


BACKGROUND: Final = Background()


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
