"""A relay on a clock that stands still: in memory, and for the tests of the contract over each store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from relay_actors import Clock, Owner, Peer
from relay_backends import (
    CONTRACT,
    FILE,
    MEMORY,
    POSTGRESQL,
    AnyRelay,
    MakeRelay,
    SharedDatabase,
    make_relays,
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "store" in metafunc.fixturenames:
        is_contract = metafunc.definition.path.stem in CONTRACT
        metafunc.parametrize(
            "store", [MEMORY, FILE, POSTGRESQL] if is_contract else [MEMORY], scope="session"
        )


@pytest.fixture(scope="session")
def shared_database() -> Iterator[SharedDatabase]:
    shared = SharedDatabase()
    yield shared
    shared.remove()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_relay(
    store: str, clock: Clock, tmp_path: Path, shared_database: SharedDatabase
) -> Iterator[MakeRelay]:
    yield from make_relays(store, clock, tmp_path, shared_database)


@pytest.fixture
def relay(make_relay: MakeRelay) -> AnyRelay:
    return make_relay()


@pytest.fixture
async def peer(relay: AnyRelay) -> Peer:
    """A connection that has seen its Hello."""
    return await Peer(relay.connect()).greet()


@pytest.fixture
async def sender(relay: AnyRelay) -> Peer:
    """Another one, that never authenticates."""
    return await Peer(relay.connect()).greet()


@pytest.fixture
async def owner(peer: Peer) -> Owner:
    """A mailbox that `peer` owns, with one contact."""
    made = Owner()
    await made.set_up(peer)
    return made
