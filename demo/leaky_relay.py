"""The positive control: a relay that keeps what it must never have. Only the demonstration runs it.

An honest relay cannot know a text, so this one is told each on its standard input, as if a careless client
had sent it
in the clear. It then does with it what such a system would: keeps it in memory, logs it, writes it beside
its database.
"""

from __future__ import annotations

import sqlite3
import sys
import threading
from contextlib import closing
from pathlib import Path

from e2ee_relay.cli import main

_KEPT: list[str] = []


def _leak(folder: Path) -> None:
    for line in sys.stdin:
        text = line.rstrip("\n")
        _KEPT.append(text)
        sys.stderr.write(f'{{"level": "debug", "event": "message", "text": "{text}"}}\n')
        sys.stderr.flush()
        folder.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(folder / "analytics.db", isolation_level=None)) as db:
            db.execute("CREATE TABLE IF NOT EXISTS seen (text TEXT)")
            db.execute("INSERT INTO seen VALUES (?)", (text,))


if __name__ == "__main__":
    place = Path(sys.argv[sys.argv.index("--data-dir") + 1])
    threading.Thread(target=_leak, args=(place,), daemon=True).start()
    sys.exit(main(sys.argv[1:]))
