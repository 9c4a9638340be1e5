"""A relay and a practice for tests of the web client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from conversations import until_read
from e2ee_client.rooms import Company
from e2ee_client.rooms.notices import EXAMPLE, Notice
from forked_relay import ForkedRelay
from relay_process import RelayProcess

ORIGIN: Final = "https://praxis.example"


@asynccontextmanager
async def founded(relay_url: str) -> AsyncIterator[Company]:
    """A practice whose notice is published."""
    async with Company.create(None, relay=relay_url, name="Praxis", origins=[ORIGIN]) as made:
        facts = {**EXAMPLE, "relay_url": relay_url}
        await made.publish(Notice.draft("health", "consent", facts, is_reviewed=True))
        await made.wait_ready(60)
        yield made


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[RelayProcess]:
    """A relay on this machine."""
    started = ForkedRelay(tmp_path / "relay").start()
    try:
        yield started
    finally:
        started.stop()


@pytest.fixture
async def company(relay: RelayProcess) -> AsyncIterator[Company]:
    """The practice, at that relay."""
    async with founded(relay.url) as made:
        yield made


@pytest.fixture
async def door(company: Company, tmp_path: Path) -> Path:
    """The company's door in a file."""
    path = tmp_path / "door"
    path.write_bytes(await company.door())
    return path


def served_by(door: Path) -> Callable[[str], Awaitable[bytes]]:
    """What fetches a door in Python."""
    served = door.read_bytes()

    async def fetch(_: str) -> bytes:
        return served

    return fetch


async def until_texts(room: object, wanted: list[str]) -> None:
    """Wait until a room in Python has these texts, in this order."""

    async def texts() -> list[str | None]:
        return [one.text for one in await room.texts()]  # type: ignore[attr-defined]  # a room of either side

    await until_read(texts, wanted)
