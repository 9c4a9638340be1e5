"""The thread with an event loop behind the synchronous facade.

Whoever hands over work gets its outcome, also when the last client closes at that very moment: it is handed
over under the lock under which the thread is told to end, and the thread sees to what it was given before.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, Final, TypeVar

from e2ee_client.errors import ClientClosed, ConfigError
from e2ee_client.forking import in_child

from .own_loop import running

T = TypeVar("T")
_GRACE_S: Final = 5.0


class Background:
    """The shared thread; each open client holds it."""

    def __init__(self, grace_s: float = _GRACE_S) -> None:
        """What still runs when the last holder goes has `grace_s` to end by itself."""
        self._grace_s = grace_s
        self.start_over()

    def start_over(self) -> None:
        """Hold nothing: also in a forked child, which has neither the thread nor its clients (STO-58)."""
        # A signal handler may call a client that is open while the main thread is in here; it opens none.
        self._lock = threading.RLock()
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
                    target=self._serve, args=(self._loop,), name="sealroom-sync", daemon=True
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

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run in the thread and wait; an interrupted wait cancels the work.

        Raises:
            ClientClosed: the last client was closed, or is while this waits.
            ConfigError: called from within an event loop, which it would block.
        """
        try:
            check_outside()
        except ConfigError:
            work.close()
            raise
        future = self._hand_over(work)
        try:
            return future.result()
        except CancelledError:
            raise ClientClosed("the client was closed") from None
        except BaseException:
            future.cancel()
            raise

    def ask(self, query: Callable[[], T]) -> T:
        """Call a function in the thread, between two steps of the client."""

        async def asking() -> T:
            return query()

        return self.run(asking())

    def _hand_over(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        with self._lock:
            if self._loop is not None:
                return asyncio.run_coroutine_threadsafe(work, self._loop)
        work.close()
        raise ClientClosed("no synchronous client is open")

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            loop.run_forever()
            loop.run_until_complete(self._end_the_rest())
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()

    async def _end_the_rest(self) -> None:
        """Closed clients end what is waited for; what has not ended in time is cancelled."""
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        if rest:
            await asyncio.wait(rest, timeout=self._grace_s)
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)


def check_outside() -> None:
    """Refuse to wait in an event loop, which would stand still.

    Raises:
        ConfigError: one runs in this thread.
    """
    if running() is not None:
        raise ConfigError(
            "a synchronous client is used outside of event loops: asyncio.to_thread calls it there"
        )


BACKGROUND: Final = Background()
in_child(BACKGROUND.start_over)
