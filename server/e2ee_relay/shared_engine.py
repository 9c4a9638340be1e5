"""What stands behind the relay's shell where nodes share a database: a node, and its part of the store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .clock import SteadyClock
from .config import Config
from .node import Node
from .store.api import Observer
from .store.postgres import PostgresStore


class SharedEngine:
    """One node over a shared database. Implements `Engine`."""

    def __init__(self, config: Config, now_ms: Callable[[], int]) -> None:
        """Open the database; `now_ms` is the machine's time.

        Raises:
            SchemaTooNew: the database was written by a newer release.
            StoreError: it cannot be reached, or must not be used, or its clock is another (RLY-113).
        """
        self.clock = SteadyClock(now_ms())
        self.store = PostgresStore(
            config.store, config.policy, self.clock, poll_s=config.poll_s, wall_ms=now_ms()
        )
        self.core = Node(config.policy, self.store, self.clock)
        # The database's disk is watched where it is (RLY-158).
        self.core.admits_mailboxes = lambda: self.store.crowd <= config.registration_backlog
        # Nothing is written to the own disk; that of the database is watched where it is.
        self.home = Path("/")

    def start(self, observer: Observer, /) -> dict[str, int]:
        """Begin to carry out operations, and to listen to other nodes."""
        self.store.start(self.core, observer)
        return {}

    def newly_blocked(self) -> frozenset[bytes] | None:
        """The store reads the blocked ids from the database."""
        return None

    def is_in_place(self) -> bool:
        """Tell whether no connection has found another relay's database, or an empty one (RLY-176)."""
        return not self.store.found_another

    def file_sizes_b(self) -> tuple[int, int]:
        """The database's files are its server's."""
        return 0, 0
