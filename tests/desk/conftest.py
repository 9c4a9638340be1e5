"""A practice over a relay in memory, and a page that needs no built files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from e2ee_client.desk import assets
from e2ee_client.desk.assets import Asset
from e2ee_client.testing import FakeClock, MemoryNetwork
from practice import Practice, practice
from small_stock import small_stock

__all__ = ["small_stock"]


@pytest.fixture
def network() -> Iterator[MemoryNetwork]:
    """A network without faults, where time runs twenty times as fast."""
    made = MemoryNetwork(clock=FakeClock(speed=20))
    yield made
    made.relay.close()


@pytest.fixture
async def praxis(network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Practice]:
    """A practice whose notice is published."""
    page = {
        "/": Asset("text/html; charset=utf-8", b"<!doctype html>"),
        "/a.js": Asset("text/javascript", b""),
    }
    monkeypatch.setattr(assets, "load", lambda: page)
    async with practice(network) as made:
        yield made
