"""One connection to a relay, without the socket: requests and answers, states, and when to try again.

closed --Open--> opening --connected--> greeting --HELLO--> (authenticating) --> ready
   ^------------------------- disconnected, after a jittered delay -----------------'
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, TypeAlias

from e2ee_relay.protocol import MAX_POW_BITS, PROTOCOL_VERSION, Hello, KnownFrame, Response, encode_frames

from e2ee.ports import Rng

from .deadlines import Deadlines
from .effects import Channel
from .turn import Turn

BACKOFF_FIRST_MS: Final = 500
BACKOFF_MAX_MS: Final = 60_000
REQUEST_TIMEOUT_MS: Final = 30_000
OPEN_TIMEOUT_MS: Final = 30_000
_CONNECTION: Final = 0  # no request has this id

Answered: TypeAlias = Callable[[Turn, Response], None]
Worked: TypeAlias = Callable[[Turn, bytes], None]


class LinkState(Enum):
    """Where a connection is."""

    CLOSED = auto()
    OPENING = auto()
    GREETING = auto()
    AUTHENTICATING = auto()
    READY = auto()


@dataclass(slots=True)
class Link:
    """State of one channel. `deadlines`, of all connections, has when to give up waiting for the answer to a
    request, and under number 0 when to give up waiting for the connection, or when to open it again;
    `emptied` says that all that waited in the mailbox has been delivered on this connection, since
    `emptied_ms`; `has_created` that the mailbox was made on it, `listens` that its messages were asked for.
    """

    channel: Channel
    rng: Rng
    deadlines: Deadlines[tuple[Channel, int]]
    state: LinkState = LinkState.CLOSED
    hello: Hello | None = None
    attempts: int = 0
    refusals: int = 0
    emptied: bool = False
    emptied_ms: int = 0
    has_created: bool = False
    listens: bool = False
    next_id: int = 1
    pending: dict[int, Answered] = field(default_factory=dict)
    working: dict[int, Worked] = field(default_factory=dict)

    def open(self, turn: Turn) -> None:
        """Ask for the connection."""
        self.state = LinkState.OPENING
        self._wait(turn.now_ms + OPEN_TIMEOUT_MS)
        turn.open(self.channel)

    def connected(self, turn: Turn) -> None:
        """The connection stands; wait for HELLO."""
        self.state = LinkState.GREETING
        self._wait(turn.now_ms + OPEN_TIMEOUT_MS)

    def greeted(self, hello: Hello) -> None:
        """Keep what the relay says of itself."""
        self.hello = hello
        self.deadlines.drop((self.channel, _CONNECTION))

    def ready(self) -> None:
        """A fresh connection has all that it needs; the next failure begins with the first delay."""
        self.state = LinkState.READY
        self.attempts = 0

    def down(self, turn: Turn, least_ms: int = 0) -> None:
        """The connection is gone: forget what was asked, and wait before the next attempt."""
        self.state = LinkState.CLOSED
        self.hello, self.emptied, self.has_created, self.listens = None, False, False, False
        self.forget()
        self.working.clear()
        self._wait(turn.now_ms + max(least_ms, self._delay_ms()))
        self.attempts += 1

    def refused(self, turn: Turn, least_ms: int = 0) -> None:
        """Close a connection on which a step was refused; each time in a row the next attempt is later."""
        self.refusals += 1
        self.attempts = max(self.attempts, self.refusals)
        self.drop(turn, least_ms)

    def drop(self, turn: Turn, least_ms: int = 0) -> None:
        """Close the connection ourselves and wait before the next attempt."""
        turn.close(self.channel)
        self.down(turn, least_ms)

    def request(self, turn: Turn, frame: KnownFrame, answered: Answered) -> None:
        """Send a request that has a `new_id`, and remember what to do with its answer."""
        self.pending[frame.request_id] = answered
        self.deadlines.set((self.channel, frame.request_id), turn.now_ms + REQUEST_TIMEOUT_MS)
        turn.transmit(self.channel, encode_frames([frame]))

    def work(self, turn: Turn, context: bytes, bits: int, then: Worked) -> None:
        """Go on with proof of work: at once where none is asked for, else when it is found (RLY-142)."""
        if bits == 0:
            then(turn, b"")
            return
        number = self.new_id()
        self.working[number] = then
        turn.work(self.channel, number, context, bits)

    def worked(self, turn: Turn, number: int, work: bytes) -> None:
        """Hand work to whoever needed it, if this connection still does."""
        then = self.working.pop(number, None)
        if then is not None:
            then(turn, work)

    def answer(self, turn: Turn, frame: Response) -> None:
        """Hand an answer to whoever asked; one that nobody asked for is ignored."""
        answered = self.pending.pop(frame.request_id, None)
        if answered is not None:
            self.deadlines.drop((self.channel, frame.request_id))
            answered(turn, frame)

    def forget(self) -> None:
        """Wait for nothing any more."""
        for request_id in (_CONNECTION, *self.pending):
            self.deadlines.drop((self.channel, request_id))
        self.pending.clear()

    def clock_put_back(self, now_ms: int) -> None:
        """Count what is waited for from now on; try a closed connection at once."""
        at_ms = self.deadlines.at_ms((self.channel, _CONNECTION))
        if at_ms is not None and self.state is LinkState.CLOSED:
            self._wait(min(at_ms, now_ms))

    def tick(self, turn: Turn) -> bool:
        """Give up on what took too long, or open again; return whether the connection was given up."""
        if self.state is LinkState.CLOSED:
            self.open(turn)
            return False
        self.drop(turn)
        return True

    def _wait(self, until_ms: int) -> None:
        self.deadlines.set((self.channel, _CONNECTION), until_ms)

    def new_id(self) -> int:
        """Return the id of the next request, or piece of work."""
        number = self.next_id
        self.next_id = number + 1 if number < 0xFFFF_FFFF else 1
        return number

    def _delay_ms(self) -> int:
        """Doubling delay, of which a random half is taken away so that clients do not come back together."""
        full = min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS << min(self.attempts, 16))
        return full - int.from_bytes(self.rng(4), "big") % (full // 2 + 1)


def why_unusable(hello: Hello) -> str:
    """Return why a relay is left that greets so, or nothing (RLY-11, RLY-142)."""
    if hello.version != PROTOCOL_VERSION:
        return "relay.not_a_relay"
    return "relay.too_much_work" if max(hello.limits.pow_bits) > MAX_POW_BITS else ""
