"""Sockets that the relay listens on: who has hung up is not let in, and few stand in the door at a time."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable
from typing import Any, Final

# So many wait in the kernel while the relay is busy (RLY-146).
_BACKLOG: Final = 1024
# So many of those who have hung up are cleared away before others have a turn.
_GONE_A_TIME: Final = 8
_TCP_ESTABLISHED: Final = 1


class Entrance(socket.socket):
    """A listening socket from which the event loop accepts only whom the relay has time for (RLY-159)."""

    def __init__(
        self,
        bound: socket.socket,
        has_time: Callable[[], bool] = lambda: True,
        has_gone: Callable[[], None] = lambda: None,
    ) -> None:
        """Take over a bound socket; `has_gone` is told of each who did not wait."""
        super().__init__(bound.family, bound.type, bound.proto, fileno=bound.detach())
        self._has_time = has_time
        self._has_gone = has_gone

    def listen(self, backlog: int = _BACKLOG) -> None:
        """Listen; asyncio's number is how many it accepts in one pass, and not how many may wait."""
        super().listen(max(backlog, _BACKLOG))

    def accept(self) -> tuple[socket.socket, Any]:
        """Return the next who is still there.

        Raises:
            BlockingIOError: nobody is, or nobody is to be let in now.
        """
        for _ in range(_GONE_A_TIME if self._has_time() else 0):
            connection, address = super().accept()
            if not is_gone(connection):
                return connection, address
            connection.close()
            self._has_gone()
        raise BlockingIOError


async def bind(host: str, port: int) -> list[socket.socket]:
    """Bind a socket at each address of a name.

    Raises:
        OSError: the name has no address, or none can be bound.
    """
    loop = asyncio.get_running_loop()
    try:
        binder = await loop.create_server(asyncio.Protocol, host, port, start_serving=False)
    except socket.gaierror as error:
        raise OSError(f"{host}:{port} cannot be listened on: {error.strerror}") from None
    try:
        return [bound.dup() for bound in binder.sockets]
    finally:
        binder.close()


def is_gone(connection: Any) -> bool:
    """Tell whether the other end has hung up, where the system says so; nothing is read for it (RLY-159)."""
    if sys.platform != "linux":
        return False
    try:
        state = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    except OSError:
        return True
    return bool(state[0] != _TCP_ESTABLISHED)
