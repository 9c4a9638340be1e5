"""A real relay, a company with a directory entry, and a customer who has its card."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Person, Two, make_account
from relay_process import RelayProcess


@pytest.fixture(scope="session")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelayProcess]:
    """A relay that runs through all tests of this folder."""
    with RelayProcess(tmp_path_factory.mktemp("relay") / "data") as process:
        yield process


@pytest.fixture
def person(tmp_path: Path) -> Person:
    """Somebody who has no store yet."""
    return _person(tmp_path / "person")


@pytest.fixture
def two(tmp_path: Path, relay: RelayProcess) -> Two:
    """The two, before the first text."""
    shop, customer = _person(tmp_path / "shop"), _person(tmp_path / "customer")
    card = make_account(shop.store, relay.url, name="Shop", publish=True)
    make_account(customer.store, relay.url)
    customer.ok("add", card)
    return Two(shop, customer, card)


@pytest.fixture
def acquainted(two: Two) -> Two:
    """The two, after the customer has written."""
    two.customer.ok("send", "Shop", "Hello")
    two.shop.ok("listen", "--count", "1")
    return two


def _person(home: Path) -> Person:
    home.mkdir()
    return Person(home)
