"""One run of a command: its options, where it prints, and the client that it opens."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from e2ee_client import Client, ConnectionState, Opening
from e2ee_client.errors import StoreMissing, WaitTimeout

from .failures import TERMINATED, Refused
from .passphrases import backup_source, store_source
from .terminal import Terminal
from .texts import Texts

T = TypeVar("T")
_LAST_MOMENT_S: Final = 3.0


class Terminated(Exception):
    """A signal asked the program to end."""

    status = TERMINATED


@dataclass(frozen=True, slots=True)
class Session:
    """What every command is given."""

    options: argparse.Namespace
    texts: Texts
    terminal: Terminal

    @property
    def store_path(self) -> Path:
        """The store of this run."""
        given: Path | None = self.options.store
        return given if given is not None else default_store()

    def require_store(self) -> None:
        """Refuse before a passphrase is asked for.

        Raises:
            StoreMissing: there is no file.
        """
        if not self.store_path.exists():
            raise StoreMissing("no file")

    def passphrase(self, *, new: bool = False) -> str:
        """Return the passphrase of the store."""
        if not new:
            self.require_store()
        return store_source(self.options.passphrase_fd).get(self.texts, new=new)

    def backup_passphrase(self, *, new: bool = False) -> str:
        """Return the passphrase of a backup or an exported key."""
        return backup_source(self.options.backup_passphrase_fd).get(self.texts, new=new)

    def open(self, passphrase: str, *, online: bool) -> Opening[Client]:
        """Open the account, in an `async with`."""
        return Client.open(self.store_path, passphrase=passphrase, online=online)

    def say(self, key: str, **values: object) -> None:
        """Print a text as a line of the result."""
        self.terminal.line(self.texts.say(key, **values))

    def remark(self, key: str, **values: object) -> None:
        """Print a text as a remark."""
        self.terminal.remark(self.texts.say(key, **values))

    def confirm(self, key: str, **values: object) -> None:
        """Ask a person before something that cannot be brought back.

        Raises:
            Refused: confirm.declined, or confirm.missing without a terminal.
        """
        if self.options.yes:
            return
        if not os.isatty(0):
            raise Refused("confirm.missing")
        self.terminal.err.write(self.texts.say(key, **values))
        self.terminal.err.flush()
        answer = os.read(0, 64).decode(errors="replace").strip().lower()
        if answer not in self.texts.say("ask.yes").split():
            raise Refused("confirm.declined")

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run the part of a command that opens the client; Ctrl-C and SIGTERM close it cleanly.

        Raises:
            Terminated: SIGTERM came.
        """
        return asyncio.run(_until_terminated(work))


async def _until_terminated(work: Coroutine[Any, Any, T]) -> T:
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
    named = os.environ.get("SEALROOM_STORE")
    if named:
        return Path(named)
    data = os.environ.get("XDG_DATA_HOME")
    folder = Path(data) if data and Path(data).is_absolute() else Path.home() / ".local" / "share"
    return folder / "sealroom" / "store.db"


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
