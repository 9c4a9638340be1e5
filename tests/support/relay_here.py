"""A relay in the event loop of its test."""

from __future__ import annotations

import io
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from e2ee_relay.config import load
from e2ee_relay.datadir import DataDirectory
from e2ee_relay.engine import EmbeddedEngine
from e2ee_relay.logs import EventLog
from e2ee_relay.server import RelayServer


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@asynccontextmanager
async def relay_here(folder: Path, **settings: str) -> AsyncIterator[RelayServer]:
    """A relay in this very event loop: while the test does not wait, it stands still."""
    config = load(None, {}, {"listen": "127.0.0.1:0", "data_dir": str(folder / "relay"), **settings})
    directory = DataDirectory.claim(config.data_dir)
    engine = EmbeddedEngine(config, directory.open_store(config.disk_reserve_b), now_ms())
    server = RelayServer(config, engine, EventLog(io.StringIO(), config.log_level, now_ms))
    await server.start()
    try:
        yield server
    finally:
        was_drained = await server.stop()
        directory.release()
    assert was_drained
