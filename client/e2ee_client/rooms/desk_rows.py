"""What a desk has still to send, in its store: events of webhooks, and mail that is timed (CNS-43)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final, Self, TypeVar

from e2ee.rooms.entry import ROOM_ID_B
from e2ee_client.engine import Engine
from e2ee_client.engine.rooms.rooms import Rooms
from e2ee_client.engine.row_codec import Row
from e2ee_client.engine.turn import Turn
from e2ee_client.runtime.shell import Shell

from .webhooks import ID_B, MemoryQueue, Waiting, with_text

R = TypeVar("R", bound=Row)
T = TypeVar("T")
_TABLE: Final = "desk"


@dataclass(slots=True)
class StoredEvent(Row):
    """A `Waiting`."""

    TABLE: ClassVar[str] = _TABLE
    PREFIX: ClassVar[bytes] = b"hook"
    KEY: ClassVar = (("event_id", ID_B),)
    event_id: bytes
    body: bytes = field(repr=False)
    due_ms: int
    failures: int
    content_of: bytes | None

    @classmethod
    def of(cls, row: Waiting) -> Self:
        """Return an event as it is stored."""
        return cls(row.event_id, row.body, row.due_ms, row.failures, row.content_of)

    def row(self) -> Waiting:
        """Return what is stored."""
        return Waiting(self.event_id, self.body, self.due_ms, self.failures, self.content_of)


@dataclass(slots=True)
class MailDue(Row):
    """When the customer of a room is told that something waits."""

    TABLE: ClassVar[str] = _TABLE
    PREFIX: ClassVar[bytes] = b"mail"
    KEY: ClassVar = (("room_id", ROOM_ID_B),)
    room_id: bytes
    at_ms: int


async def of_desk(shell: Shell[Engine], do: Callable[[Turn, Rooms], T]) -> T:
    """Carry out a step on what a desk keeps; one that was struck off keeps nothing any more (ACC-15).

    Raises:
        RoomsLocked.
    """

    def step(turn: Turn, rooms: Rooms) -> T:
        rooms.dropping.check_kept()
        return do(turn, rooms)

    return await shell.call(lambda engine, now_ms: engine.of_rooms(step, now_ms))


class DeskRows:
    """Rows of a desk's table; what is put or dropped is on disk when the call returns."""

    def __init__(self, shell: Shell[Engine]) -> None:
        self._shell = shell

    async def load(self, kind: type[R]) -> list[R]:
        """Return all rows of a kind."""

        def read(rooms: Rooms) -> list[R]:
            rows = rooms.around.rows.items(_TABLE)
            return [kind.decode(key, row) for key, row in rows if key.startswith(kind.PREFIX)]

        return await self._step(lambda _, rooms: read(rooms))

    async def put(self, row: Row) -> None:
        """Keep a row."""
        await self._step(lambda turn, _: turn.put(row.put()))

    async def drop(self, kind: type[Row], *key: bytes) -> None:
        """Drop a row by its key."""
        await self._step(lambda turn, _: turn.delete(_TABLE, kind.key_of(*key)))

    async def _step(self, do: Callable[[Turn, Rooms], T]) -> T:
        return await of_desk(self._shell, do)


class StoredQueue(MemoryQueue):
    """Events of webhooks in the store of a desk, and in memory to be looked through."""

    def __init__(self, rows: DeskRows) -> None:
        super().__init__()
        self._stored = rows

    async def load(self) -> None:
        """Read what waits since before. What it says itself, by a program before this one, is dropped."""
        for one in await self._stored.load(StoredEvent):
            row = one.row()
            if b'"text": ' in row.body:
                await self.put(replace(row, body=with_text(row.body, None)))
            else:
                await super().put(row)

    async def put(self, row: Waiting) -> None:
        await self._stored.put(StoredEvent.of(row))
        await super().put(row)

    async def drop(self, event_id: bytes) -> None:
        await super().drop(event_id)
        await self._stored.drop(StoredEvent, event_id)
