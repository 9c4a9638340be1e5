"""Several relay nodes in one process over one database, with the face of a relay in memory.

Each connection goes to the next node, so that what the tests of one relay ask for is asked of several.
Operations are carried out at once; words between nodes arrive when the step that sent them is over.
"""

from __future__ import annotations

from collections.abc import Callable

from e2ee_relay.limits import Policy
from e2ee_relay.memory import MemoryConnection
from e2ee_relay.node import Node
from e2ee_relay.protocol import Role, decode_frames
from e2ee_relay.session import Session
from e2ee_relay.store.postgres import PostgresStore
from postgres_nodes import WordsHere


class NodeHere:
    """One node with its store and connections."""

    def __init__(self, relay: NodeRelay, url: str, number: int) -> None:
        self._relay = relay
        name = number.to_bytes(8, "big").hex()
        self.store = PostgresStore(
            url,
            relay.policy,
            relay.clock_ms,
            poll_s=1,
            words=relay.words.at(name),
            has_threads=False,
            name=name,
        )
        self.node = Node(relay.policy, self.store, relay.clock_ms)
        self.store.start(self.node, lambda _seconds, _ops, _failed: None)
        self.connections: list[MemoryConnection] = []

    def open_session(self, connection: MemoryConnection, visitor: bytes) -> Session:
        """Begin the session of a connection; called by MemoryConnection."""
        self.connections.append(connection)
        return self.node.connect(connection, self._relay.rng(32), visitor)

    def take(self, _connection: MemoryConnection, session: Session, message: bytes) -> None:
        """Take one message of a client; called by MemoryConnection."""
        for frame in decode_frames(message, Role.RELAY):
            self.node.receive(session, frame)
            self._relay.settle()

    def forget(self, connection: MemoryConnection, session: Session) -> None:
        """Forget a closed connection; called by MemoryConnection."""
        self.connections.remove(connection)
        self.node.disconnect(session)
        self._relay.settle()


class NodeRelay:
    """The nodes as one relay."""

    def __init__(
        self,
        clock_ms: Callable[[], int],
        rng: Callable[[int], bytes],
        policy: Policy | None = None,
        *,
        url: str,
        count: int = 3,
    ) -> None:
        self.clock_ms = clock_ms
        self.rng = rng
        self.policy = policy or Policy()
        self.words = WordsHere()
        self.url = url
        self._count = count
        self._started = 0
        self._next = 0
        self.nodes = self._begin()

    def _begin(self) -> list[NodeHere]:
        first = self._started
        self._started += self._count
        return [NodeHere(self, self.url, first + place) for place in range(self._count)]

    def connect(self, node: int | None = None, visitor: bytes = b"") -> MemoryConnection:
        """Open a connection to the next node, or to a certain one, from a certain client address."""
        if node is None:
            node, self._next = self._next, (self._next + 1) % self._count
        return MemoryConnection(self.nodes[node], visitor)

    def settle(self) -> None:
        """Carry out what was submitted, and pass words on, until nothing is left."""
        while any(not one.store.is_idle for one in self.nodes) or self.words.pass_on():
            for one in self.nodes:
                one.store.settle()

    def restart(self) -> None:
        """Close all connections and begin anew, as after a crash of all nodes."""
        self.close()
        self.nodes = self._begin()

    def tick(self) -> None:
        """Let time pass on all nodes."""
        for one in self.nodes:
            one.node.tick(self.clock_ms())
            one.store.settle()
        self.settle()

    def block(self, blocked: frozenset[bytes]) -> None:
        """Block these on all nodes."""
        for one in self.nodes:
            one.node.block(blocked)

    def close(self) -> None:
        """Close all connections and stores."""
        for one in self.nodes:
            for connection in list(one.connections):
                connection.drop()
            one.store.stop(1.0)
