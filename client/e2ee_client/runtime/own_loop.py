"""A client is used in one event loop: elsewhere nothing would wake who waits for it."""

from __future__ import annotations

import asyncio
import os

from e2ee_client.errors import ClientClosed, ConfigError


def running() -> asyncio.AbstractEventLoop | None:
    """Return the event loop that runs in this thread, if one does."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class OwnLoop:
    """The event loop, and the process, in which this object was made."""

    def __init__(self) -> None:
        self._loop = running()
        self._process_id = os.getpid()

    @property
    def is_inherited(self) -> bool:
        """Whether this is a forked child, where no client of its parent does anything (STO-58)."""
        return os.getpid() != self._process_id

    def check_process(self) -> None:
        """Refuse a forked child.

        Raises:
            ClientClosed: this is one.
        """
        if self.is_inherited:
            raise ClientClosed("the client is in the process that has forked this one")

    def check(self) -> None:
        """Refuse another one.

        Raises:
            ClientClosed: this is a forked child.
            ConfigError: another event loop runs here.
        """
        self.check_process()
        if self._loop is not None and running() not in (self._loop, None):
            raise ConfigError(
                "a client is used in the event loop that opened it: open one in this event loop, or use "
                "e2ee_client.sync from threads"
            )
