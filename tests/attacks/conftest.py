"""The book of evidence, and an end to what a test leaves open."""

from __future__ import annotations

from collections.abc import Iterator

import attack_world
import engine_world
import pytest
from attack_evidence import BOOK, Book
from remembered import remembered
from small_stock import small_stock

__all__ = ["remembered", "small_stock"]


@pytest.fixture(autouse=True)
def closed_worlds() -> Iterator[None]:
    """Close the relays and stores that a test leaves behind."""
    yield
    while engine_world.OPEN:
        engine_world.OPEN.pop().relay.close()
    while attack_world.STORES:
        attack_world.STORES.pop().close()


@pytest.fixture
def book(request: pytest.FixtureRequest) -> Book:
    """The book of this run; `report.py` writes it down."""
    return request.config.stash.setdefault(BOOK, Book())
