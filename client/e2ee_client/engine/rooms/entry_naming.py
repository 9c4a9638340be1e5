"""Who names an entry that is not here, or that names such a one itself and so may have another place later.

entry_named  room | hash -> entries that name it

An entry that has no row here keeps its place when what it names comes, or nothing is known of who names it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from e2ee.constants import HASH_B
from e2ee.rooms.entry import ROOM_ID_B, EntryHash, RoomId
from e2ee_client.engine.ports import RowReader
from e2ee_client.engine.row_codec import Row
from e2ee_client.engine.turn import Turn

MAX_NAMING: Final = 64


@dataclass(slots=True)
class Naming(Row):
    """Entries that are here and name one that may have another place later."""

    TABLE: ClassVar[str] = "entry_named"
    KEY: ClassVar = (("room_id", ROOM_ID_B), ("hash", HASH_B))
    room_id: RoomId
    hash: EntryHash
    by: tuple[EntryHash, ...]


class Namings:
    """Rows of one room."""

    def __init__(self, rows: RowReader, room_id: RoomId) -> None:
        self._rows, self._room_id = rows, room_id

    def of(self, turn: Turn, named: EntryHash) -> tuple[EntryHash, ...] | None:
        """Return who names an entry; None if nobody has noted that. Of 64 there may be more."""
        key = Naming.key_of(self._room_id, named)
        row = turn.read(self._rows, Naming.TABLE, key)
        return None if row is None else Naming.decode(key, row).by

    def note(self, turn: Turn, named: EntryHash, by: EntryHash, *, is_here: bool) -> None:
        """Note who names an entry that is not here, or that was marked."""
        known = self.of(turn, named)
        if (known is not None or not is_here) and len(known or ()) < MAX_NAMING:
            turn.put(Naming(self._room_id, named, (*(known or ()), by)).put())

    def mark(self, turn: Turn, entry_hash: EntryHash) -> None:
        """Note from now on who names an entry that is here."""
        turn.put(Naming(self._room_id, entry_hash, self.of(turn, entry_hash) or ()).put())

    def drop(self, turn: Turn, named: EntryHash) -> None:
        """Forget who names an entry."""
        if self.of(turn, named) is not None:
            turn.delete(Naming.TABLE, Naming.key_of(self._room_id, named))
