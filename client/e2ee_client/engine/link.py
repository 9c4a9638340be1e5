"""One connection to a relay, without the socket: requests and answers, states, and when to try again.

closed --Open--> opening --connected--> greeting --HELLO--> (authenticating) --> ready
   ^------------------------- disconnected, after a jittered delay -----------------'
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, TypeAlias

from e2ee_relay.protocol import Hello, KnownFrame, Response, encode_frames

from e2ee.ports import Rng

from .effects import Channel
from .turn import Turn

BACKOFF_FIRST_MS: Final = 500
BACKOFF_MAX_MS: Final = 60_000
REQUEST_TIMEOUT_MS: Final = 30_000
OPEN_TIMEOUT_MS: Final = 30_000

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
    """State of one channel. `deadline_ms` is when to give up waiting, or when to open again; `emptied` says
    that all that waited in the mailbox has been delivered on this connection, `has_created` that the mailbox
    was made on it.
    """

    channel: Channel
    rng: Rng
    state: LinkState = LinkState.CLOSED
    hello: Hello | None = None
    attempts: int = 0
    refusals: int = 0
    emptied: bool = False
    has_created: bool = False
    deadline_ms: int | None = None
    next_id: int = 1
    pending: dict[int, tuple[Answered, int]] = field(default_factory=dict)
    working: dict[int, Worked] = field(default_factory=dict)

    def open(self, turn: Turn) -> None:
        """Ask for the connection."""
        self.state = LinkState.OPENING
        self.deadline_ms = turn.now_ms + OPEN_TIMEOUT_MS
        turn.open(self.channel)

    def connected(self, turn: Turn) -> None:
        """The connection stands; wait for HELLO."""
        self.state = LinkState.GREETING
        self.deadline_ms = turn.now_ms + OPEN_TIMEOUT_MS

    def greeted(self, hello: Hello) -> None:
        """Keep what the relay says of itself."""
        self.hello = hello
        self.deadline_ms = None

    def ready(self) -> None:
        """A fresh connection has all that it needs; the next failure begins with the first delay."""
        self.state = LinkState.READY
        self.attempts = 0

    def down(self, turn: Turn, least_ms: int = 0) -> None:
        """The connection is gone: forget what was asked, and wait before the next attempt."""
        self.state = LinkState.CLOSED
        self.hello, self.emptied, self.has_created = None, False, False
        self.pending.clear()
        self.working.clear()
        self.deadline_ms = turn.now_ms + max(least_ms, self._delay_ms())
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
        self.pending[frame.request_id] = (answered, turn.now_ms + REQUEST_TIMEOUT_MS)
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
        entry = self.pending.pop(frame.request_id, None)
        if entry is not None:
            entry[0](turn, frame)

    def wake_ms(self) -> int | None:
        """Return when this link needs a tick."""
        times = [deadline for _, deadline in self.pending.values()]
        if self.deadline_ms is not None:
            times.append(self.deadline_ms)
        return min(times, default=None)

    def clock_put_back(self, now_ms: int) -> None:
        """Count what is waited for from now on."""
        if self.deadline_ms is not None:
            wait_ms = 0 if self.state is LinkState.CLOSED else OPEN_TIMEOUT_MS
            self.deadline_ms = min(self.deadline_ms, now_ms + wait_ms)
        for request_id, (answered, at_ms) in self.pending.items():
            self.pending[request_id] = answered, min(at_ms, now_ms + REQUEST_TIMEOUT_MS)

    def tick(self, turn: Turn) -> bool:
        """Give up on what took too long, or open again; return whether the connection was given up."""
        wake_ms = self.wake_ms()
        if wake_ms is None or turn.now_ms < wake_ms:
            return False
        if self.state is LinkState.CLOSED:
            self.open(turn)
            return False
        self.drop(turn)
        return True

    def new_id(self) -> int:
        """Return the id of the next request, or piece of work."""
        number = self.next_id
        self.next_id = number + 1 if number < 0xFFFF_FFFF else 1
        return number

    def _delay_ms(self) -> int:
        """Doubling delay, of which a random half is taken away so that clients do not come back together."""
        full = min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS << min(self.attempts, 16))
        return full - int.from_bytes(self.rng(4), "big") % (full // 2 + 1)
