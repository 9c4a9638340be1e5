"""A proxy in front of a real relay that writes down what reaches it and what it answers (LKG-01)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import cbor2
from relay_view import DOWN, UP, Seen
from seen_fields import Field, fields_of_message
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

HTTP = "http"
_MAX_B = 1 << 20


@dataclass(slots=True)
class Connection:
    """One connection in the order in which it was opened: its request, and the frames of each direction."""

    number: int
    request: list[Field]
    up: list[Seen] = field(default_factory=list)
    down: list[Seen] = field(default_factory=list)

    def seen(self) -> list[Seen]:
        """All of it: what the client sent, pushes, and answers in the order of their requests.

        How the two directions interleave, and in which order a relay answers (RLY-09), is its scheduler's.
        """
        pushes = [one for one in self.down if not _request_id(one)]
        answers = sorted((one for one in self.down if _request_id(one)), key=_request_id)
        return [Seen(0, HTTP, self.number, self.request), *self.up, *pushes, *answers]


class RecordingProxy:
    """Passes messages on as they are."""

    def __init__(self, relay_url: Callable[[], str], names: Mapping[int, str]) -> None:
        self._relay_url = relay_url
        self._names = names
        self._server: Server | None = None
        self._moved_s = time.monotonic()
        self.connections: list[Connection] = []

    async def start(self) -> str:
        """Listen; return the URL for the clients."""
        self._server = await serve(self._pass_on, "127.0.0.1", 0, max_size=_MAX_B, compression=None)
        return f"ws://127.0.0.1:{next(iter(self._server.sockets)).getsockname()[1]}"

    async def stop(self) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def quiet(self, seconds: float) -> None:
        """Wait until nothing has passed for so long."""
        left_s = seconds
        while left_s > 0:
            await asyncio.sleep(left_s)
            left_s = seconds - (time.monotonic() - self._moved_s)

    async def _pass_on(self, client: ServerConnection) -> None:
        record = Connection(len(self.connections) + 1, _request(client))
        self.connections.append(record)
        try:
            async with connect(self._relay_url(), max_size=_MAX_B, compression=None) as relay:
                tasks = [
                    asyncio.create_task(self._move(client, relay, UP, record)),
                    asyncio.create_task(self._move(relay, client, DOWN, record)),
                ]
                _, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in waiting:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        except (OSError, ConnectionClosed):
            pass
        await client.close()

    async def _move(
        self,
        source: ServerConnection | ClientConnection,
        target: ServerConnection | ClientConnection,
        what: str,
        record: Connection,
    ) -> None:
        async for data in source:
            if isinstance(data, bytes):
                self._note(data, what, record)
            await target.send(data)

    def _note(self, data: bytes, what: str, record: Connection) -> None:
        """Take a message apart; which frames share one message depends on the scheduler."""
        self._moved_s = time.monotonic()
        for frame in cbor2.loads(data):
            fields = fields_of_message(cbor2.dumps([frame]), self._names)
            (record.up if what == UP else record.down).append(Seen(0, what, record.number, fields))


def _request_id(seen: Seen) -> int:
    return next(int(str(one.value)) for one in seen.fields if one.path == "frame.request_id")


def _request(client: ServerConnection) -> list[Field]:
    request = client.request
    if request is None:
        raise ValueError("a connection without a request")
    headers = [Field(f"http.{name.lower()}", value) for name, value in request.headers.raw_items()]
    return [Field("http.path", request.path), *headers]
