"""A relay of the bench's own: a process with an own database, without limits, perhaps with a backlog."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from e2ee_relay.datadir import DataDirectory
from e2ee_relay.protocol import hour_of

_RATES: Final = (
    "requests",
    "creations",
    "auths",
    "creations_global",
    "directory_b",
    "directory_b_global",
    "contact_messages",
    "contact_b",
    "mailbox_messages",
    "mailbox_b",
)
_SETTINGS: Final = (
    *(f"{name}=1e9/1e9" for name in _RATES),
    "quota_messages=1000000",
    "quota_b=1000000000000",
    "max_connections=100000",
    "log_level=warning",
)
_ROWS_AT_ONCE: Final = 2_000
_MONTH_MS: Final = 30 * 86_400_000
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


class TargetFailed(Exception):
    """The relay did not start."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used; None where the system does not tell."""

    rss_b: int | None
    cpu_s: float | None


def usage(pid: int) -> Usage:
    """Return the memory and processor time of a process (Linux)."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return Usage(None, None)
    ticks = int(fields[11]) + int(fields[12])
    return Usage(pages * os.sysconf("SC_PAGE_SIZE"), ticks / _TICKS_PER_S)


class Target:
    """The running relay."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self._process = process
        self.url = url
        self.pid = process.pid

    @classmethod
    async def start(cls, data_dir: Path, program: Sequence[str] = ("-m", "e2ee_relay")) -> Target:
        """Start `python PROGRAM serve` on a free port.

        Raises:
            TargetFailed: it ended instead.
        """
        settings = [part for one in _SETTINGS for part in ("--set", one)]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *program,
            "serve",
            "--data-dir",
            str(data_dir),
            "--listen",
            "127.0.0.1:0",
            *settings,
            stdout=asyncio.subprocess.PIPE,
        )
        line = b"" if process.stdout is None else await process.stdout.readline()
        if not line.startswith(b"ready "):
            await process.wait()
            raise TargetFailed("the relay did not start; what it said stands above")
        return cls(process, line.split()[1].decode())

    async def stop(self) -> None:
        """End it as a service manager would."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        await self._process.wait()


def fill(data_dir: Path, messages: int, mailboxes: int, size_b: int) -> None:
    """Put a resident backlog into a new database: so many messages of so many mailboxes, in random order."""
    today = int(time.time()) // 86_400
    now_ms = hour_of(time.time_ns() // 1_000_000)
    made = [(no, os.urandom(16), os.urandom(32), today) for no in range(1, mailboxes + 1)]
    with DataDirectory.claim(data_dir) as directory, closing(directory.open_store()) as file:
        with file.transaction():
            file.connection.executemany("INSERT INTO mailbox VALUES (?, ?, ?, ?)", made)
        seqs = [0] * (mailboxes + 1)
        for first in range(1, messages + 1, _ROWS_AT_ONCE):
            rows: list[tuple[int | bytes, ...]] = []
            for row_id in range(first, min(first + _ROWS_AT_ONCE, messages + 1)):
                no = 1 + secrets.randbelow(mailboxes)
                seqs[no] += 1
                body = os.urandom(size_b)
                rows.append((row_id, no, seqs[no], os.urandom(16), now_ms + _MONTH_MS, now_ms, body))
            with file.transaction():
                file.connection.executemany("INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
