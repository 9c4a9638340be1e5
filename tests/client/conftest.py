"""A relay in memory for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from e2ee_client import Client
from e2ee_client.testing import FakeClock, MemoryNetwork
from small_stock import small_stock

__all__ = ["small_stock"]


@pytest.fixture
def network() -> Iterator[MemoryNetwork]:
    """A network without faults, where time runs twenty times as fast."""
    made = MemoryNetwork(clock=FakeClock(speed=20))
    yield made
    made.relay.close()


@pytest.fixture
async def shop(network: MemoryNetwork) -> AsyncIterator[Client]:
    """A company with a directory entry, online."""
    async with network.client(publish=True, front_desk=True, name="Shop") as client:
        await client.wait_online(60)
        yield client


@pytest.fixture
async def customer(network: MemoryNetwork) -> AsyncIterator[Client]:
    """Somebody who publishes nothing."""
    async with network.client() as client:
        yield client
