"""What a connection needs of whoever serves it, and what the connections of one port share."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from websockets.http11 import Request, Response

from .address_limits import Shares
from .frames import Frame
from .outgoing import Flusher
from .scheduler import Scheduler

if TYPE_CHECKING:
    from .websocket import Connection

# So much is read at a time: two parts of a blob come in one message, with their heads.
BUFFER_B: Final = (1 << 17) + (1 << 10)


class Service(Protocol):
    """What serves the connections of one port."""

    def answer(self, connection: Connection, request: Request) -> Response | None:
        """Answer a request of HTTP; None: it is to become a WebSocket."""
        ...

    def opened(self, connection: Connection) -> None:
        """The WebSocket stands."""
        ...

    def received(self, connection: Connection, frame: Frame) -> None:
        """Carry out a request."""
        ...

    def ended(self, connection: Connection, *, refused: bool) -> None:
        """Serve an opened connection no longer; it was `refused` if it broke the protocol."""
        ...

    def lost(self, connection: Connection) -> None:
        """A connection that began is gone."""
        ...


@dataclass(slots=True)
class Endpoint:
    """What the connections of one port share."""

    service: Service
    scheduler: Scheduler
    flusher: Flusher
    loop: asyncio.AbstractEventLoop
    logger: logging.Logger
    unfinished: Shares  # bytes of messages that are not answered yet
    unread: Shares  # bytes that wait for clients that do not read
    silent: Shares  # connections that have not asked for anything for SILENT_S
    # A view: asyncio's TLS reads into slices of it.
    buffer: memoryview = field(default_factory=lambda: memoryview(bytearray(BUFFER_B)))
