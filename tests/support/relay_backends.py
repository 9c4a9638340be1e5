"""What the contract of a relay is asked of: each store, and of a shared one several nodes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeAlias

import psycopg
import pytest
from e2ee_relay.limits import Policy
from e2ee_relay.memory import MemoryRelay
from e2ee_relay.node import Node
from node_relay import NodeRelay
from postgres_server import PostgresServer, missing_programs
from psycopg import sql
from relay_actors import DAY_MS, Clock

MEMORY, FILE, POSTGRESQL = "memory", "sqlite", "postgresql"
# The modules whose tests say what any store, and any number of nodes, has to do.
CONTRACT: Final = (
    "test_mailboxes",
    "test_messages",
    "test_directory",
    "test_prekeys",
    "test_rates",
    "test_admission",
    "test_newcomers",
    "test_blobs",
)

AnyRelay: TypeAlias = MemoryRelay | NodeRelay
MakeRelay: TypeAlias = Callable[..., AnyRelay]


def skip_or_fail(what: str) -> None:
    """Skip a test for a program that is missing; in CI everything is there (`.ci/run` installs it)."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


def held_rows(relay: AnyRelay) -> int:
    """Count the stored messages."""
    if isinstance(relay, NodeRelay):
        with psycopg.connect(relay.url) as db:
            row = db.execute("SELECT count(*) FROM sealroom.message").fetchone()
    else:
        row = relay._file.connection.execute("SELECT count(*) FROM message").fetchone()
    assert row is not None
    return int(row[0])


def states_of(relay: AnyRelay) -> list[Node]:
    """The nodes of a relay, or its one node."""
    if isinstance(relay, NodeRelay):
        return [one.node for one in relay.nodes]
    return [relay.node]


def charged_mailboxes(relay: AnyRelay) -> int:
    """For how many mailboxes the first node has buckets."""
    return len(states_of(relay)[0].limits._mailboxes._by_key)


def known_visitors(relay: AnyRelay) -> int:
    """For how many client addresses the first node has buckets."""
    by_address = states_of(relay)[0].shared._by_address.values()
    return len({visitor for buckets in by_address for visitor in buckets._by_key})


def machine_is_ahead(relay: AnyRelay, skew_ms: int) -> None:
    """Have the machine's clock say another time than the relay's own; negative: behind."""
    for state in states_of(relay):
        state.store.skew_ms = skew_ms


def longest_upkeep_ms(relay: AnyRelay) -> int:
    """How long what has expired may stay: a shared database drops whole days (RLY-108)."""
    return DAY_MS if isinstance(relay, NodeRelay) else 0


class SharedDatabase:
    """One database of a real server, started on first use and emptied for each test."""

    def __init__(self) -> None:
        self._server: PostgresServer | None = None
        self._url = ""

    def server(self) -> PostgresServer:
        if missing_programs():
            skip_or_fail(missing_programs())
        if self._server is None:
            self._server = PostgresServer().start()
        return self._server

    def empty(self) -> str:
        """Return the address of a database without a row."""
        server = self.server()
        if not self._url:
            self._url = server.make_database()
        with psycopg.connect(self._url, autocommit=True) as db:
            found = db.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace('sealroom')"
                " AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> 'meta'"
            ).fetchall()
            for (table,) in found:
                db.execute(sql.SQL("DELETE FROM sealroom.{}").format(sql.Identifier(table)))
        return self._url

    def remove(self) -> None:
        if self._server is not None:
            self._server.remove()


def make_relays(store: str, clock: Clock, folder: Path, shared: SharedDatabase) -> Iterator[MakeRelay]:
    """Yield what makes relays over the store; they are closed in the end."""
    made: list[AnyRelay] = []

    def make(policy: Policy | None = None, *, nodes: int = 3) -> AnyRelay:
        if store == POSTGRESQL:
            made.append(NodeRelay(clock, os.urandom, policy, url=shared.empty(), count=nodes))
        else:
            path = folder / f"{len(made)}.db" if store == FILE else None
            made.append(MemoryRelay(clock, os.urandom, policy, path))
        return made[-1]

    yield make
    for relay in made:
        relay.close()
