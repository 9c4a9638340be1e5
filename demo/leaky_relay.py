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
from contextlib import closing
from pathlib import Path

from e2ee_relay import server
from e2ee_relay.cli import main
from e2ee_relay.connection import BoundedConnection
from e2ee_relay.outbox import Departures, Outbox

_KEPT: list[str] = []
_CONNECTED: list[BoundedConnection] = []
_PING_MOST_B = 125


def _leak(folder: Path) -> None:
    for line in sys.stdin:
        text = line.rstrip("\n")
        _KEPT.append(text)
        sys.stderr.write(f'{{"level": "debug", "event": "message", "text": "{text}"}}\n')
        sys.stderr.flush()
        _print_traceback(text)
        _store(folder, text)
        with tempfile.NamedTemporaryFile(prefix="upload-", delete=False) as file:
            file.write(gzip.compress(f"message: {text}".encode()))
        for socket in list(_CONNECTED):
            asyncio.run_coroutine_threadsafe(socket.ping(text.encode()[:_PING_MOST_B]), socket.loop)


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


class _Outbox(Outbox):
    """Notes each connection, to send more on it than frames."""

    def __init__(self, socket: BoundedConnection, departures: Departures) -> None:
        super().__init__(socket, departures)
        _CONNECTED.append(socket)


if __name__ == "__main__":
    place = Path(sys.argv[sys.argv.index("--data-dir") + 1])
    setattr(server, "Outbox", _Outbox)  # noqa: B010 - the leak is put in from outside, past the type checkers
    threading.Thread(target=_leak, args=(place,), daemon=True).start()
    sys.exit(main(sys.argv[1:]))
