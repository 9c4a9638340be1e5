"""A small stock of one-time prekeys for tests in which devices only have to be reached."""

from __future__ import annotations

import pytest
from e2ee_client.engine import entry

SMALL_STOCK = 10


@pytest.fixture(autouse=True)
def small_stock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish ten one-time keys of a kind instead of a hundred, and refill below five: most worlds need one.

    A test that is about their number sets the product's numbers again, or stands elsewhere (`tests/engine`).
    """
    make_small(monkeypatch)


def make_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have devices publish a small stock."""
    monkeypatch.setattr(entry, "STOCK", SMALL_STOCK)
    monkeypatch.setattr(entry, "REFILL_BELOW", SMALL_STOCK // 2)
