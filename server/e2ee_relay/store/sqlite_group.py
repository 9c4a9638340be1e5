"""One group of operations as one transaction of few statements.

SQLite gives up the interpreter's lock at each step of a statement, and the writer has to win it back from the
event loop, which costs up to a switch interval. So rows are not written one by one: all messages of a group
are a handful of steps, whatever their number.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

from .api import Op
from .sqlite_file import DatabaseFile
from .sqlite_writes import Writes

# Rows of one INSERT, so that the prepared statements of a few sizes do for every number of rows.
_PIECES: Final = (128, 64, 32, 16, 8, 4, 2, 1)
_AT_A_TIME: Final = 8  # messages; a mebibyte at most


class SqliteGroup:
    """Writes groups into one database."""

    def __init__(self, file: DatabaseFile) -> None:
        self._file = file
        self._db = file.connection

    def commit(self, group: Sequence[Writes], handed_out: list[Op]) -> None:
        """Carry out all of it, durably; `handed_out` is filled by the tasks, and counted with them (RLY-63).

        Raises:
            sqlite3.Error: nothing of it is done.
        """
        puts = list(chain.from_iterable([one.puts for one in group]))
        seen = list(chain.from_iterable([one.seen for one in group]))
        gone = list(chain.from_iterable([one.gone for one in group]))
        tasks = list(chain.from_iterable([one.tasks for one in group]))
        if not (puts or gone or any(one.is_writing for one in group)):
            for task in tasks:  # they read
                task()
            return
        with self._file.transaction():
            self._write_messages(puts, gone)
            self._insert("seen", seen)
            for task in tasks:
                task()
            if handed_out:
                self._file.set_figure("handed_out", self._file.mark().handed_out + len(handed_out))

    def _write_messages(self, puts: list[tuple[Any, ...]], gone: list[int]) -> None:
        """A message that came and went within the group is never written."""
        passing = {row[0] for row in puts}.intersection(gone)
        if passing:
            puts = [row for row in puts if row[0] not in passing]
            gone = [row_id for row_id in gone if row_id not in passing]
        self._insert("message", puts)
        if gone:
            self.delete(gone)

    def delete(self, row_ids: list[int]) -> None:
        """Delete messages, within the transaction of the caller."""
        self._db.execute(
            "DELETE FROM message WHERE row_id IN (SELECT value FROM json_each(?))", (json.dumps(row_ids),)
        )

    def delete_in_pieces(self, row_ids: list[int]) -> None:
        """Delete messages some at a time, each durably, where there is no room for all (RLY-192).

        Raises:
            sqlite3.Error: not all of them are deleted.
        """
        for start in range(0, len(row_ids), _AT_A_TIME):
            with self._file.transaction():
                self.delete(row_ids[start : start + _AT_A_TIME])
            self._file.tidy()

    def _insert(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        start = 0
        for piece in _PIECES if rows else ():
            places = ",".join(["(" + ",".join("?" * len(rows[0])) + ")"] * piece)
            while len(rows) - start >= piece:
                values = list(chain.from_iterable(rows[start : start + piece]))
                self._db.execute(f"INSERT INTO {table} VALUES {places}", values)  # noqa: S608 - fixed names
                start += piece
