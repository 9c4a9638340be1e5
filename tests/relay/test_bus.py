"""The two buses against real servers: words arrive, large ones too, and again after the server was away."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress

import pytest
from e2ee_relay.bus import Bus
from e2ee_relay.bus.nats import NatsBus
from e2ee_relay.bus.notify import NotifyBus
from held_port import HeldPort
from postgres_server import PostgresServer, missing_programs
from relay_backends import skip_or_fail

HERE, THERE = b"node-one", b"node-two"


async def passes(bus: Bus, other: Bus, word: bytes) -> list[bytes]:
    """Tell a word until it is heard; return what was heard."""
    heard: list[bytes] = []
    other.start(THERE, heard.append)
    bus.start(HERE, lambda _word: None)
    for _ in range(600):
        if bus.is_connected and other.is_connected:
            bus.tell(THERE, word)
        await asyncio.sleep(0.1)
        if heard:
            break
    return heard


async def heard_again(bus: Bus, heard: list[bytes]) -> bool:
    before = len(heard)
    for _ in range(150):
        bus.tell(THERE, b"again")
        await asyncio.sleep(0.1)
        if b"again" in heard[before:]:
            return True
    return False


async def check(make: Callable[[], Bus], restart: Callable[[], None]) -> None:
    bus, other = make(), make()
    word = os.urandom(96 * 1024)
    heard = await passes(bus, other, word)
    assert heard
    assert set(heard) == {word}
    await asyncio.to_thread(restart)
    assert await heard_again(bus, heard)
    await bus.stop()
    await other.stop()


async def test_notifications() -> None:
    """RLY-105, RLY-110: also a word of many notifications, and after a crash of the database."""
    if missing_programs():
        skip_or_fail(missing_programs())
    server = PostgresServer().start()
    try:
        await check(lambda: NotifyBus(server.url()), lambda: server.restart("immediate"))
    finally:
        server.remove()


async def test_nats() -> None:
    """RLY-105, RLY-110: the same over NATS core."""
    program = shutil.which("nats-server", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None:
        skip_or_fail("nats-server is not installed (Debian: nats-server)")
    held = HeldPort()
    command = [str(program), "-a", "127.0.0.1", "-p", str(held.number)]
    running: list[subprocess.Popen[bytes]] = []

    def restart() -> None:
        for process in running:
            process.kill()
            process.wait()
        running.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))

    restart()
    try:
        await check(lambda: NatsBus(f"nats://127.0.0.1:{held.number}"), restart)
    finally:
        for process in running:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()


def test_buses_are_skipped_only_where_they_are_missing() -> None:
    """In CI both are there: a test that is skipped says what it misses."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CI", "true")
        with pytest.raises(pytest.fail.Exception, match="absent"):
            skip_or_fail("absent")
