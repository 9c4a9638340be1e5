"""What is measured of every peer: the same rows, made of the same few operations.

A peer offers two ends of an established conversation and, where it has one, a handshake. A repetition of a
row is prepared outside its clock. Texts have 1 KiB and are made beforehand; what leaves an end is bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
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


ROWS: Final = (
    Row("encrypt", 100),
    Row("decrypt", 100),
    Row("encrypt and decrypt", 100),
    Row("ping-pong", 20, "round trip"),
    Row("handshake, initiator", 10, "handshake"),
    Row("handshake, responder", 10, "handshake"),
    Row("bundle verified", 10, "bundle"),
    Row("reversed", REVERSED),
    Row("stored: encrypt", 100),
    Row("stored: decrypt", 100),
    Row("stored: encrypt and decrypt", 100),
    Row("stored: ping-pong", 20, "round trip"),
)


class End(Protocol):
    """One end of a conversation. What it seals and opens are bytes, or what the peer's program makes of them."""

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


def seconds(peer: Peer, row: Row) -> float:
    """Prepare a repetition of a row and return how long it took."""
    work = prepared(peer, row)
    start_s = perf_counter()
    work()
    return perf_counter() - start_s


def prepared(peer: Peer, row: Row) -> Work:
    """Return one repetition of a row.

    Raises:
        NotOffered: the peer has no such row.
    """
    kind = row.name.removeprefix("stored: ")
    stored = kind != row.name
    if kind.startswith("handshake"):
        return _handshakes(peer, row)
    if kind == "bundle verified":
        check = peer.verification()
        return lambda: [check() for _ in range(row.operations)]
    first, second = peer.pair(stored=stored)
    texts = [peer.text() for _ in range(row.operations * (2 if kind == "ping-pong" else 1))]
    match kind:
        case "encrypt":
            return lambda: _encrypt(first, texts)
        case "decrypt":
            sealed = [first.encrypt(text) for text in texts]
            first.settle()
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


def _encrypt(end: End, texts: Sequence[Any]) -> None:
    for text in texts:
        end.encrypt(text)
    end.settle()


def _decrypt(end: End, sealed: Sequence[Any]) -> None:
    for message in sealed:
        end.decrypt(message)
    end.settle()


def _both(first: End, second: End, texts: Sequence[Any]) -> None:
    """A burst: what has been sent is durable before it is received."""
    sealed = [first.encrypt(text) for text in texts]
    first.settle()
    _decrypt(second, sealed)


def _in_turn(first: End, second: End, texts: Sequence[Any]) -> None:
    """Nothing is answered before it is durable."""
    for text in texts:
        message = first.encrypt(text)
        first.settle()
        second.decrypt(message)
        first, second = second, first
