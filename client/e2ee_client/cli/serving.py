"""Commands of other terminals, carried out by the one that has the store open.

    caller                                        chat or listen
    {"arguments", "passphrase", "language",  -->
     "input", "folder", "shows", "marks", "blocks"}
                                             <--  {"out": line} or {"err": line}, any number
                                             <--  {"ask": question}
    {"answer": line}                         -->
                                             <--  {"status": exit status}, then the end

Each message is a line of JSON. When the caller goes, its command ends.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

from e2ee_client import Client
from e2ee_client.runtime.first_of import first_of

from .failures import Refused, report
from .local_socket import is_same_user, listen_at, socket_path
from .session import Session
from .shared_session import run_shared
from .terminal import Terminal
from .texts import LANGUAGES, Texts

MAX_MESSAGE_B: Final = 8 * 1024 * 1024
_REQUEST_S: Final = 10.0
_WRONG_PASSPHRASE_S: Final = 1.0
# A caller that does not read, while a whole history is printed for it.
_MAX_UNREAD_B: Final = 256 * 1024 * 1024


class _Gone(Exception):
    """The caller sent what is no request, or left."""


@asynccontextmanager
async def serving(
    session: Session, client: Client, passphrase: str, served: Callable[[], None] | None = None
) -> AsyncIterator[None]:
    """Serve as long as this lasts; `served` is called after each command. Without a socket, serve nobody."""
    path = socket_path(session.store_path)
    listening = listen_at(path)
    if listening is None:
        yield
        return
    service = _Service(session, client, passphrase.encode(errors="surrogateescape"), served)
    server = await asyncio.start_unix_server(service.accept, sock=listening, limit=MAX_MESSAGE_B)
    try:
        yield
    finally:
        server.close()
        await service.end()
        with suppress(FileNotFoundError):
            path.unlink()


class _Service:
    """What all callers share: the client, and the tasks of their commands."""

    def __init__(
        self, session: Session, client: Client, passphrase: bytes, served: Callable[[], None] | None
    ) -> None:
        self._session = session
        self._client = client
        self._passphrase = passphrase
        self._served = served
        self._tasks: set[asyncio.Task[None]] = set()
        self._checking = asyncio.Lock()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one caller."""
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()
            self._tasks.discard(task)
            writer.close()

    async def end(self) -> None:
        """End all commands."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(_Gone, ConnectionError):
            if not is_same_user(writer.get_extra_info("socket")):
                return
            async with asyncio.timeout(_REQUEST_S):
                request = _decoded(await reader.readline())
            caller = _Caller(writer, request)
            run, _ = await first_of(self._run(caller, request), caller.read(reader))
            if not run.cancelled():
                caller.send({"status": run.result()})
                await writer.drain()

    async def _run(self, caller: _Caller, request: dict[str, Any]) -> int:
        texts = Texts(request["language"] if request["language"] in LANGUAGES else "en")
        # One at a time, so that guessing here is not faster than at the store itself.
        async with self._checking:
            given = str(request["passphrase"]).encode(errors="surrogateescape")
            if not hmac.compare_digest(given, self._passphrase):
                await asyncio.sleep(_WRONG_PASSPHRASE_S)
                return report(Refused("store.wrong_key"), texts, caller, "")
        status = await run_shared(
            self._session,
            [str(one) for one in request["arguments"]],
            self._client,
            texts=texts,
            terminal=caller,
            ask=caller.ask,
            text=str(request["input"]),
            folder=Path(str(request["folder"])),
        )
        if self._served is not None:
            self._served()
        return status


class _Caller(Terminal):
    """The terminal at the other end."""

    def __init__(self, writer: asyncio.StreamWriter, request: dict[str, Any]) -> None:
        self._writer = writer
        self._request = request
        self._answers: asyncio.Queue[str] = asyncio.Queue()

    def send(self, message: dict[str, object]) -> None:
        """Send a message; a caller that does not read is given up."""
        if self._writer.transport.get_write_buffer_size() > _MAX_UNREAD_B:
            self._writer.transport.abort()
            return
        self._writer.write(json.dumps(message).encode() + b"\n")

    async def read(self, reader: asyncio.StreamReader) -> None:
        """Take answers until the caller goes."""
        with suppress(_Gone, ConnectionError):
            while True:
                self._answers.put_nowait(str(_decoded(await reader.readline()).get("answer")))

    async def ask(self, question: str) -> str:
        """Let the caller ask the person."""
        self.send({"ask": question})
        return await self._answers.get()

    def line(self, text: str = "") -> None:
        """Print a line of the result there."""
        self.send({"out": text})

    def remark(self, text: str) -> None:
        """Print a line that is no part of the result there."""
        self.send({"err": text})

    @property
    def shows(self) -> bool:
        """Whether the result goes to a terminal."""
        return bool(self._request["shows"])

    @property
    def is_full(self) -> bool:
        """Whether the caller's terminal takes colours."""
        return bool(self._request["shows"])

    @property
    def has_marks(self) -> bool:
        """Whether the encoding there has check marks."""
        return bool(self._request["marks"])

    @property
    def has_blocks(self) -> bool:
        """Whether the encoding there has half blocks."""
        return bool(self._request["blocks"])


def _decoded(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except ValueError:
        raise _Gone from None
    if not isinstance(message, dict):
        raise _Gone
    return message
