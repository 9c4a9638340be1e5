"""Engines, their stores and one relay in a single thread, under a clock that the test moves.

Nothing happens by itself: `settle` carries everything to its end, and the hooks of a node let a test drop,
hold, copy or record what travels.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from e2ee_client.engine import (
    Channel,
    Close,
    Commit,
    Effect,
    Engine,
    Notify,
    Open,
    Ports,
    Setup,
    Transmit,
    Work,
)
from e2ee_client.events import Event, MessageReceived
from e2ee_client.rows import Continuity, Delete, Put
from e2ee_relay.limits import Policy
from e2ee_relay.memory import MemoryConnection, MemoryRelay
from e2ee_relay.protocol import find_pow

from e2ee.card import ContactCard
from e2ee.primitives import kem

E = TypeVar("E", bound=Event)

START_MS = 1_764_000_000_000
RELAY_URL = "wss://relay.example/"
_SWEEP_EVERY_MS = 30_000
"""How often the relay looks at its clock while time passes; it also does at the end of each span."""


class SeededRng:
    """An unlimited stream of bytes from a seed."""

    def __init__(self, seed: str) -> None:
        self._seed = seed.encode()
        self._counter = itertools.count()

    def __call__(self, size_b: int) -> bytes:
        stream = b""
        while len(stream) < size_b:
            block = self._seed + next(self._counter).to_bytes(8, "big")
            stream += hashlib.blake2b(block).digest()
        return stream[:size_b]


class Rows:
    """A store without encryption or disk: a dict for each table, in order of insertion."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[bytes, bytes]] = {}
        self.commits = 0

    def get(self, table: str, key: bytes) -> bytes | None:
        return self.tables.get(table, {}).get(key)

    def items(self, table: str):  # type: ignore[no-untyped-def]  # an iterator over a snapshot
        return iter(list(self.tables.get(table, {}).items()))

    def commit(self, changes: tuple[Put | Delete, ...]) -> None:
        self.commits += 1
        for change in changes:
            rows = self.tables.setdefault(change.table, {})
            if isinstance(change, Put):
                rows[change.key] = change.value
            else:
                rows.pop(change.key, None)

    def copy(self) -> Rows:
        twin = Rows()
        twin.tables = {table: dict(rows) for table, rows in self.tables.items()}
        return twin


OPEN: list[World] = []
"""Worlds whose relays are still open."""


class World:
    """One relay, some nodes, one clock. `wakes` counts how often the clock was moved to do something."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.now_ms = START_MS
        self.relay = MemoryRelay(lambda: self.now_ms, SeededRng("relay"), policy)
        self.relay_up = True
        self.nodes: list[Node] = []
        self.wakes = 0
        self._swept_ms = START_MS
        OPEN.append(self)

    def node(
        self,
        name: str,
        *,
        publish: bool = False,
        keep_alive_ms: int | None = None,
        ahead_ms: int = 0,
        **setup: object,
    ) -> Node:
        chosen = Setup(RELAY_URL, name=name, publish=publish, front_desk=publish, **setup)  # type: ignore[arg-type]  # test setups
        node = Node(self, name, chosen, keep_alive_ms=keep_alive_ms, ahead_ms=ahead_ms)
        self.nodes.append(node)
        return node

    def settle(self, limit: int = 20_000) -> None:
        """Deliver until nothing moves."""
        for _ in range(limit):
            moved = [node.step() for node in self.nodes]
            if not any(moved):
                return
        raise AssertionError("the world does not come to rest")

    def advance(self, ms: int) -> None:
        """Let time pass, tick by tick, and settle after each."""
        end_ms = self.now_ms + ms
        while True:
            self.settle()
            due = min((wake for node in self.nodes if (wake := node.wake_ms()) is not None), default=end_ms)
            if due >= end_ms:
                break
            self.now_ms = max(self.now_ms + 1, due)
            self._tick()
        self.now_ms = end_ms
        self.relay.tick()
        self._tick()
        self.settle()

    def _tick(self) -> None:
        self.wakes += 1
        if abs(self.now_ms - self._swept_ms) >= _SWEEP_EVERY_MS:
            self._swept_ms = self.now_ms
            self.relay.tick()
        for node in self.nodes:
            if node.alive:
                node.carry_out(node.engine.tick(node.now_ms))

    def cut(self) -> None:
        """The relay goes away; every connection breaks."""
        self.relay_up = False
        for node in self.nodes:
            node.break_connections()

    def mend(self) -> None:
        self.relay.restart()
        self.relay_up = True


@dataclass
class Node:
    """An engine with its rows and connections. `outgoing` may drop or change what it sends."""

    world: World
    name: str
    setup: Setup
    rows: Rows = field(default_factory=Rows)
    events: list[Event] = field(default_factory=list)
    alive: bool = True
    outgoing: Callable[[Channel, bytes], list[bytes]] = lambda _channel, data: [data]
    fail_commits: bool = False
    keep_alive_ms: int | None = None
    ahead_ms: int = 0

    def __post_init__(self) -> None:
        self.rng = SeededRng(self.name)
        self.ports = Ports(self.rng, kem.encapsulate, self.keep_alive_ms)
        self.connections: dict[Channel, MemoryConnection] = {}
        self.waiting: deque[Channel] = deque()
        self.sent: list[bytes] = []
        self.works: list[tuple[int, bytes]] = []
        self.engine, self.recovery_key, effects = Engine.create(
            self.setup, self.ports, self.rows, self.now_ms
        )
        self.carry_out(effects)

    # --- shell ---

    @property
    def now_ms(self) -> int:
        """What the clock of this device says."""
        return self.world.now_ms + self.ahead_ms

    def set_clock(self, ahead_ms: int) -> None:
        """Set the device's clock; the shell's timer notices it within half a minute."""
        self.ahead_ms = ahead_ms
        self.carry_out(self.engine.tick(self.now_ms))
        self.world.settle()

    def wake_ms(self) -> int | None:
        """When the engine wants to be woken, by the world's clock."""
        wake_ms = self.engine.next_wake_ms if self.alive else None
        return None if wake_ms is None else wake_ms - self.ahead_ms

    def carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Commit(changes):
                    self.rows.commit(changes)
                case Open(channel):
                    self.waiting.append(channel)
                case Close(channel):
                    connection = self.connections.pop(channel, None)
                    if connection is not None:
                        connection.drop()
                case Transmit(channel, data):
                    self._transmit(channel, data)
                case Notify(event):
                    self.events.append(event)
                case Work(channel, number, context, bits):
                    self.works.append((bits, find_pow(context, bits)))
                    self.carry_out(self.engine.worked(channel, number, self.works[-1][1], self.now_ms))

    def _transmit(self, channel: Channel, data: bytes) -> None:
        for message in self.outgoing(channel, data):
            connection = self.connections.get(channel)
            if connection is not None:
                self.sent.append(message)
                self.world.relay.take(connection, connection.session, message)

    def step(self) -> bool:
        """Carry out one thing that waits; return whether there was one."""
        if not self.alive:
            return False
        if self.waiting:
            self._connect(self.waiting.popleft())
            return True
        for channel, connection in list(self.connections.items()):
            if connection._incoming.empty():
                continue
            message = connection._incoming.get_nowait()
            if message is None:
                self.connections.pop(channel, None)
                self.carry_out(self.engine.disconnected(channel, self.now_ms))
            else:
                self.carry_out(self.engine.received(channel, message, self.now_ms))
            return True
        return False

    def _connect(self, channel: Channel) -> None:
        if not self.world.relay_up:
            self.carry_out(self.engine.disconnected(channel, self.now_ms))
            return
        self.connections[channel] = self.world.relay.connect()
        self.carry_out(self.engine.connected(channel, self.now_ms))

    def break_connections(self) -> None:
        for channel, connection in list(self.connections.items()):
            connection.drop()
            self.connections.pop(channel, None)
            self.carry_out(self.engine.disconnected(channel, self.now_ms))

    # --- a person at the keyboard ---

    def start(self) -> None:
        self.carry_out(self.engine.start(self.now_ms))
        self.world.settle()

    def stop(self) -> None:
        self.carry_out(self.engine.stop(self.now_ms))
        self.world.settle()

    def add(self, card: ContactCard) -> bytes:
        account_id, effects = self.engine.add_contact(card, self.now_ms)
        self.carry_out(effects)
        return account_id

    def send(self, account_id: bytes, text: str) -> bytes:
        (message_id,), effects = self.engine.send_texts(account_id, [text], self.now_ms)
        self.carry_out(effects)
        return message_id

    def crash(self, rows: Rows | None = None, continuity: Continuity = Continuity.CONTINUOUS) -> None:
        """Lose all memory and connections and begin again from the rows (or from an older copy of them)."""
        for connection in self.connections.values():
            connection.drop()
        self.connections.clear()
        self.waiting.clear()
        if rows is not None:
            self.rows = rows
        self.engine, effects = Engine.load(self.rows, continuity, self.ports, self.now_ms)
        self.carry_out(effects)

    def texts(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, MessageReceived)]

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]


def acquainted(
    first: str = "Guten Tag", *, keep_alive_ms: int | None = None, name: str = "Praxis"
) -> tuple[World, Node, Node, bytes]:
    """A company and a customer who have exchanged a text, accepted each other and are at rest."""
    world = World()
    company = world.node(name, publish=True, keep_alive_ms=keep_alive_ms)
    company.start()
    customer = world.node("Kundin", keep_alive_ms=keep_alive_ms)
    customer.start()
    praxis = customer.add(company.engine.card())
    customer.send(praxis, first)
    world.settle()
    company.carry_out(company.engine.accept_contact(customer.engine.account_id, world.now_ms))
    world.advance(10_000)
    return world, company, customer, praxis
