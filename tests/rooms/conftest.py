"""A relay in memory and a practice on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from e2ee_client.testing import FakeClock, MemoryNetwork
from practice import Practice, practice


@pytest.fixture
def network() -> Iterator[MemoryNetwork]:
    """A network without faults, where time runs twenty times as fast."""
    made = MemoryNetwork(clock=FakeClock(speed=20))
    yield made
    made.relay.close()


@pytest.fixture
async def praxis(network: MemoryNetwork) -> AsyncIterator[Practice]:
    """A practice whose notice is published."""
    async with practice(network) as made:
        yield made
