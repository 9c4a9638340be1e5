"""A port of loopback that stays a test's own, also while no server of its listens there."""

from __future__ import annotations

import socket
import sys
import weakref


class HeldPort:
    """A port that the system gives to nobody else while this object lives; a server can listen on it.

    A socket that is bound and does not listen keeps it. Linux lets a server that sets SO_REUSEADDR bind it
    too; elsewhere the port is only likely to stay free.
    """

    def __init__(self) -> None:
        holder = socket.socket()
        end = weakref.finalize(self, holder.close)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        self.number: int = holder.getsockname()[1]
        if sys.platform != "linux":
            end()
