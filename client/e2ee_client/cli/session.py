"""One run of a command: its options, where it prints, and the client that it opens."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import Any, Final, TypeAlias

from e2ee_client import Client, ConnectionState, Runtime, WebSocketTransport
from e2ee_client.errors import ConfigError, StoreMissing, WaitTimeout

from .failures import DONE, TERMINATED, Refused
from .files import given_or_input
from .line_input import input_lines
from .passphrases import backup_source, store_source
from .terminal import Terminal
from .texts import Texts

Work: TypeAlias = Coroutine[Any, Any, int]
"""What a command does with the client, after it has asked for passphrases; the exit status."""
Parse: TypeAlias = Callable[[Sequence[str], Texts], argparse.Namespace]
_LAST_MOMENT_S: Final = 3.0


class Terminated(Exception):
    """A signal asked the program to end."""

    status = TERMINATED


class Session:
    """What every command is given. It may begin again (the store was locked) without asking again."""

    is_shared = False
    """Whether the client belongs to another command of this process."""

    def __init__(self, options: argparse.Namespace, texts: Texts, terminal: Terminal, parse: Parse) -> None:
        self.options = options
        self.texts = texts
        self.terminal = terminal
        self.parse = parse
        self.store_passphrase = ""
        self.input: str | None = None

    @property
    def store_path(self) -> Path:
        """The store of this run."""
        given: Path | None = self.options.store
        return given if given is not None else default_store()

    def path(self, given: Path) -> Path:
        """Return a path as whoever gave the command means it."""
        return given

    def passphrase(self, *, new: bool = False) -> str:
        """Return the passphrase of the store.

        Raises:
            StoreMissing: there is no store; nothing is asked for.
        """
        if not new and not self.store_path.exists():
            raise StoreMissing("no file")
        if not self.store_passphrase:
            source = store_source(self.options.passphrase_fd)
            self.store_passphrase = source.get(self.texts, self.terminal.remark, new=new)
        return self.store_passphrase

    def backup_passphrase(self, *, new: bool = False) -> str:
        """Return the passphrase of a backup or an exported key."""
        source = backup_source(self.options.backup_passphrase_fd)
        return source.get(self.texts, self.terminal.remark, new=new)

    def given_or_input(self, text: str) -> str:
        """Return the text, or the whole input for `-`."""
        if text != "-":
            return text
        if self.input is None:
            self.input = given_or_input(text)
        return self.input

    def open(self, passphrase: str, *, online: bool) -> AbstractAsyncContextManager[Client]:
        """Open the account."""
        return Client.open(self.store_path, passphrase=passphrase, online=online, runtime=self.runtime())

    @property
    def authorities(self) -> Path | None:
        """The file of authorities that are trusted in place of the system's: `--ca-file`."""
        given: Path | None = self.options.ca_file or _path_of("SEALROOM_CA_FILE")
        return given

    def runtime(self) -> Runtime:
        """Return what the client is run with.

        Raises:
            Refused: file.certificates.
        """
        file = self.authorities
        if file is None:
            return Runtime()
        try:
            return Runtime(transport=WebSocketTransport(ca_file=file))
        except ConfigError:
            raise Refused("file.certificates", path=file) from None

    def say(self, key: str, **values: object) -> None:
        """Print a text as a line of the result."""
        self.terminal.prose(self.texts.say(key, **values))

    def remark(self, key: str, **values: object) -> None:
        """Print a text as a remark."""
        self.terminal.remark(self.texts.say(key, **values))

    def result(self, key: str, found: Mapping[str, object], **values: object) -> None:
        """Print what has come of the command: as JSON for programs, else as a text."""
        if self.options.json:
            self.terminal.json(found)
        else:
            self.say(key, **values)

    async def confirm(self, key: str, **values: object) -> None:
        """Ask a person before something that cannot be brought back.

        Raises:
            Refused: confirm.declined, or confirm.missing without a terminal.
        """
        if self.options.yes:
            return
        answer = await self.ask(self.texts.say(key, **values))
        if answer.strip().lower() not in self.texts.say("ask.yes").split():
            raise Refused("confirm.declined")

    async def ask(self, question: str, without_terminal: str = "confirm.missing") -> str:
        """Return the line that a person answers.

        Raises:
            Refused: with the code `without_terminal`, where there is nobody to ask.
        """
        if not os.isatty(0):
            raise Refused(without_terminal)
        self.terminal.prompt(question)
        async for line in input_lines(0):
            return line
        return ""

    async def ask_or_input(self, question: str) -> str:
        """Return the line that a person answers, or the input where there is no terminal: for what is not to
        stand among the arguments of a program, which others may see.
        """
        if os.isatty(0):
            return await self.ask(question)
        return self.given_or_input("-").strip()

    def run(self, work: Work) -> int:
        """Run the part of a command that opens the client; Ctrl-C and SIGTERM close it cleanly.

        Raises:
            Terminated: SIGTERM came.
        """
        return asyncio.run(_until_terminated(work))


def opened(session: Session, act: Callable[[Client], Awaitable[None]], *, online: bool) -> Work:
    """Open the account, and do something with it."""
    passphrase = session.passphrase()

    async def work() -> int:
        async with session.open(passphrase, online=online) as client:
            await act(client)
        return DONE

    return work()


async def _until_terminated(work: Work) -> int:
    task = asyncio.ensure_future(work)
    asked = asyncio.Event()

    def end() -> None:
        asked.set()
        task.cancel()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)
    try:
        return await task
    except asyncio.CancelledError:
        if asked.is_set():
            raise Terminated from None
        task.cancel()
        await asyncio.wait([task])
        raise


async def settle(client: Client) -> None:
    """Before leaving, give what we owe the other side a moment: receipts go out a little later than texts
    come in.
    """
    if client.connection_state is not ConnectionState.ONLINE:
        return
    with suppress(WaitTimeout):
        await client.wait_settled(_LAST_MOMENT_S)


def default_store() -> Path:
    """Return where the store is without `--store`: SEALROOM_STORE, else in the folder for a user's data."""
    named = _path_of("SEALROOM_STORE")
    if named is not None:
        return named
    data = os.environ.get("XDG_DATA_HOME")
    folder = Path(data) if data and Path(data).is_absolute() else Path.home() / ".local" / "share"
    return folder / "sealroom" / "store.db"


def _path_of(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return Path(value) if value else None


def make_folder(store: Path) -> None:
    """Make the folder of a new store, for its owner only, where it is the usual one.

    Raises:
        Refused: file.failed.
    """
    try:
        store.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Refused("file.failed", path=store.parent, reason=error.strerror) from None


def local_time(time_ms: int, form: str = "%H:%M:%S") -> str:
    """Return a time of day here."""
    return time.strftime(form, time.localtime(min(time_ms, 10**14) / 1000))


def local_date(time_ms: int) -> str:
    """Return a day here."""
    return local_time(time_ms, "%Y-%m-%d")
