"""The rows of a store, of which some have their value in the key file (STO-53 to STO-57).

    new values into free slots --> rows that name them --> slots that no row names any more: zeros

A crash between two steps leaves slots that no row names; the next opening overwrites them.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from e2ee_client.errors import StoreCorrupt, StoreError, StoreFull, StoreMisuse
from e2ee_client.rows import DESTROYED_AT_ONCE, Change, Delete, Put

from .key_file import ID_B, KeyFile
from .ledger import Ledger

_Row = tuple[str, bytes]


class KeyedRows:
    """Reads and commits rows over database and key file."""

    __slots__ = ("_ended", "_keys", "_ledger", "_of_old", "_unnamed", "_without")

    def __init__(self, ledger: Ledger, keys: KeyFile) -> None:
        """Look which rows name which values.

        Raises:
            StoreCorrupt: a row was changed.
        """
        self._ledger, self._keys = ledger, keys
        self._of_old: list[Put] = []  # with their value in the database (STO-57)
        self._without: dict[_Row, bytes] = {}
        self._ended: list[bytes] = []  # values whose slots are to be overwritten
        named = self._named()
        self._unnamed = [one for one in keys.ids if one not in named]

    def _named(self) -> set[bytes]:
        named = set[bytes]()
        for table in sorted(DESTROYED_AT_ONCE):
            page = self._ledger.page(table, 0)
            while page:
                for _, key, value in page:
                    self._note(table, key, value)
                    named.add(value)
                page = self._ledger.page(table, page[-1][0])
        return named

    def _note(self, table: str, key: bytes, value: bytes) -> None:
        if len(value) != ID_B:
            self._of_old.append(Put(table, key, value))
        elif self._keys.value(value) is None:
            self._without[table, key] = value

    def check(self) -> None:
        """In a store that continues its last run each row has its value (STO-55).

        Raises:
            StoreCorrupt: the key file is missing, or was put back or changed.
        """
        if self._without:
            raise StoreCorrupt("keys of bodies are missing in the key file")

    def begin(self, *, continues: bool) -> None:
        """Overwrite what no row names, and move values of old rows into the key file (STO-55, STO-57).

        Raises:
            StoreFull, StoreUnavailable.
        """
        if continues:
            self._ended, self._unnamed = self._unnamed, []
        if self._of_old:
            # What stands in a row is no id: nothing ends with it.
            ids = self._keys.add([one.value for one in self._of_old])
            moved = [Put(one.table, one.key, key_id) for one, key_id in zip(self._of_old, ids, strict=True)]
            self._ledger.commit(moved, settle=False)
            self._of_old = []
        self.end_values()

    def get(self, table: str, key: bytes) -> bytes | None:
        """Return the row's value; None where there is no row, or no value to its id."""
        value = self._ledger.get(table, key)
        return self._keys.value(value) if value is not None and table in DESTROYED_AT_ONCE else value

    def page(self, table: str, after_seq: int) -> list[tuple[int, bytes, bytes | None]]:
        """Return rows as `Ledger.page` does; None stands for a value that is not here."""
        page = self._ledger.page(table, after_seq)
        if table not in DESTROYED_AT_ONCE:
            return [*page]
        return [(seq, key, self._keys.value(value)) for seq, key, value in page]

    def commit(self, changes: Sequence[Change], *, settle: bool) -> None:
        """Apply the changes in one transaction (STO-09, STO-54); `end_values` has to follow.

        Raises:
            StoreFull, StoreMisuse: nothing changed. StoreUnavailable, StoreCorrupt: open the store again.
        """
        stored, ended, fresh = list(changes), list[bytes](), list[bytes]()
        if settle:
            stored[:0] = [Delete(*row) for row, key_id in self._without.items() if self._is(row, key_id)]
        if any(one.table in DESTROYED_AT_ONCE for one in stored):
            stored, ended, fresh = self._exchanged(stored)
        try:
            self._ledger.commit(stored, settle=settle)
        except (StoreFull, StoreMisuse):
            with suppress(StoreError):
                # What stays is overwritten with the next values that end, or at the next opening.
                self._keys.remove(fresh)
            raise
        self._ended += ended
        if settle:
            self._ended += self._unnamed
            self._without, self._unnamed = {}, []

    def _is(self, row: _Row, key_id: bytes) -> bool:
        return self._ledger.get(*row) == key_id

    def _exchanged(self, changes: Sequence[Change]) -> tuple[list[Change], list[bytes], list[bytes]]:
        """Write new values; return the changes with their ids, the ids that end, and those that begin."""
        rows = [(one.table, one.key) for one in changes if one.table in DESTROYED_AT_ONCE]
        named = {row: self._ledger.get(*row) for row in rows}
        values = [one.value for one in changes if one.table in DESTROYED_AT_ONCE and isinstance(one, Put)]
        fresh = self._keys.add(values)
        ids, stored, ended = iter(fresh), list[Change](), list[bytes]()
        for one in changes:
            if one.table not in DESTROYED_AT_ONCE:
                stored.append(one)
                continue
            row = one.table, one.key
            before = named[row]
            ended += [] if before is None else [before]
            named[row] = key_id = next(ids) if isinstance(one, Put) else None
            stored.append(Delete(*row) if key_id is None else Put(*row, key_id))
        return stored, ended, fresh

    def end_values(self) -> None:
        """Overwrite the slots of values that no row names any more (STO-54).

        Raises:
            StoreFull, StoreUnavailable: it is tried again at the next call.
        """
        ended, self._ended = self._ended, []
        self._keys.remove(ended)

    def destroy(self) -> None:
        """Overwrite and remove the key file (STO-17).

        Raises:
            StoreFull, StoreUnavailable.
        """
        self._keys.destroy()
