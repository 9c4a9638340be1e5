"""A client is used in one event loop: elsewhere nothing would wake who waits for it."""

from __future__ import annotations

import asyncio

from e2ee_client.errors import ConfigError


def running() -> asyncio.AbstractEventLoop | None:
    """Return the event loop that runs in this thread, if one does."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class OwnLoop:
    """The event loop in which this object was made."""

    def __init__(self) -> None:
        self._loop = running()

    def check(self) -> None:
        """Refuse another one.

        Raises:
            ConfigError: another event loop runs here.
        """
        if self._loop is not None and running() not in (self._loop, None):
            raise ConfigError(
                "a client is used in the event loop that opened it: open one in this event loop, or use "
                "e2ee_client.sync from threads"
            )
