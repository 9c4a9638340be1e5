"""The book of evidence, and an end to what a test leaves open."""

from __future__ import annotations

from collections.abc import Iterator

import attack_world
import engine_world
import pytest
from attack_evidence import BOOK, Book
from e2ee_client.engine import entry
from remembered import remembered

__all__ = ["remembered"]


@pytest.fixture(autouse=True)
def closed_worlds() -> Iterator[None]:
    """Close the relays and stores that a test leaves behind."""
    yield
    while engine_world.OPEN:
        engine_world.OPEN.pop().relay.close()
    while attack_world.STORES:
        attack_world.STORES.pop().close()


@pytest.fixture(autouse=True)
def small_stock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish ten one-time keys of a kind instead of a hundred: most worlds need one."""
    monkeypatch.setattr(entry, "STOCK", 10)
    monkeypatch.setattr(entry, "REFILL_BELOW", 5)


@pytest.fixture
def book(request: pytest.FixtureRequest) -> Book:
    """The book of this run; `report.py` writes it down."""
    return request.config.stash.setdefault(BOOK, Book())
