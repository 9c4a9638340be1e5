"""A command that runs on the client of another command of this process: a line of a chat that begins with
`/`, or a command from another terminal.
"""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final

from e2ee.errors import E2eeError
from e2ee_client import Client
from e2ee_client.errors import SealroomError

from .failures import Refused, report
from .session import Parse, Session
from .terminal import Terminal
from .texts import Texts

COMMANDS: Final = frozenset(
    {"card", "add", "contacts", "accept", "verify", "send", "listen", "history", "forget"}
    | {"company", "agent", "room"}
)
"""What needs nothing but the client. The others make backups, or a store, or take the whole screen."""
Ask = Callable[[str], Awaitable[str]]


class SharedSession(Session):
    """Asks for no passphrase, and neither opens nor closes the client."""

    is_shared = True

    def __init__(
        self,
        options: argparse.Namespace,
        texts: Texts,
        terminal: Terminal,
        parse: Parse,
        client: Client,
        store: Path,
        ask: Ask,
        text: str = "",
        folder: Path | None = None,
    ) -> None:
        super().__init__(options, texts, terminal, parse)
        self.input = text
        self._client = client
        self._store = store
        self._ask = ask
        self._folder = folder or Path()

    def path(self, given: Path) -> Path:
        """Return a path below the folder in which the command was given."""
        return self._folder / given

    @property
    def store_path(self) -> Path:
        """The store of the client."""
        return self._store

    def passphrase(self, *, new: bool = False) -> str:
        """None is needed."""
        return ""

    def open(self, passphrase: str, *, online: bool) -> AbstractAsyncContextManager[Client]:
        """Give the client that is open."""
        return _kept_open(self._client)

    async def ask(self, question: str, without_terminal: str = "confirm.missing") -> str:
        """Ask whoever gave the command, who has a terminal or says that there is none."""
        return await self._ask(question)


@asynccontextmanager
async def _kept_open(client: Client) -> AsyncIterator[Client]:
    yield client


async def run_shared(
    session: Session,
    arguments: Sequence[str],
    client: Client,
    *,
    texts: Texts,
    terminal: Terminal,
    ask: Ask,
    text: str = "",
    folder: Path | None = None,
) -> int:
    """Run a command on the client of `session`; return its exit status, after its errors were printed."""
    try:
        options = session.parse(arguments, texts)
        if options.command not in COMMANDS:
            raise Refused("store.busy", command=options.command)
        shared = SharedSession(
            options, texts, terminal, session.parse, client, session.store_path, ask, text, folder
        )
        status: int = await options.run(shared)
    except (Refused, SealroomError, E2eeError) as failure:
        return report(failure, texts, terminal, str(session.store_path))
    return status
