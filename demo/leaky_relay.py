"""The positive control: a relay that keeps what it must never have. Only the demonstration runs it.

An honest relay cannot know a text, so this one is told each on its standard input, as if a careless client
had sent it in the clear. It then does with it what such a system would: keeps it in memory, logs it, prints
it in a traceback, writes it beside its database and, compressed, to a temporary file, and sends it on to
whoever is connected.
"""

from __future__ import annotations

import asyncio
import gzip
import sqlite3
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from e2ee_relay.cli import main
from e2ee_relay.outgoing import Outgoing
from e2ee_relay.server import RelayServer
from e2ee_relay.websocket import Connection
from websockets.frames import Frame, Opcode

_KEPT: list[str] = []
_CONNECTED: list[tuple[Outgoing, asyncio.AbstractEventLoop]] = []
_PING_MOST_B = 125


def _leak(folder: Path) -> None:
    for line in sys.stdin:
        text = line.rstrip("\n")
        _KEPT.append(text)
        sys.stderr.write(f'{{"level": "debug", "event": "message", "body": "{text}"}}\n')
        sys.stderr.flush()
        _print_traceback(text)
        _store(folder, text)
        with tempfile.NamedTemporaryFile(prefix="upload-", delete=False) as file:
            file.write(gzip.compress(f"message: {text}".encode()))
        ping = Frame(Opcode.PING, text.encode()[:_PING_MOST_B]).serialize(mask=False)
        for outgoing, loop in list(_CONNECTED):
            loop.call_soon_threadsafe(outgoing.write, ping)


def _print_traceback(text: str) -> None:
    try:
        raise ValueError(f"cannot index {text!r}")
    except ValueError:
        traceback.print_exc(file=sys.stdout)
        sys.stdout.flush()


def _store(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(folder / "analytics.db", isolation_level=None)) as db:
        db.execute("CREATE TABLE IF NOT EXISTS seen (text TEXT)")
        db.execute("INSERT INTO seen VALUES (?)", (text,))


def _noting(opened: Callable[[RelayServer, Connection], None]) -> Callable[[RelayServer, Connection], None]:
    def note(server: RelayServer, connection: Connection) -> None:
        """Note each connection, to send more on it than frames."""
        opened(server, connection)
        if connection.outgoing is not None:
            _CONNECTED.append((connection.outgoing, asyncio.get_running_loop()))

    return note


if __name__ == "__main__":
    place = Path(sys.argv[sys.argv.index("--data-dir") + 1])
    RelayServer.opened = _noting(RelayServer.opened)  # type: ignore[assignment]  # the leak is put in from outside
    threading.Thread(target=_leak, args=(place,), daemon=True).start()
    sys.exit(main(sys.argv[1:]))
