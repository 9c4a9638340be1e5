"""A TCP proxy on loopback: each connection goes to the next of several ports; links can be cut."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Self

_PIECE_B = 1 << 16


class TcpProxy:
    """One address in front of several; a port that refuses is passed over."""

    def __init__(self, ports: Sequence[int], hosts: Sequence[str] = (), listen: str = "127.0.0.1") -> None:
        self._targets = list(zip(hosts or ["127.0.0.1"] * len(ports), ports, strict=True))
        self._listen = listen
        self._turn = itertools.count()
        self._links: dict[asyncio.StreamWriter, int] = {}
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self._listen, 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"ws://{self._listen}:{self._server.sockets[0].getsockname()[1]}"

    def ports_in_use(self) -> set[int]:
        """Return the places of the targets that connections go to."""
        return set(self._links.values())

    def cut(self, place: int | None = None) -> int:
        """Cut the links to one target, or all; return how many."""
        found = [writer for writer, one in self._links.items() if place in (None, one)]
        for writer in found:
            writer.transport.abort()
        return len(found)

    async def _open(self) -> tuple[int, asyncio.StreamReader, asyncio.StreamWriter] | None:
        first = next(self._turn)
        for step in range(len(self._targets)):
            place = (first + step) % len(self._targets)
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(1.0):
                    return (place, *await asyncio.open_connection(*self._targets[place]))
        return None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened = await self._open()
        if opened is None:
            writer.transport.abort()
            return
        place, inner_reader, inner_writer = opened
        self._links[writer] = self._links[inner_writer] = place
        both = [
            asyncio.create_task(self._pipe(reader, inner_writer)),
            asyncio.create_task(self._pipe(inner_reader, writer)),
        ]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for one in (writer, inner_writer):
            self._links.pop(one, None)
            one.transport.abort()
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_PIECE_B):
                writer.write(data)
                await writer.drain()


class CuttingProxy(TcpProxy):
    """Cuts all links when so many bytes have gone to its target, and takes no new one until `resume`."""

    def __init__(self, port: int) -> None:
        super().__init__([port])
        self._left_b: int | None = None
        self.is_cut = asyncio.Event()

    def cut_after(self, size_b: int) -> None:
        """Cut after so many bytes."""
        self._left_b = size_b

    def resume(self) -> None:
        """Take links again."""
        self._left_b = None
        self.is_cut.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_cut.is_set():
            writer.transport.abort()
            return
        await super()._serve(_Counted(reader, self._went), writer)

    def _went(self, size_b: int) -> None:
        if self._left_b is None:
            return
        self._left_b -= size_b
        if self._left_b < 0:
            self.is_cut.set()
            self.cut()


class _Counted(asyncio.StreamReader):
    """A reader that says what went through it."""

    def __init__(self, reader: asyncio.StreamReader, went: Callable[[int], None]) -> None:
        super().__init__()
        self._inner, self._tell = reader, went

    async def read(self, n: int = -1) -> bytes:
        data = await self._inner.read(n)
        self._tell(len(data))
        return data
