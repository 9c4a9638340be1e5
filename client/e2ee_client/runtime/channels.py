"""One task for each connection that the engine asked for: open, read, write, and report what became of it.

    Open --> opening --Connected--> reading and writing --Disconnected--> gone
                 '----------------- Disconnected ----------------^

Sending never makes the engine wait: messages collect in a buffer, and a connection that does not take them
in time, or lets too many collect, is given up. Reading does wait: when the consumer is behind, nothing
more is read from the socket.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, field
from typing import Final, Protocol

from e2ee_client.engine import Channel
from e2ee_client.errors import RelayTimeout, RelayUnavailable

from .first_of import first_of, raise_faults
from .transport import Connection, Transport

MAX_BUFFER_B: Final = 16 * 1024 * 1024
SEND_TIMEOUT_S: Final = 30.0
FLUSH_TIMEOUT_S: Final = 3.0
# The transport has a limit of its own; this one holds for transports that forgot theirs.
OPEN_TIMEOUT_S: Final = 60.0
_LOG: Final = logging.getLogger("sealroom")


@dataclass(frozen=True, slots=True)
class Connected:
    """The connection stands."""

    task: ChannelTask


@dataclass(frozen=True, slots=True)
class Received:
    """A message came."""

    task: ChannelTask
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection could not be opened, for the reason `code`, or is gone."""

    task: ChannelTask
    code: str = ""


class Reports(Protocol):
    """Where a connection reports to; what it reports is taken up in this order."""

    def put(self, item: Connected | Disconnected, /) -> None:
        """Take a report at once."""
        ...

    async def put_data(self, item: Received, /) -> None:
        """Take a message, when there is room for it."""
        ...


class ChannelTask:
    """One connection's life. Its last report is `Disconnected`; after `close` nothing is reported."""

    def __init__(self, channel: Channel, transport: Transport, reports: Reports) -> None:
        self.channel = channel
        self._transport = transport
        self._reports = reports
        self._buffer: deque[bytes] = deque()
        self._buffer_b = 0
        self._filled = asyncio.Event()
        self._stands = False
        self._closing = False
        self._code = ""
        self._task = asyncio.create_task(self._run(), name="sealroom-channel")
        self._task.add_done_callback(self._ended)

    @property
    def is_over(self) -> bool:
        """Whether the connection is closed, or being closed."""
        return self._closing or self._task.done()

    def send(self, data: bytes) -> None:
        """Put a message into the buffer; it is dropped if the connection is gone."""
        if self.is_over:
            return
        if self._buffer_b + len(data) > MAX_BUFFER_B:
            _LOG.warning("channel.buffer_full")
            self._task.cancel()
            return
        self._buffer.append(data)
        self._buffer_b += len(data)
        self._filled.set()

    async def close(self, flush_s: float = FLUSH_TIMEOUT_S) -> None:
        """Send what is in the buffer, at most so long, then close."""
        self._closing = True
        self._filled.set()
        if self._stands:
            await asyncio.wait([self._task], timeout=flush_s)
        self._task.cancel()
        await asyncio.wait([self._task])

    def _ended(self, task: asyncio.Task[None]) -> None:
        fault = None if task.cancelled() else task.exception()
        if fault is not None:
            # A transport of somebody else's that raises what it should not: as good as a broken connection.
            _LOG.error("channel.fault %s", type(fault).__name__)
        if not self._closing:
            self._reports.put(Disconnected(self, self._code))

    async def _run(self) -> None:
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                connection = await self._transport.open(self.channel.relay_url, foreign=self.channel.foreign)
        except RelayUnavailable as error:
            self._code = error.code
            return
        except TimeoutError:
            self._code = RelayTimeout.code
            return
        try:
            self._stands = True
            if not self._closing:
                self._reports.put(Connected(self))
            raise_faults(await first_of(self._read(connection), self._write(connection)))
        finally:
            await connection.close()

    async def _read(self, connection: Connection) -> None:
        try:
            while True:
                data = await connection.receive()
                if not self._closing:
                    await self._reports.put_data(Received(self, data))
        except RelayUnavailable:
            return

    async def _write(self, connection: Connection) -> None:
        try:
            while self._buffer or not self._closing:
                if not self._buffer:
                    self._filled.clear()
                    await self._filled.wait()
                    continue
                data = self._buffer.popleft()
                self._buffer_b -= len(data)
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    await connection.send(data)
        except (RelayUnavailable, TimeoutError):
            return
