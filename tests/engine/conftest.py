"""What worlds of engines share: relays that are closed with their test, and small stocks for rooms."""

from __future__ import annotations

from collections.abc import Iterator

import engine_world
import pytest
import small_stock
from remembered import remembered

__all__ = ["remembered"]


@pytest.fixture(autouse=True)
def small_stock_of_rooms(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests of rooms are about no number of prekeys; those of sessions and accounts have the product's."""
    if request.path.name.startswith("test_room"):
        small_stock.make_small(monkeypatch)


@pytest.fixture(autouse=True)
def closed_worlds() -> Iterator[None]:
    """Close the relays that a test leaves behind."""
    yield
    while engine_world.OPEN:
        engine_world.OPEN.pop().relay.close()
