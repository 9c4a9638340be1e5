"""A node as an engine: its core, some connections to the database with a thread each, and the bus."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, cast

from e2ee_relay.bus import NODE_B, Bus, Wake, encode_word
from e2ee_relay.clock import SteadyClock
from e2ee_relay.config import Config
from e2ee_relay.engine import DATABASE_GONE
from e2ee_relay.store.api import Observer
from e2ee_relay.store.changes import Change, Store, StoreError
from e2ee_relay.store.postgres.store import PostgresStore
from e2ee_relay.store.writer import Then, Writer

from .core import NodeCore
from .session_core import Completions, SessionCore
from .state import Asked, Told

# Without an answer for so long the database counts as away.
_AWAY_MS: Final = 5_000
_MOST_APART_MS: Final = 3_600_000
_WAKES_AT_ONCE: Final = 512


class NodeEngine:
    """One relay node over a shared database."""

    def __init__(self, config: Config, bus: Bus, now_ms: Callable[[], int]) -> None:
        """Open the database on all connections.

        Raises:
            SchemaTooNew: the database was written by a newer release.
            StoreError: it cannot be reached, or must not be used, or its clock is another (RLY-113).
        """
        self._now_ms = now_ms
        self._bus = bus
        self._most_backlog = config.registration_backlog
        self._node = secrets.token_bytes(NODE_B)
        self._stores = [PostgresStore(config.store, now_ms) for _ in range(config.store_connections)]
        self._refuse_other_time()
        self._inner = NodeCore(config.policy, self._node, now_ms(), config.poll_s)
        self._inner.state.gauges_of_store = self._gauges
        self.clock = SteadyClock(now_ms())
        self.core = SessionCore(self._inner, self.clock)
        # Nothing is written to the own disk; that of the database is watched where it is.
        self.home = Path("/")

    def _refuse_other_time(self) -> None:
        """Refuse a clock that would drop days of all nodes (RLY-113)."""
        query = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"
        row = self._stores[0].connection.execute(query).fetchone()
        if row is None or abs(int(row[0]) - self._now_ms()) > _MOST_APART_MS:
            for store in self._stores:
                store.close()
            raise StoreError("the clocks of this machine and of the database are more than an hour apart")

    @property
    def burned(self) -> int | None:
        """How many one-time keys a database that was put back has lost, None where nothing had changed."""
        return next((one.burned for one in self._stores if one.burned is not None), None)

    def start(self, observer: Observer, /) -> dict[str, int]:
        """Begin to commit, and to hear of other nodes."""
        loop = asyncio.get_running_loop()
        completions = Completions(self.core, loop, observer)
        lanes = [Writer(cast("Store", store), completions.give, time.monotonic) for store in self._stores]
        self._lanes = Lanes(lanes, self._bus, self._node, self.core.heard)
        self._completions = completions
        self.core.submit = self._lanes.submit
        # The database's disk is watched where it is (RLY-158).
        self._inner.state.admits_mailboxes = lambda: self.backlog <= self._most_backlog
        self._lanes.start()
        return self._inner.state.at_start()

    def stop(self, timeout_s: float, /) -> bool:
        """Commit what was submitted and close all connections."""
        return self._lanes.stop(timeout_s)

    @property
    def is_alive(self) -> bool:
        """Tell whether all threads run."""
        return self._lanes.is_alive

    @property
    def backlog(self) -> int:
        """Changes that wait for a commit."""
        return self._lanes.backlog

    @property
    def is_idle(self) -> bool:
        """Tell whether all is committed and answered."""
        return not self._lanes.backlog and self._completions.is_empty

    @property
    def completed_at(self) -> float:
        """When a commit was last heard of."""
        return self._completions.completed_at

    def newly_blocked(self) -> frozenset[bytes] | None:
        """The core reads the blocked ids from the database, every tick."""
        return None

    def complaints(self) -> dict[str, bool]:
        """Say whether the database answers (RLY-109), and is the one of before."""
        return {
            "the database is away": self._inner.state.now_ms - self._inner.answered_ms > _AWAY_MS,
            DATABASE_GONE: not self.is_in_place(),
        }

    def is_in_place(self) -> bool:
        """Tell whether no connection has found another relay's database, or an empty one (RLY-176)."""
        return not any(store.found_another for store in self._stores)

    def file_sizes_b(self) -> tuple[int, int]:
        """The database's files are its server's."""
        return 0, 0

    def _gauges(self) -> dict[str, tuple[str, int]]:
        """Return figures of the connections."""
        return {
            "database_connected": (
                "Connections to the database that stand",
                sum(store.is_connected for store in self._stores),
            ),
            "database_reconnects": (
                "Times that a connection to the database was made anew",
                sum(store.reconnects for store in self._stores),
            ),
            "bus_connected": ("1 if words from other nodes arrive", int(self._bus.is_connected)),
        }


class Lanes:
    """Several writers: what one connection asks for goes through one of them, in order."""

    def __init__(self, lanes: list[Writer], bus: Bus, node: bytes, heard: Callable[[bytes], None]) -> None:
        self._lanes = lanes
        self._bus = bus
        self._node = node
        self._heard = heard
        self._loop = asyncio.get_running_loop()
        self._woken: dict[bytes, dict[bytes, None]] = {}
        self._is_scheduled = False

    def start(self) -> None:
        """Begin to commit and to listen."""
        for lane in self._lanes:
            lane.start()
        self._bus.start(self._node, self._heard)

    def submit(self, change: Change, then: Then) -> None:
        """Hand a change to its lane, or a word to the bus."""
        asked = cast("Any", change)
        if isinstance(asked, Told):
            self._tell(asked)
        elif isinstance(asked, Asked):
            self._lanes[asked.lane % len(self._lanes)].submit(asked.change, then)

    def _tell(self, told: Told) -> None:
        """Send a word; wake-ups of one turn of the loop share one."""
        if not isinstance(told.word, Wake):
            self._bus.tell(told.node, encode_word(told.word))
            return
        self._woken.setdefault(told.node, {}).update(dict.fromkeys(told.word.marks))
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._wake)

    def _wake(self) -> None:
        self._is_scheduled = False
        woken, self._woken = self._woken, {}
        for node, marks in woken.items():
            listed = tuple(marks)
            for start in range(0, len(listed), _WAKES_AT_ONCE):
                self._bus.tell(node, encode_word(Wake(listed[start : start + _WAKES_AT_ONCE])))

    def stop(self, timeout_s: float) -> bool:
        """Let go of the bus, commit what is queued, close all connections; tell whether this was in time."""
        asyncio.run_coroutine_threadsafe(self._bus.stop(), self._loop).result(timeout_s)
        deadline = time.monotonic() + timeout_s
        done = [lane.stop(max(0.0, deadline - time.monotonic())) for lane in self._lanes]
        return all(done)

    @property
    def is_alive(self) -> bool:
        """Tell whether all threads run."""
        return all(lane.is_alive for lane in self._lanes)

    @property
    def backlog(self) -> int:
        """Changes that wait for a commit, on all lanes."""
        return sum(lane.backlog for lane in self._lanes)


def make_bus(config: Config) -> Bus:
    """Return the bus that the configuration names."""
    if config.bus:
        from e2ee_relay.bus.nats import NatsBus

        return NatsBus(config.bus)
    from e2ee_relay.bus.notify import NotifyBus

    return NotifyBus(config.store)
