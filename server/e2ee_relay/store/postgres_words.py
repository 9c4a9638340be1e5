"""Words between nodes, by NOTIFY. A lost one costs latency, never a message: the poll finds what it told of.

They name mailboxes by a hash of 8 bytes, so that whoever listens learns no id that could be written to
(RLY-110). They are not sent inside the transaction that stores: a commit with a notification holds a lock
that lets no other such commit through until it is on the disk. A notification alone holds it for
microseconds, and writes nothing to the disk (ADR 0014).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple, Protocol, TypeAlias

import psycopg
from psycopg import sql

from e2ee_relay.protocol import MAX_BODY_B

_LABEL: Final = b"SR1-relay-wake".ljust(16, b"\0")
MARK_B: Final = 8
NODE_B: Final = 8
_ID_B: Final = 16
_NO: Final = struct.Struct(">Q")
_WAKES_AT_ONCE: Final = 512

# A notification has less than 8000 characters; base64 makes 4 of 3 bytes.
_PART_B: Final = 5_400
_MOST_WAITING: Final = 10_000
_AGAIN_S: Final = 0.5
_CONNECT_S: Final = 5
# A listener hears nothing of a connection that is cut: it asks for itself as often.
_LOOK_S: Final = 5.0


def mark_of(mailbox: bytes) -> bytes:
    """Return the hash by which nodes speak of a mailbox, 8 bytes."""
    return hashlib.blake2b(mailbox, digest_size=MARK_B, person=_LABEL).digest()


class Wake(NamedTuple):
    """There is something to deliver for these mailboxes."""

    marks: tuple[bytes, ...]


class Ended(NamedTuple):
    """Another node delivers this mailbox, from the subscription with this number on."""

    mark: bytes
    no: int


class LowStock(NamedTuple):
    """One-time keys behind this mailbox run low, or none is handed out at the moment (RLY-67, RLY-165)."""

    mark: bytes
    is_held_back: bool


class Passing(NamedTuple):
    """An ephemeral message, which is nowhere stored (RLY-40)."""

    mark: bytes
    msg_id: bytes
    body: bytes


Word: TypeAlias = Wake | Ended | LowStock | Passing


class BadWord(ValueError):
    """Bytes that no node of this release sends."""


def encode_word(word: Word) -> bytes:
    """Return kind and fields of a word, without lengths: all but the last field have fixed ones."""
    if isinstance(word, Wake):
        return b"W" + b"".join(word.marks)
    if isinstance(word, Ended):
        return b"E" + word.mark + _NO.pack(word.no)
    if isinstance(word, LowStock):
        return (b"H" if word.is_held_back else b"S") + word.mark
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
    if kind in (b"S", b"H") and len(rest) == MARK_B:
        return LowStock(mark, is_held_back=kind == b"H")
    if kind == b"P" and MARK_B + _ID_B < len(rest) <= MARK_B + _ID_B + MAX_BODY_B:
        return Passing(mark, after[:_ID_B], after[_ID_B:])
    raise BadWord("not a word between nodes")


def wake_words(mailboxes: set[bytes]) -> list[Wake]:
    """Return words that wake a node for so many mailboxes."""
    marks = [mark_of(one) for one in mailboxes]
    return [Wake(tuple(marks[at : at + _WAKES_AT_ONCE])) for at in range(0, len(marks), _WAKES_AT_ONCE)]


Heard: TypeAlias = Callable[[bytes], None]


class Words(Protocol):
    """Carries words from node to node, in the event loop; nothing here waits or fails."""

    def start(self, node: str, heard: Heard) -> None:
        """Begin to listen for words to `node`, and to reconnect for ever."""
        ...

    def tell(self, node: str, word: bytes) -> None:
        """Send a word, or lose it."""
        ...

    async def stop(self) -> None:
        """Let go of all connections."""
        ...

    @property
    def is_connected(self) -> bool: ...


class Notifications:
    """One connection that listens and one that tells."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._tasks: list[asyncio.Task[None]] = []
        self._waiting: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(_MOST_WAITING)
        self._parts: dict[str, list[str]] = {}
        self._numbers = itertools.count()
        self._node = ""
        self.is_connected = False

    def start(self, node: str, heard: Heard) -> None:
        self._node = node
        self._tasks = [asyncio.create_task(self._listen(heard)), asyncio.create_task(self._tell())]

    def tell(self, node: str, word: bytes) -> None:
        """Send a word, or lose it when too many wait."""
        with suppress(asyncio.QueueFull):
            self._waiting.put_nowait((node, word))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connect(self) -> psycopg.AsyncConnection:
        return await psycopg.AsyncConnection.connect(
            self._url, autocommit=True, connect_timeout=_CONNECT_S, application_name="sealroom-relay words"
        )

    async def _listen(self, heard: Heard) -> None:
        while True:
            with suppress(psycopg.Error, OSError):
                async with await self._connect() as db:
                    await db.execute(sql.SQL("LISTEN {}").format(sql.Identifier(_channel(self._node))))
                    self.is_connected = True
                    while True:
                        async for note in db.notifies(timeout=_LOOK_S):
                            word = self._take(note.payload)
                            if word is not None:
                                heard(word)
                        await asyncio.wait_for(db.execute("SELECT 1"), _CONNECT_S)
            self.is_connected = False
            await asyncio.sleep(_AGAIN_S)

    def _take(self, payload: str) -> bytes | None:
        """Put the parts of a word together: of one sender they come in order, or are lost."""
        try:
            name, place, last, text = payload.split(" ", 3)
            parts = self._parts.setdefault(name, [])
            if len(parts) != int(place):
                self._parts.pop(name)
                return None
            parts.append(text)
            whole = "".join(self._parts.pop(name)) if place == last else None
            return None if whole is None else base64.b64decode(whole, validate=True)
        except ValueError:
            return None

    async def _tell(self) -> None:
        while True:
            with suppress(psycopg.Error, OSError):
                async with await self._connect() as db:
                    while True:
                        node, word = await self._waiting.get()
                        await self._notify(db, node, word)
            await asyncio.sleep(_AGAIN_S)

    async def _notify(self, db: psycopg.AsyncConnection, node: str, word: bytes) -> None:
        name = f"{self._node}.{next(self._numbers)}"
        parts = [word[place : place + _PART_B] for place in range(0, len(word), _PART_B)]
        payloads = [
            f"{name} {place} {len(parts) - 1} {base64.b64encode(part).decode()}"
            for place, part in enumerate(parts)
        ]
        # One statement, one transaction: all parts or none.
        await asyncio.wait_for(
            db.execute(
                "SELECT pg_notify(%s, part) FROM unnest(%s::text[]) AS part", [_channel(node), payloads]
            ),
            _CONNECT_S,
        )


def _channel(node: str) -> str:
    return f"sealroom_{node}"
