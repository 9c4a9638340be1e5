"""How long a relay is asked again that refuses a file."""

from __future__ import annotations

from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from e2ee_client.errors import BlobRefused, RelayCertificate
from e2ee_client.runtime.file_folder import FileFolder
from e2ee_client.runtime.file_work import FileWork

from e2ee.ids import AccountId

COMPANY = AccountId(b"c" * 32)


class Clock:
    """Time passes where somebody waits for it."""

    def __init__(self) -> None:
        self.at_ms = 0
        self.pauses: list[int] = []

    def now_ms(self) -> int:
        return self.at_ms

    async def wait_until(self, at_ms: int) -> None:
        self.pauses.append(at_ms - self.at_ms)
        self.at_ms = at_ms


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
