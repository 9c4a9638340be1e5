"""The relay in memory as a transport, with faults on the way; and clients that use it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from e2ee_relay.limits import Policy
from e2ee_relay.memory import ConnectionClosed, MemoryConnection, MemoryRelay
from e2ee_relay.protocol import FrameError, Message, Role, decode_frames

from e2ee_client.client import Client
from e2ee_client.errors import RelayUnavailable, StoreFull
from e2ee_client.opening import Opening, Runtime
from e2ee_client.rows import Change
from e2ee_client.runtime.clock import Clock, SystemClock
from e2ee_client.runtime.machine import RowStore
from e2ee_client.runtime.transport import Connection
from e2ee_client.store import INTERACTIVE, Store

from .fake_clock import FakeClock
from .faults import Faults

URL: Final = "wss://relay.test"
_HELD_BACK_S: Final = 0.05
_BREAKS_AFTER_LOSS_S: Final = 0.25


class RefusingStore:
    """A store that refuses commits while `refuse` is True, as one without room does (STO-09)."""

    def __init__(self, store: RowStore) -> None:
        self._store = store
        self.refuse = False
        self.refused = 0
        self.record: list[Sequence[Change]] = []

    def commit(self, changes: Sequence[Change]) -> None:
        """Commit, or refuse to."""
        if self.refuse:
            self.refused += 1
            raise StoreFull("refused by the test")
        self._store.commit(changes)
        self.record.append(changes)

    def close(self) -> None:
        """Close the store."""
        self._store.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRuntime(Runtime):
    """A runtime whose store can be told to refuse commits; one for each client."""

    stores: list[RefusingStore]

    def row_store(self, store: Store) -> RowStore:
        """Put a refusing store in between."""
        self.stores.append(RefusingStore(store))
        return self.stores[-1]

    @property
    def store(self) -> RefusingStore:
        """The store of the newest client with this runtime."""
        return self.stores[-1]


class MemoryNetwork:
    """A transport to one relay in memory, whatever the address."""

    def __init__(
        self, *, clock: Clock | None = None, faults: Faults | None = None, policy: Policy | None = None
    ) -> None:
        self.clock = clock or SystemClock()
        self.faults = faults or Faults()
        self.relay = MemoryRelay(self.clock.now_ms, os.urandom, policy)
        self.opened = 0
        self._connections: set[_FaultyConnection] = set()
        if isinstance(self.clock, FakeClock):
            self.clock.on_advance(self.relay.tick)

    @property
    def url(self) -> str:
        """An address for cards; every address leads to this relay."""
        return URL

    def runtime(self) -> MemoryRuntime:
        """Return what a client needs to be in this network."""
        return MemoryRuntime(transport=self, clock=self.clock, kdf_profile=INTERACTIVE, stores=[])

    def client(self, *, runtime: Runtime | None = None, **settings: Any) -> Opening[Client]:
        """Make a client with a store in memory; `settings` as for `Client.create`."""
        return Client.create(None, relay=self.url, runtime=runtime or self.runtime(), **settings)

    async def open(self, url: str, *, foreign: bool = False) -> Connection:
        """Connect to the relay."""
        if self.faults.refuse:
            raise RelayUnavailable("refused by the test")
        self.opened += 1
        self.relay.tick()
        connection = _FaultyConnection(self, self.relay.connect())
        self._connections.add(connection)
        return connection

    def cut(self) -> None:
        """Break all connections and refuse new ones until `mend`."""
        self.faults.refuse = True
        self.break_connections()

    def mend(self) -> None:
        """Let connections be opened again."""
        self.faults.refuse = False

    def break_connections(self) -> None:
        """Break all connections that stand at the moment."""
        for connection in list(self._connections):
            connection.drop()

    def restart_relay(self) -> None:
        """Let the relay begin anew from its store, as after a crash."""
        self.relay.restart()

    def forget(self, connection: _FaultyConnection) -> None:
        """A connection has ended; called by it."""
        self._connections.discard(connection)


class _FaultyConnection:
    """One connection, with what `Faults` asks for."""

    def __init__(self, network: MemoryNetwork, inner: MemoryConnection) -> None:
        self._network = network
        self._inner = inner
        self._again: list[bytes] = []
        self._held_back: list[bytes] = []
        self._received = 0
        self._breaking: asyncio.TimerHandle | None = None

    async def send(self, data: bytes) -> None:
        """Send one message."""
        try:
            await self._inner.send_bytes(data)
        except (ConnectionClosed, FrameError):
            raise RelayUnavailable("the connection is gone") from None

    async def receive(self) -> bytes:
        """Wait for one message."""
        data = await self._next()
        faults = self._network.faults
        if faults.delay_s:
            await asyncio.sleep(faults.delay_s)
        self._received += 1
        if faults.break_every and self._received > faults.break_every:
            self.drop()
            raise RelayUnavailable("broken by the test")
        return data

    async def _next(self) -> bytes:
        while True:
            if self._again:
                return self._again.pop()
            data = await self._from_relay()
            if data is None:
                return self._held_back.pop()
            if not _is_message(data):
                return data
            faults = self._network.faults
            if faults.dice.falls(faults.lose):
                self._break_soon()
                continue
            if not self._held_back and faults.dice.falls(faults.reorder):
                self._held_back.append(data)
                continue
            if faults.dice.falls(faults.duplicate):
                self._again.append(data)
            self._again[:0] = self._held_back
            self._held_back.clear()
            return data

    async def _from_relay(self) -> bytes | None:
        """Return the next message, or None if one is held back and nothing follows it."""
        try:
            if not self._held_back:
                return await self._inner.receive_bytes()
            with suppress(TimeoutError):
                async with asyncio.timeout(_HELD_BACK_S):
                    return await self._inner.receive_bytes()
        except ConnectionClosed:
            self._network.forget(self)
            raise RelayUnavailable("the connection is gone") from None
        return None

    def _break_soon(self) -> None:
        """What was lost comes on another connection: the relay sends nothing twice on one."""
        if self._breaking is None:
            loop = asyncio.get_running_loop()
            self._breaking = loop.call_later(_BREAKS_AFTER_LOSS_S, self.drop)

    async def close(self) -> None:
        """Close."""
        self.drop()

    def drop(self) -> None:
        """Break at once."""
        if self._breaking is not None:
            self._breaking.cancel()
        self._network.forget(self)
        self._inner.drop()


def _is_message(data: bytes) -> bool:
    return isinstance(decode_frames(data, Role.CLIENT)[0], Message)
