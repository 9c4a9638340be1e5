"""How long a relay is asked again that refuses a file, and disks that never answer."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conversations import until
from e2ee_client.errors import BlobRefused, ClientClosed, FileStalled, RelayCertificate, RelayUnavailable
from e2ee_client.events import ConnectionChanged, ConnectionState
from e2ee_client.runtime import file_threads
from e2ee_client.runtime.file_folder import FileFolder
from e2ee_client.runtime.file_service import FileService
from e2ee_client.runtime.file_threads import AT_ONCE, FileThreads, Step
from e2ee_client.runtime.file_work import FileWork

from e2ee.ids import AccountId

COMPANY = AccountId(b"c" * 32)
SOURCE = Path("source")


class Clock:
    """Time passes where somebody waits for it."""

    def __init__(self) -> None:
        self.at_ms = 0
        self.pauses: list[int] = []

    def now_ms(self) -> int:
        return self.at_ms

    async def wait_until(self, deadline_ms: int) -> None:
        self.pauses.append(deadline_ms - self.at_ms)
        self.at_ms = deadline_ms


class StoppedClock(Clock):
    """No time passes."""

    async def wait_until(self, deadline_ms: int) -> None:
        await super().wait_until(deadline_ms)
        await asyncio.Event().wait()


def work_by(clock: Clock) -> FileWork:
    """All that waiting needs."""
    machine = SimpleNamespace(files=SimpleNamespace(relay_url=lambda _: "wss://relay.example/"))
    nothing: Any = None
    shell: Any = SimpleNamespace(machine=machine)
    given: Any = clock
    return FileWork(shell, nothing, nothing, given, nothing, FileFolder(None))


async def asked(reason: str, most: int) -> int:
    """How often a relay is asked that refuses for this reason, until it is believed or has `most`."""
    clock, times = Clock(), 0

    async def refuse(_slot: object) -> None:
        nonlocal times
        times += 1
        if times < most:
            raise BlobRefused("no", reason=reason)

    with suppress(BlobRefused):
        await work_by(clock).patiently(COMPANY, refuse)
    assert clock.pauses == sorted(clock.pauses)
    return times


@pytest.mark.parametrize(
    ("reason", "times"),
    [("NOT_FOUND", 1), ("DENIED", 21), ("UNKNOWN_OPERATION", 6), ("BAD_REQUEST", 6), ("", 6)],
)
async def test_a_relay_that_refuses_for_good_is_believed(reason: str, times: int) -> None:
    """FIL-12: a file does not wait for ever for a relay that never takes it."""
    assert await asked(reason, 1_000) == times


@pytest.mark.parametrize("reason", ["RATE_LIMITED", "UNAVAILABLE"])
async def test_a_relay_that_cannot_now_is_asked_again(reason: str) -> None:
    """FIL-12"""
    assert await asked(reason, 300) == 300


async def test_a_relay_that_will_never_be_reached_is_not_waited_for() -> None:
    """FIL-12"""

    async def fail(_slot: object) -> None:
        raise RelayCertificate("no")

    with pytest.raises(RelayCertificate):
        await work_by(Clock()).patiently(COMPANY, fail)


async def test_a_pause_ends_when_the_relay_is_back() -> None:
    """FIL-12: a file does not wait as long again as its relay was away."""
    times, clock = 0, StoppedClock()
    nothing: Any = None
    service = FileService(work_by(clock).shell, nothing, nothing, clock, nothing, None)

    async def work(_slot: object) -> str:
        nonlocal times
        times += 1
        if times < 3:
            raise RelayUnavailable("away")
        return "done"

    waiting = asyncio.create_task(service._work.patiently(COMPANY, work))
    for number in (1, 2):
        await until(lambda number=number: times == number)  # type: ignore[misc]
        await asyncio.sleep(0.01)
        assert not waiting.done()
        service.heard(ConnectionChanged(ConnectionState.ONLINE, "wss://relay.example/"))
    assert await asyncio.wait_for(waiting, 60) == "done"


@pytest.mark.parametrize("reason", ["DENIED", "RATE_LIMITED"])
async def test_a_relay_that_refuses_is_asked_no_sooner_for_connections_that_come_back(reason: str) -> None:
    """FIL-12: else one that is cut off again and again is believed within seconds, and the file lost."""
    times, work = 0, work_by(StoppedClock())

    async def refuse(_slot: object) -> None:
        nonlocal times
        times += 1
        raise BlobRefused("no", reason=reason)

    waiting = asyncio.create_task(work.patiently(COMPANY, refuse))
    await until(lambda: times == 1)
    for _ in range(30):
        work.came_back()
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert times == 1


# --- threads ---

ENDS_BESIDE_ONE_THAT_HANGS = """
import asyncio, pathlib, time
from e2ee_client.runtime import file_threads

async def main():
    file_threads.END_S = 0.05
    threads = file_threads.FileThreads()
    hanging = asyncio.create_task(threads.run(pathlib.Path("a"), lambda step: time.sleep(3600)))
    await asyncio.sleep(0.05)
    await threads.end()
    await asyncio.wait([hanging])
    print(type(hanging.exception()).__name__)

asyncio.run(main())
"""


@pytest.fixture
async def goes_on() -> AsyncIterator[threading.Event]:
    """What hanging work waits for."""
    made = threading.Event()
    yield made
    made.set()


async def test_work_that_hangs_is_bounded_and_ends_with_the_client(
    goes_on: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIL-27: what waits for a place begins no more; who waits is told that the client is closed."""
    monkeypatch.setattr(file_threads, "END_S", 0.05)
    threads, begun = FileThreads(), list[int]()

    def hang(_: Step) -> None:
        begun.append(1)
        goes_on.wait(60)

    hanging = [asyncio.create_task(threads.run(SOURCE, hang)) for _ in range(AT_ONCE + 2)]
    await until(lambda: len(begun) >= AT_ONCE)
    await asyncio.wait(hanging, timeout=0.1)
    assert len(begun) == AT_ONCE
    async with asyncio.timeout(60):
        await threads.end()
        ends = await asyncio.gather(*hanging, return_exceptions=True)
    assert {type(one) for one in ends} == {ClientClosed}
    assert len(begun) == AT_ONCE


async def test_a_place_is_free_when_its_thread_ends_whoever_waits(goes_on: threading.Event) -> None:
    """FIL-27: who does not wait any more leaves no more threads than may be."""
    threads = FileThreads()
    left = [asyncio.create_task(threads.run(SOURCE, lambda _: goes_on.wait(60))) for _ in range(AT_ONCE)]
    await asyncio.sleep(0)
    for one in left:
        one.cancel()
    further = asyncio.create_task(threads.run(SOURCE, lambda _: 7))
    await asyncio.wait([further], timeout=0.1)
    assert not further.done()
    goes_on.set()
    assert await asyncio.wait_for(further, 60) == 7
    assert {type(one) for one in await asyncio.gather(*left, return_exceptions=True)} == {
        asyncio.CancelledError
    }


async def test_what_does_not_go_on_is_given_up_and_its_place_is_free(
    goes_on: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIL-28: eight that hang stop none that comes after them; the same source is refused until they end."""
    monkeypatch.setattr(file_threads, "LOOK_S", 0.01)
    threads, further = FileThreads(), list[int]()

    def hang(step: Step) -> None:
        goes_on.wait(60)
        step()
        further.append(1)

    async with asyncio.timeout(60):
        hanging = await asyncio.gather(
            *(threads.run(Path(str(one)), hang) for one in range(AT_ONCE)), return_exceptions=True
        )
        assert {type(one) for one in hanging} == {FileStalled}
        monkeypatch.setattr(file_threads, "LOOK_S", 10.0)
        assert await threads.run(SOURCE, lambda _: 7) == 7
        with pytest.raises(FileStalled):
            await threads.run(Path("0"), lambda _: 7)
        goes_on.set()
        await until(lambda: not threads._hanging)
        assert await threads.run(Path("0"), lambda _: 7) == 7
    assert further == []


async def test_no_more_threads_hang_than_may_be(
    goes_on: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIL-28: beyond that every source is refused at once, until one of them ends."""
    monkeypatch.setattr(file_threads, "LOOK_S", 0.01)
    monkeypatch.setattr(file_threads, "MOST_HANGING", 3)
    threads = FileThreads()
    async with asyncio.timeout(60):
        for one in range(3):
            with pytest.raises(FileStalled):
                await threads.run(Path(str(one)), lambda _: goes_on.wait(60))
        with pytest.raises(FileStalled):
            await threads.run(SOURCE, lambda _: 7)
        goes_on.set()
        await until(lambda: not threads._hanging)
        monkeypatch.setattr(file_threads, "LOOK_S", 10.0)
        assert await threads.run(SOURCE, lambda _: 7) == 7


async def test_what_is_slow_but_goes_on_is_not_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """FIL-28"""
    monkeypatch.setattr(file_threads, "LOOK_S", 0.3)
    monkeypatch.setattr(file_threads, "MOST_LOOKS", 4)

    def slow(step: Step) -> int:
        for _ in range(90):
            time.sleep(0.02)
            step()
        return 7

    assert await asyncio.wait_for(FileThreads().run(SOURCE, slow), 60) == 7


async def test_who_ends_what_hangs_waits_for_seconds_only(
    goes_on: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIL-28: its place is free then."""
    monkeypatch.setattr(file_threads, "END_S", 0.05)
    threads = FileThreads()
    hanging = [
        asyncio.create_task(threads.run(Path(str(one)), lambda _: goes_on.wait(60))) for one in range(AT_ONCE)
    ]
    await asyncio.sleep(0)
    for one in hanging:
        one.cancel()
    async with asyncio.timeout(60):
        await asyncio.wait(hanging)
        assert await threads.run(SOURCE, lambda _: 7) == 7


async def test_what_work_raises_is_raised() -> None:
    """FIL-27: in the event loop, also from work after that of others."""
    threads = FileThreads()
    with pytest.raises(ValueError, match="invalid literal"):
        await threads.run(SOURCE, lambda _: int("x"))
    assert await threads.run(SOURCE, lambda _: int("1")) == 1
    await threads.end()


def test_a_program_ends_beside_a_thread_that_hangs() -> None:
    """FIL-27: neither the event loop nor the interpreter waits for it."""
    command = (sys.executable, "-c", ENDS_BESIDE_ONE_THAT_HANGS)
    done = subprocess.run(command, timeout=60, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("ClientClosed\n", "")
