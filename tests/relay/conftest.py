"""A relay on a clock that stands still: in memory, and for the tests of the contract over each store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from e2ee_relay.limits import Policy
from e2ee_relay.store.postgres_session import connect
from postgres_nodes import Node, WordsHere
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


# --- nodes over one database, without clients ---


@pytest.fixture
def words() -> WordsHere:
    return WordsHere()


@pytest.fixture
def url(shared_database: SharedDatabase) -> str:
    return shared_database.empty()


@pytest.fixture
def make_node(url: str, clock: Clock, words: WordsHere) -> Iterator[Callable[..., Node]]:
    made: list[Node] = []

    def one(policy: Policy | None = None) -> Node:
        made.append(Node(url, words, clock, policy or Policy(), len(made)))
        return made[-1]

    yield one
    for node in made:
        node.store.stop(1)


@pytest.fixture
def db(url: str) -> Iterator[psycopg.Connection]:
    with connect(url, "test") as found:
        yield found
