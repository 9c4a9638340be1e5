"""The record of everything that one relay in memory has seen, in order (LKG-01, LKG-03)."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from e2ee_relay.memory import MemoryConnection, MemoryRelay
from e2ee_relay.metrics import CommitFigures, ShellFigures, render
from e2ee_relay.node import Node
from e2ee_relay.protocol import KnownFrame, encode_frames
from e2ee_relay.session import Session
from seen_fields import Field, Value, fields_of_message, fields_of_row

OPENED, CLOSED, UP, DOWN, STORED, DELETED, FIGURES = (
    "opened",
    "closed",
    "up",
    "down",
    "stored",
    "deleted",
    "figures",
)
_FIGURE = re.compile(r'([a-z_]+)(?:\{([a-z]+)="([^"]*)"\})? (\S+)')
Table = dict[tuple[Value, ...], Mapping[str, Value]]


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that happened at the relay: when, on which connection, and what it held."""

    at_ms: int
    what: str
    connection: int
    fields: list[Field] = field(default_factory=list)


class RecordingRelay(MemoryRelay):
    """The relay in memory, which also writes down what it sees."""

    def __init__(
        self, clock_ms: Callable[[], int], rng: Callable[[int], bytes], names: Mapping[int, str]
    ) -> None:
        self.view: list[Seen] = []
        self._names = names
        self._tables: dict[str, Table] = {}
        self._now_ms = clock_ms
        self._starts = self._opened = 0
        self._sessions: dict[Session, int] = {}
        super().__init__(clock_ms, rng)
        self._tables = tables_of(self._file.connection)

    def next_number(self) -> int:
        """The number in the view that the next connection will have; none comes again after a restart."""
        return self._starts * 1000 + self._opened + 1

    def _begin(self) -> Node:
        self._starts += 1
        self._opened = 0
        node = super()._begin()
        group = self.store._group
        group.commit = self._noted(group.commit)  # type: ignore[method-assign]  # it is what is looked at
        return node

    def _noted(self, commit: Callable[..., None]) -> Callable[..., None]:
        def noted(*arguments: Any) -> None:
            commit(*arguments)
            self.see_rows()

        return noted

    def open_session(self, connection: MemoryConnection, visitor: bytes) -> Session:
        """Begin the session of a connection."""
        number = self.next_number()
        self._see(OPENED, number)
        self._opened += 1
        outlet = Noted(connection, lambda frame: self._see_frame(number, frame))
        session = self.node.connect(outlet, self._rng(32), visitor)
        self._sessions[session] = number
        return session

    def _see_frame(self, number: int, frame: KnownFrame) -> None:
        self._see(DOWN, number, fields_of_message(encode_frames([frame]), self._names))

    def take(self, connection: MemoryConnection, session: Session, message: bytes) -> None:
        """Take one message of a client."""
        self._see(UP, self._sessions[session], fields_of_message(message, self._names))
        super().take(connection, session, message)

    def forget(self, connection: MemoryConnection, session: Session) -> None:
        """Forget a closed connection."""
        self._see(CLOSED, self._sessions.pop(session))
        super().forget(connection, session)

    def figures(self) -> None:
        """Write down what the operator's figures show now."""
        shell = ShellFigures(len(self._connections), 0, 0, 0, True)
        text = render(self.node, CommitFigures(), shell)
        self._see(FIGURES, 0, fields_of_figures(text))

    def see_rows(self) -> None:
        """Write down which rows have come and gone since the last look."""
        before, self._tables = self._tables, tables_of(self._file.connection)
        for what, table, row in changed_rows(before, self._tables):
            self._see(what, 0, fields_of_row(table, row))

    def _see(self, what: str, connection: int, fields: list[Field] | None = None) -> None:
        self.view.append(Seen(self._now_ms(), what, connection, fields or []))


class Noted:
    """The outlet of a connection whose frames are written down."""

    def __init__(self, connection: MemoryConnection, note: Callable[[KnownFrame], None]) -> None:
        self._connection = connection
        self._note = note

    def put(self, frame: KnownFrame, *, can_wait: bool = False) -> None:
        """Write a frame down and pass it on."""
        self._note(frame)
        self._connection.put(frame)


def tables_of(db: sqlite3.Connection) -> dict[str, Table]:
    """Every row of every table, also of tables that nobody declared."""
    names = [str(name) for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    return {name: _table(db, name) for name in names}


def _table(db: sqlite3.Connection, name: str) -> Table:
    cursor = db.execute(f'SELECT * FROM "{name}"')  # noqa: S608 - a name from the schema
    columns = [str(column[0]) for column in cursor.description]
    return {row: dict(zip(columns, row, strict=True)) for row in cursor}


def changed_rows(
    before: Mapping[str, Table], after: Mapping[str, Table]
) -> Iterator[tuple[str, str, Mapping[str, Value]]]:
    """What has come and gone, table by table."""
    for name in sorted(set(before) | set(after)):
        old, new = before.get(name, {}), after.get(name, {})
        yield from ((DELETED, name, old[row]) for row in old if row not in new)
        yield from ((STORED, name, new[row]) for row in new if row not in old)


def fields_of_figures(text: str) -> list[Field]:
    """Each line of the figures: name and label are the path, the label goes with the value."""
    found = []
    for line in text.splitlines():
        parts = _FIGURE.fullmatch(line)
        if parts is not None:
            name, label, of, value = parts.groups()
            found.append(
                Field(f"metric.{name}.{label}" if label else f"metric.{name}", f"{of or ''}={value}")
            )
        elif line and not line.startswith("#"):
            found.append(Field("metric.unreadable", line))
    return found


def all_fields(view: list[Seen]) -> Iterator[tuple[Seen, Field]]:
    """Every field of a view with the event that it came in."""
    for seen in view:
        for one in seen.fields:
            yield seen, one


def plain(value: Any) -> str:
    """A value as it stands in a report: bytes by their size only."""
    return f"{len(value)} bytes" if isinstance(value, bytes) else repr(value)
