"""A standby that has just been promoted, and what a node makes of it; the long run is failover.py."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from e2ee_relay.limits import Policy
from e2ee_relay.store.postgres import PostgresStore
from e2ee_relay.store.postgres_session import Identity, connect
from failover_run import ReplicatedServer
from postgres_server import missing_programs

pytestmark = pytest.mark.processes


@pytest.fixture
def pair() -> Iterator[tuple[ReplicatedServer, ReplicatedServer]]:
    if missing_programs():
        if os.environ.get("CI"):
            pytest.fail(missing_programs())
        pytest.skip(missing_programs())
    servers = ReplicatedServer(), ReplicatedServer()
    yield servers
    for server in servers:
        server.kill()
        server.remove()


def burned(server: ReplicatedServer) -> int | None:
    """Open the relay's store; return how many keys it has burned, None for the database of before."""
    store = PostgresStore(server.url(), Policy(), lambda: 1 << 41, has_threads=False)
    store.stop(1)
    return store.burned


def test_a_promoted_standby_is_another_database_at_once(
    pair: tuple[ReplicatedServer, ReplicatedServer],
) -> None:
    """RLY-103: the first connection after the promotion burns, without waiting for a checkpoint."""
    primary, standby = pair
    primary.start()
    assert burned(primary) is None
    standby.follow(primary)
    primary.set("synchronous_standby_names", "*")
    primary.kill()
    standby.set("checkpoint_timeout", "1h")
    standby.promote()
    with connect(standby.url(), "test") as db:
        assert Identity.of(db).timeline == 2
    assert burned(standby) == 0
    assert burned(standby) is None
