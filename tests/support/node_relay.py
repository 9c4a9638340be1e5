"""Several relay nodes in one process over one database, with the face of a relay in memory.

Each connection goes to the next node, so that what the tests of one relay ask for is asked of several.
Steps run at once; words between nodes arrive when the step that sent them is over.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from e2ee_relay.bus import encode_word
from e2ee_relay.limits import Policy
from e2ee_relay.memory import MemoryConnection
from e2ee_relay.nodes.answering import Effect, Transmit
from e2ee_relay.nodes.core import NodeCore
from e2ee_relay.nodes.state import Asked, Told
from e2ee_relay.protocol import KnownFrame, Role, decode_frames
from e2ee_relay.store.postgres.store import PostgresStore


class Node:
    """One node: core, store and connections."""

    def __init__(self, relay: NodeRelay, url: str, number: int) -> None:
        self.relay = relay
        self.name = number.to_bytes(8, "big")
        self.store = PostgresStore(url, relay.clock_ms)
        self.core = NodeCore(relay.policy, self.name, relay.clock_ms(), poll_s=1)
        self.connections: dict[int, MemoryConnection] = {}

    def open_session(self, connection: MemoryConnection, visitor: bytes) -> int:
        """Begin a connection; called by MemoryConnection."""
        number, effects = self.core.connect(self.relay.rng(32), visitor)
        self.connections[number] = connection
        self.carry_out(effects)
        return number

    def take(self, connection: MemoryConnection, session: int, message: bytes) -> None:
        """Take one message of a client; called by MemoryConnection."""
        for frame in decode_frames(message, Role.RELAY):
            self.carry_out(self.core.receive(session, frame, self.relay.clock_ms()))

    def forget(self, connection: MemoryConnection, session: int) -> None:
        """Forget a closed connection; called by MemoryConnection."""
        del self.connections[session]
        self.core.disconnect(session)

    def carry_out(self, effects: list[Effect]) -> None:
        waiting = deque(effects)
        outgoing: dict[int, list[KnownFrame]] = {}
        while waiting:
            effect = waiting.popleft()
            if isinstance(effect, Transmit):
                outgoing.setdefault(effect.connection, []).append(effect.frame)
                continue
            change: object = effect.change
            if isinstance(change, Told):
                self.relay.words.append((change.node, encode_word(change.word)))
            elif isinstance(change, Asked):
                result = self.store.execute([change.change])[0]
                waiting.extend(self.core.complete(effect.then, result, self.relay.clock_ms()))
        for number, frames in outgoing.items():
            connection = self.connections.get(number)
            for frame in frames if connection is not None else []:
                if connection is not None:
                    connection.put(frame)
        self.relay.pass_words_on()


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
        self.policy = policy or Policy()
        self.words: deque[tuple[bytes, bytes]] = deque()
        self.loses_words = False
        self.rng = rng
        self._url = url
        self._count = count
        self._started = 0
        self._next = 0
        self._is_passing = False
        self.nodes = self._begin()

    def _begin(self) -> list[Node]:
        first = self._started
        self._started += self._count
        return [Node(self, self._url, first + place) for place in range(self._count)]

    def connect(self, node: int | None = None, visitor: bytes = b"") -> MemoryConnection:
        """Open a connection to the next node, or to a certain one, from a certain client address."""
        if node is None:
            node, self._next = self._next, (self._next + 1) % self._count
        chosen = self.nodes[node]
        return MemoryConnection(chosen, visitor)

    def pass_words_on(self) -> None:
        if self._is_passing:
            return
        self._is_passing = True
        while self.words:
            name, word = self.words.popleft()
            for node in self.nodes if not self.loses_words else []:
                if node.name == name:
                    node.carry_out(node.core.heard(word, self.clock_ms()))
        self._is_passing = False

    def restart(self) -> None:
        """Close all connections and begin anew, as after a crash of all nodes."""
        self.close()
        self.nodes = self._begin()

    def tick(self) -> None:
        for node in self.nodes:
            node.carry_out(node.core.tick(self.clock_ms()))

    def block(self, blocked: frozenset[bytes]) -> None:
        for node in self.nodes:
            node.core.block(blocked)

    def close(self) -> None:
        for node in self.nodes:
            for connection in list(node.connections.values()):
                connection.drop()
            node.store.close()
