"""Every relay of a world is closed with the test that made it."""

from __future__ import annotations

from collections.abc import Iterator

import engine_world
import pytest
from remembered import remembered

__all__ = ["remembered"]


@pytest.fixture(autouse=True)
def closed_worlds() -> Iterator[None]:
    """Close the relays that a test leaves behind."""
    yield
    while engine_world.OPEN:
        engine_world.OPEN.pop().relay.close()
