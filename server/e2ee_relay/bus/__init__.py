"""Words between relay nodes. A lost one costs latency, never a message: a slow poll finds what it told of.

They name mailboxes by a hash of 8 bytes, so that whoever listens learns no id that could be written to.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from e2ee_relay.protocol import MAX_BODY_B

_LABEL: Final = b"SR1-relay-wake".ljust(16, b"\0")
MARK_B: Final = 8
NODE_B: Final = 8
_ID_B: Final = 16
_NO: Final = struct.Struct(">Q")


def mark_of(mailbox: bytes) -> bytes:
    """Return the hash by which nodes speak of a mailbox, 8 bytes."""
    return hashlib.blake2b(mailbox, digest_size=MARK_B, person=_LABEL).digest()


@dataclass(frozen=True, slots=True)
class Wake:
    """There is something to deliver for these mailboxes."""

    marks: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """Another node delivers this mailbox, from the subscription with this number on."""

    mark: bytes
    no: int


@dataclass(frozen=True, slots=True)
class Stock:
    """A stock of one-time keys behind this mailbox runs low."""

    mark: bytes


@dataclass(frozen=True, slots=True)
class HeldBack:
    """Too many ask for one-time keys behind this mailbox: none is handed out at the moment (RLY-165)."""

    mark: bytes


@dataclass(frozen=True, slots=True)
class Passing:
    """An ephemeral message, which is nowhere stored (RLY-40)."""

    mark: bytes
    msg_id: bytes
    body: bytes


Word: TypeAlias = Wake | Ended | Stock | HeldBack | Passing


class BadWord(ValueError):
    """Bytes that no node of this release sends."""


def encode_word(word: Word) -> bytes:
    """Return kind and fields of a word, without lengths: all but the last field have fixed ones."""
    if isinstance(word, Wake):
        return b"W" + b"".join(word.marks)
    if isinstance(word, Ended):
        return b"E" + word.mark + _NO.pack(word.no)
    if isinstance(word, Stock):
        return b"S" + word.mark
    if isinstance(word, HeldBack):
        return b"H" + word.mark
    return b"P" + word.mark + word.msg_id + word.body


def decode_word(data: bytes) -> Word:
    """Return the word.

    Raises:
        BadWord: it is none.
    """
    kind, rest = data[:1], data[1:]
    mark, after = rest[:MARK_B], rest[MARK_B:]
    if kind == b"W" and rest and len(rest) % MARK_B == 0:
        return Wake(tuple(rest[place : place + MARK_B] for place in range(0, len(rest), MARK_B)))
    if kind == b"E" and len(rest) == MARK_B + _NO.size:
        return Ended(mark, _NO.unpack(after)[0])
    if kind == b"S" and len(rest) == MARK_B:
        return Stock(mark)
    if kind == b"H" and len(rest) == MARK_B:
        return HeldBack(mark)
    if kind == b"P" and MARK_B + _ID_B < len(rest) <= MARK_B + _ID_B + MAX_BODY_B:
        return Passing(mark, after[:_ID_B], after[_ID_B:])
    raise BadWord("not a word between nodes")


Heard: TypeAlias = Callable[[bytes], None]


class Bus(Protocol):
    """Carries words from node to node, in the event loop; nothing here waits or fails."""

    def start(self, node: bytes, heard: Heard) -> None:
        """Begin to listen for words to `node`, and to reconnect for ever."""
        ...

    def tell(self, node: bytes, word: bytes) -> None:
        """Send a word, or lose it."""
        ...

    async def stop(self) -> None:
        """Let go of all connections."""
        ...

    @property
    def is_connected(self) -> bool: ...
