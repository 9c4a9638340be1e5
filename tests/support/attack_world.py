"""Real clients, with their engine and their sealed store, over a relay that lies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from e2ee_client.engine import Effect, Notify, Setup
from e2ee_client.engine.peers import Peer
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import SealroomError
from e2ee_client.events import Event, MessageRejected
from e2ee_client.rows import TABLES, Continuity, Delete, Put
from e2ee_client.store import Store
from e2ee_relay.limits import Policy
from engine_world import RELAY_URL, Node, Rows, World
from evil_relay import EvilRelay, Strategy

from e2ee import pair as pairs
from e2ee.content import Payload
from e2ee.errors import E2eeError, ReplayError
from e2ee.session import Session

STORES: list[Store] = []
"""Stores that are still open; the tests' fixture closes them."""


class SealedRows(Rows):
    """The client's own store, in memory, where the other tests have a dict: every row is sealed (STO-02)."""

    def __init__(self) -> None:
        super().__init__()
        self.store = Store.in_memory()
        STORES.append(self.store)

    def get(self, table: str, key: bytes) -> bytes | None:
        return self.store.get(table, key)

    def items(self, table: str) -> Iterator[tuple[bytes, bytes]]:
        return iter(list(self.store.items(table)))

    def commit(self, changes: tuple[Put | Delete, ...]) -> None:
        self.commits += 1
        self.store.commit(changes)

    def copy(self) -> SealedRows:
        twin = SealedRows()
        for table in sorted(TABLES):
            twin.store.commit([Put(table, key, value) for key, value in self.items(table)])
        return twin


@dataclass
class Victim(Node):
    """A client under attack. `refusals` are the codes of everything that it refused, told or not."""

    rows: Rows = field(default_factory=SealedRows)
    refusals: list[str] = field(default_factory=list)
    before: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._listen_in()

    def crash(self, rows: Rows | None = None, continuity: Continuity = Continuity.CONTINUOUS) -> None:
        super().crash(rows, continuity)
        self._listen_in()

    def _listen_in(self) -> None:
        """Note replays as well, which are refused without an event."""
        incoming = self.engine._context.incoming
        for name in ("_open_known", "_first_flight"):
            vars(incoming)[name] = self._noting_replays(getattr(incoming, name))

    def _noting_replays(self, opening: Callable[..., object]) -> Callable[..., object]:
        def noting(*arguments: object) -> object:
            try:
                return opening(*arguments)
            except ReplayError as error:
                self.refusals.append(error.code)
                raise

        return noting

    def carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Notify) and isinstance(effect.event, MessageRejected):
                self.refusals.append(effect.event.code)
        super().carry_out(effects)

    def attempt(self, account_id: bytes, text: str) -> str:
        """Try to send a text; return the code of the error that the application gets, or nothing."""
        try:
            self.send(account_id, text)
        except (E2eeError, SealroomError) as error:
            self.refusals.append(error.code)
            return error.code
        return ""

    def mark(self) -> None:
        """Take what has happened so far for the time before the attack."""
        self.before = list(self.events)

    def news(self) -> list[Event]:
        """Return the events since the mark."""
        old = {id(event) for event in self.before}
        return [event for event in self.events if id(event) not in old]

    def step_all(self) -> None:
        """Take everything that has arrived here, and let nobody else move."""
        while self.step():
            continue

    @property
    def account_id(self) -> bytes:
        """Our account id."""
        return self.engine.account_id

    def peer_with(self, account_id: bytes) -> Peer:
        """Return the first device of an account."""
        return self.engine._state.peers_of(account_id)[0]

    def session_with(self, account_id: bytes) -> Session:
        """Return the session on which texts to an account go."""
        for peer in self.engine._state.peers_of(account_id):
            session_id = pairs.sending(peer.pair, self.world.now_ms)
            if session_id is not None:
                return self.engine._state.sessions[session_id]
        raise LookupError("no session to send on")

    def control(self, account_id: bytes, payload: Payload, **more: Any) -> None:
        """Send a content that the application does not see, on the session that texts go on."""
        turn, sending = Turn(self.world.now_ms), self.engine._context.sending
        peer, session = self.peer_with(account_id), self.session_with(account_id)
        sending.send_control(turn, peer, session, payload, **more)
        self.carry_out(turn.effects())

    def mailbox(self) -> bytes:
        """Return the id of this client's first mailbox."""
        return next(iter(self.engine._state.mailboxes))

    def alarm(self, account_id: bytes) -> str:
        """Return the alarm that stands at a contact."""
        return self.engine._state.contacts[account_id].alarm


class AttackWorld(World):
    """A company and its customer; the relay between them follows a strategy."""

    company: Victim
    customer: Victim
    relay: EvilRelay

    def __init__(self, strategy: Strategy | None = None, policy: Policy | None = None) -> None:
        super().__init__()
        self.relay.close()
        self.relay = EvilRelay(lambda: self.now_ms, strategy, policy)
        self.written: list[str] = []
        self.company = self.victim("Praxis", publish=True)
        self.company.start()
        self.customer = self.victim("Kundin")
        self.customer.start()
        self.praxis = self.customer.add(self.company.engine.card())
        self.kundin = self.customer.account_id
        self.settle()

    @classmethod
    def acquainted(cls, strategy: Strategy | None = None, policy: Policy | None = None) -> AttackWorld:
        """Return a world whose two have written to each other and are at rest."""
        world = cls(strategy, policy)
        world.say(world.customer, world.praxis, "Guten Tag")
        world.say(world.company, world.kundin, "Was kann ich tun?")
        world.advance(10_000)
        for victim in (world.company, world.customer):
            victim.mark()
        return world

    def victim(self, name: str, *, publish: bool = False) -> Victim:
        """Add a client."""
        made = Victim(self, name, Setup(RELAY_URL, name=name, publish=publish, front_desk=publish))
        self.nodes.append(made)
        return made

    def say(self, sender: Victim, account_id: bytes, text: str) -> bytes:
        """Let somebody send a text, and let everything happen that follows at once."""
        self.written.append(text)
        message_id = sender.send(account_id, text)
        self.settle()
        return message_id

    def seen_by_relay(self) -> bytes:
        """Return every byte that clients gave to the relay."""
        return b"".join(self.relay.raw)
