"""Messages in SQLite: a hot table without index, a cold one with, and a whole group in few statements.

SQLite gives up the interpreter's lock at each step of a statement and the writer has to win it back from the
event loop, which costs up to a switch interval. So rows are not written one by one: all puts and drops of a
group are a handful of steps, whatever their number.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from itertools import chain
from typing import Final, TypeAlias

from .changes import (
    Change,
    Chill,
    DropMailbox,
    DropMessages,
    MessageRow,
    PutMessages,
    ReadBodies,
    RememberedRow,
)

# The changes that are carried out together.
OF_MESSAGES: Final = frozenset((PutMessages, DropMessages))
Parameters: TypeAlias = Sequence[MessageRow] | Sequence[RememberedRow]

# Rows of one INSERT, so that the prepared statements of a few sizes do for every number of rows.
_PIECES: Final = (128, 64, 32, 16, 8, 4, 2, 1)
_PUT: Final = "INSERT INTO message VALUES"
_REMEMBER: Final = "INSERT INTO remembered (mailbox_no, msg_id, until_ms) VALUES"
# The ids that are named in one bound JSON array.
_NAMED: Final = "(SELECT value FROM json_each(?))"
_READ_CHUNK: Final = 500

# What a start needs of every message, in the order of arrival; whether it is cold is the last column.
LOAD_HELD: Final = """
    SELECT row_id, mailbox_no, seq, msg_id, expires_ms, received_ms, length(body), 0 FROM message
    UNION ALL
    SELECT row_id, mailbox_no, seq, msg_id, expires_ms, received_ms, length(body), 1 FROM cold_message
    ORDER BY row_id
"""


class MessageTables:
    """Both tables, on the store's connection and within its transactions."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        # No row of the cold table has a higher id. A transaction that fails may leave it too high, which
        # costs a look-up in vain.
        self._coldest = int(db.execute("SELECT coalesce(max(row_id), 0) FROM cold_message").fetchone()[0])

    def carry_out(self, changes: Sequence[Change]) -> list[Change]:
        """Carry out all puts and drops among the changes; return the other changes.

        The order among them is free: an id is given once, so a drop has no put behind it, and nothing reads a
        message that was dropped. A message that came and went within the group is never written.
        """
        puts: list[MessageRow] = []
        gone: list[int] = []
        remember: list[RememberedRow] = []
        others: list[Change] = []
        for change in changes:
            if type(change) is PutMessages:
                puts += change.rows
            elif type(change) is DropMessages:
                gone += change.row_ids
                remember += change.remember
            else:
                others.append(change)
        passing = {row.row_id for row in puts}.intersection(gone)
        self._insert(_PUT, [row for row in puts if row.row_id not in passing] if passing else puts)
        self._delete([row_id for row_id in gone if row_id not in passing] if passing else gone)
        self._insert(_REMEMBER, remember)
        return others

    def _insert(self, statement: str, rows: Parameters) -> None:
        start = 0
        for piece in _PIECES if rows else ():
            places = ",".join(["(" + ",".join("?" * len(rows[0])) + ")"] * piece)
            while len(rows) - start >= piece:
                values = list(chain.from_iterable(rows[start : start + piece]))
                self._db.execute(f"{statement} {places}", values)
                start += piece

    def _delete(self, row_ids: Sequence[int]) -> None:
        if not row_ids:
            return
        self._db.execute(f"DELETE FROM message WHERE row_id IN {_NAMED}", (json.dumps(row_ids),))  # noqa: S608 - fixed text
        cold = self._perhaps_cold(row_ids)
        if cold:
            self._db.execute(f"DELETE FROM cold_message WHERE row_id IN {_NAMED}", (json.dumps(cold),))  # noqa: S608 - fixed text

    def _perhaps_cold(self, row_ids: Sequence[int]) -> list[int]:
        return [row_id for row_id in row_ids if row_id <= self._coldest]

    def chill(self, change: Chill) -> None:
        """Move messages to the cold table, in the order of the change; those that are gone stay gone."""
        if not change.row_ids:
            return
        named = json.dumps(change.row_ids)
        self._db.execute(
            "INSERT INTO cold_message SELECT message.* FROM json_each(?) AS wanted"
            " CROSS JOIN message ON message.row_id = wanted.value ORDER BY wanted.key",
            (named,),
        )
        self._db.execute(f"DELETE FROM message WHERE row_id IN {_NAMED}", (named,))  # noqa: S608 - fixed text
        self._coldest = max(self._coldest, *change.row_ids)

    def drop_mailbox(self, change: DropMailbox) -> None:
        """Delete the messages of a mailbox; hot ones, without an index by it, by row ids (RLY-153)."""
        if change.row_ids is None:
            self._db.execute("DELETE FROM message WHERE mailbox_no = ?", (change.no,))
        else:
            self._delete(change.row_ids)
        self._db.execute("DELETE FROM cold_message WHERE mailbox_no = ?", (change.no,))

    def read_bodies(self, change: ReadBodies) -> dict[int, bytes]:
        """Return the bodies by row id; what is gone is missing."""
        bodies = self._bodies("message", change.row_ids)
        missing = [row_id for row_id in self._perhaps_cold(change.row_ids) if row_id not in bodies]
        return bodies | self._bodies("cold_message", missing) if missing else bodies

    def _bodies(self, table: str, row_ids: Sequence[int]) -> dict[int, bytes]:
        bodies: dict[int, bytes] = {}
        for start in range(0, len(row_ids), _READ_CHUNK):
            named = json.dumps(row_ids[start : start + _READ_CHUNK])
            bodies.update(
                self._db.execute(f"SELECT row_id, body FROM {table} WHERE row_id IN {_NAMED}", (named,))  # noqa: S608 - fixed names
            )
        return bodies
