"""What waits for a store's thread, by whom it is for: each client address has its turn (RLY-221).

In the order in which they came, who asks for much would make everybody wait for all of it.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

from e2ee_relay.protocol import Ack, DeleteMailbox, PrekeysUpload, Publish, Send, TokenAdd, TokenRevoke

from .api import Find, Op, Open, Read, Stocks

# Of one line, where it is asked how busy the store is.
_MOST_COUNTED: Final = 64
# A look at up to 144 devices, each in three queries (RLY-198).
_STOCKS: Final = 4
# A page of 256 KiB.
_PAGE: Final = 32
# A mailbox with its tokens, messages and ids, and over PostgreSQL its blobs: with either store one at a time.
_MAILBOX: Final = 1024
_AS_MUCH_AS: Final[dict[type, int]] = {Stocks: _STOCKS, Read: _PAGE, DeleteMailbox: _MAILBOX}

T = TypeVar("T")


class Turns(Generic[T]):
    """Lines of items, one for each whom they are for; from each line one item in a round. For two threads."""

    def __init__(self) -> None:
        self._lines: dict[Hashable, deque[tuple[int, T]]] = {}  # in the order of their turns
        self._count = 0
        self._is_closed = False
        self._has_changed = threading.Condition()

    def __len__(self) -> int:
        return self._count

    @property
    def crowd(self) -> int:
        """How many wait, counted to _MOST_COUNTED of each line: who floods is no crowd (RLY-158)."""
        with self._has_changed:
            return sum(min(len(line), _MOST_COUNTED) for line in self._lines.values())

    def put(self, item: T, whose: Hashable = None, weight: int = 1) -> None:
        """Take an item; never waits for long."""
        with self._has_changed:
            self._lines.setdefault(whose, deque()).append((weight, item))
            self._count += 1
            self._has_changed.notify()

    def close(self) -> None:
        """Let nobody wait any more; what is there can be taken."""
        with self._has_changed:
            self._is_closed = True
            self._has_changed.notify()

    def take(self, most: int, wait_s: float | None = 0.0) -> list[T]:
        """Return items of at most this weight together, but always one; wait for it (None: for ever).

        Empty: none has come in time, or the end.
        """
        with self._has_changed:
            self._has_changed.wait_for(lambda: self._count or self._is_closed, wait_s)
            taken: list[T] = []
            while self._count:
                whose, line = next(iter(self._lines.items()))
                weight, item = line[0]
                if taken and weight > most:
                    break
                most -= weight
                line.popleft()
                self._count -= 1
                taken.append(item)
                del self._lines[whose]
                if line:
                    self._lines[whose] = line
            return taken

    def clear(self) -> list[T]:
        """Return everything."""
        return self.take(sys.maxsize)


def whose(op: Op) -> Hashable:
    """Return for whom an operation is: a client address, or the connection where that is not known."""
    return line_of(op.peer)


def line_of(peer: object) -> Hashable:
    """Return the same of a connection."""
    return getattr(peer, "visitor", b"") or id(peer)


def weight_of(op: Op) -> int:
    """Return how many messages, mailboxes or keys an operation is about: what it costs grows with them."""
    request = op.request
    if isinstance(request, Send):
        return len(request.items)
    if isinstance(request, Ack):
        return len(request.seqs)
    if isinstance(request, Find | Open):
        return max(1, len(request.mailboxes))
    if isinstance(request, TokenAdd | TokenRevoke):
        return len(request.token_hashes)
    if isinstance(request, Publish):
        return len(request.lists) + len(request.records)
    if isinstance(request, PrekeysUpload):
        return 1 + len(request.one_time_x25519) + len(request.one_time_kem)
    return _AS_MUCH_AS.get(type(request), 1)
