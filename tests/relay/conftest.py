"""A relay in memory, on a clock that stands still."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from e2ee_relay.memory import MemoryRelay
from relay_actors import Clock, Owner, Peer


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def relay(clock: Clock) -> Iterator[MemoryRelay]:
    made = MemoryRelay(clock, os.urandom)
    yield made
    made.close()


@pytest.fixture
async def peer(relay: MemoryRelay) -> Peer:
    """A connection that has seen its Hello."""
    return await Peer(relay.connect()).greet()


@pytest.fixture
async def sender(relay: MemoryRelay) -> Peer:
    """Another one, that never authenticates."""
    return await Peer(relay.connect()).greet()


@pytest.fixture
async def owner(peer: Peer) -> Owner:
    """A mailbox that `peer` owns, with one contact."""
    made = Owner()
    await made.set_up(peer)
    return made
