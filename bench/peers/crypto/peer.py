"""What is measured of every peer: the same rows, made of the same few operations.

A peer offers two ends of an established conversation and, where it has one, a handshake. A repetition of a
row is prepared outside its clock. Texts have 1 KiB and are made beforehand; what leaves an end is bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import Any, Final, Protocol

TEXT_B: Final = 1024
REVERSED: Final = 1000
Work = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table: operations in one repetition, and of what kind they are."""

    name: str
    operations: int
    unit: str = "message"

    @property
    def stored(self) -> bool:
        """Whether every message is stored, so that the row may wait for a disk."""
        return self.name.startswith(_STORED)

    @property
    def kind(self) -> str:
        """What is done, stored or not."""
        return self.name.removeprefix(_STORED)


_STORED: Final = "stored: "
BURST: Final = 100
SUSTAINED: Final = 32 * BURST
"""So many messages that our store, which erases with every 32nd commit, has done so once."""
ROWS: Final = (
    Row("encrypt", BURST),
    Row("decrypt", BURST),
    Row("encrypt and decrypt", BURST),
    Row("ping-pong", 20, "round trip"),
    Row("handshake, initiator", 10, "handshake"),
    Row("handshake, responder", 10, "handshake"),
    Row("bundle verified", 10, "bundle"),
    Row("reversed", REVERSED),
    Row("stored: encrypt", SUSTAINED),
    Row("stored: decrypt", SUSTAINED),
    Row("stored: encrypt and decrypt", SUSTAINED),
    Row("stored: ping-pong", 32, "round trip"),
)


class End(Protocol):
    """One end of a conversation; what it seals are bytes, or what the peer's program makes of them."""

    def encrypt(self, text: Any) -> Any:
        """Seal a text."""
        ...

    def decrypt(self, message: Any) -> Any:
        """Open what the other end sealed; raises if it cannot."""
        ...

    def settle(self) -> None:
        """Make everything so far durable, where the peer does that for several messages at once."""
        ...


class Peer(Protocol):
    """A program that is measured."""

    name: str
    version: str
    features: dict[str, str]

    def text(self) -> Any:
        """Return a text of 1 KiB as the ends take it."""
        ...

    def pair(self, *, stored: bool) -> tuple[End, End]:
        """Return two ends of a conversation in which the first one is sending; `stored`: every message is."""
        ...

    def initiations(self, count: int) -> tuple[Sequence[Callable[[], Any]], Callable[[Any], Any]]:
        """Return handshakes to make, each to its first flight, and what answers one of them."""
        ...

    def verification(self) -> Work:
        """Return a check of everything that is signed in a bundle."""
        ...

    def state_b(self) -> int:
        """Return the size of a stored session."""
        ...


class NotOffered(Exception):
    """The peer has nothing of the kind."""


class Measured(Protocol):
    """A peer, wherever it runs."""

    name: str
    version: str
    features: dict[str, str]

    def seconds(self, row: Row) -> float:
        """Make one repetition of a row and return how long it took; raises `NotOffered`."""
        ...

    def recovered(self) -> int:
        """Return how many of 1000 messages in reverse order open."""
        ...

    def state_b(self) -> int:
        """Return the size of a stored session."""
        ...


class InProcess:
    """A peer that runs in this process."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self.name, self.version, self.features = peer.name, peer.version, peer.features

    def seconds(self, row: Row) -> float:
        """Prepare a repetition outside the clock, and take its time."""
        work = prepared(self._peer, row)
        clock = perf_counter if row.stored else process_time
        start_s = clock()
        work()
        return clock() - start_s

    def recovered(self) -> int:
        """Try every message."""
        return recovered(self._peer)

    def state_b(self) -> int:
        """Ask the peer."""
        return self._peer.state_b()


def recovered(peer: Peer) -> int:
    """Return how many of 1000 messages in reverse order open."""
    first, second = peer.pair(stored=False)
    sealed = [first.encrypt(peer.text()) for _ in range(REVERSED)]
    return sum(_opens(second, message) for message in reversed(sealed))


def _opens(end: End, message: Any) -> bool:
    try:
        end.decrypt(message)
    except Exception:  # noqa: BLE001 - each peer has errors of its own, and any of them means a lost message
        return False
    return True


def prepared(peer: Peer, row: Row) -> Work:
    """Return one repetition of a row.

    Raises:
        NotOffered: the peer has no such row.
    """
    kind = row.kind
    if kind.startswith("handshake"):
        return _handshakes(peer, row)
    if kind == "bundle verified":
        check = peer.verification()
        return lambda: [check() for _ in range(row.operations)]
    first, second = peer.pair(stored=row.stored)
    texts = [peer.text() for _ in range(row.operations * (2 if kind == "ping-pong" else 1))]
    match kind:
        case "encrypt":
            return lambda: _encrypt(first, texts)
        case "decrypt":
            sealed = _encrypt(first, texts)
            return lambda: _decrypt(second, sealed)
        case "encrypt and decrypt":
            return lambda: _both(first, second, texts)
        case "reversed":
            backwards = [first.encrypt(text) for text in texts][::-1]
            return lambda: [_opens(second, message) for message in backwards]
        case "ping-pong":
            return lambda: _in_turn(second, first, texts)
        case _:
            raise NotOffered(row.name)


def _handshakes(peer: Peer, row: Row) -> Work:
    initiate, respond = peer.initiations(row.operations)
    if row.name.endswith("initiator"):
        return lambda: [one() for one in initiate]
    flights = [one() for one in initiate]
    return lambda: [respond(flight) for flight in flights]


def _bursts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), BURST):
        yield items[start : start + BURST]


def _encrypt(end: End, texts: Sequence[Any]) -> list[Any]:
    sealed: list[Any] = []
    for burst in _bursts(texts):
        sealed += [end.encrypt(text) for text in burst]
        end.settle()
    return sealed


def _decrypt(end: End, sealed: Sequence[Any]) -> None:
    for burst in _bursts(sealed):
        for message in burst:
            end.decrypt(message)
        end.settle()


def _both(first: End, second: End, texts: Sequence[Any]) -> None:
    """Burst by burst: what has been sent is durable before it is received."""
    for burst in _bursts(texts):
        _decrypt(second, _encrypt(first, burst))


def _in_turn(first: End, second: End, texts: Sequence[Any]) -> None:
    """Nothing is answered before it is durable."""
    for text in texts:
        message = first.encrypt(text)
        first.settle()
        second.decrypt(message)
        first, second = second, first
