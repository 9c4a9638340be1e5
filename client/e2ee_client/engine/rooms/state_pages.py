"""Which states a room has, and what was found of each, several to a row: a text changes none (STO-57).

room_states  room | page 4 -> 1 to 128 of: hash 32 | verdict 1, in the order in which they came
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Final

from e2ee.constants import HASH_B
from e2ee.rooms.entry import EntryHash, RoomId
from e2ee.rooms.state import Verdict
from e2ee_client.engine.ports import RowReader
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import StoreCorrupt
from e2ee_client.rows import Put

STATES: Final = "room_states"
PAGE_STATES: Final = 128
_ITEM_B: Final = HASH_B + 1
_VERDICTS: Final = tuple(Verdict)


class StatePages:
    """The verdicts of one room; in memory are those that were read or stored last."""

    def __init__(self, rows: RowReader, room_id: RoomId) -> None:
        self._rows = rows
        self._room_id = room_id
        self._stored: dict[EntryHash, Verdict] = {}

    def load(self, turn: Turn) -> dict[EntryHash, Verdict]:
        """Return all that is stored.

        Raises:
            StoreCorrupt: a page has another shape.
        """
        self._stored = {}
        page = 0
        while (row := turn.read(self._rows, STATES, self._key(page))) is not None:
            for at in range(0, len(row), _ITEM_B):
                self._stored[EntryHash(row[at : at + HASH_B])] = _verdict(row[at + HASH_B : at + _ITEM_B])
            page += 1
        return dict(self._stored)

    def store(self, turn: Turn, verdicts: Mapping[EntryHash, Verdict]) -> None:
        """Store the pages with a state that is new or has another verdict; each keeps its place."""
        changed = {one for one, verdict in verdicts.items() if self._stored.get(one) is not verdict}
        if not changed:
            return
        self._stored.update(verdicts)
        pages = {at // PAGE_STATES for at, one in enumerate(self._stored) if one in changed}
        for page in sorted(pages):
            start = page * PAGE_STATES
            items = islice(self._stored.items(), start, start + PAGE_STATES)
            row = b"".join(one + bytes((_VERDICTS.index(verdict),)) for one, verdict in items)
            turn.put(Put(STATES, self._key(page), row))

    def _key(self, page: int) -> bytes:
        return self._room_id + page.to_bytes(4)


def _verdict(code: bytes) -> Verdict:
    if len(code) != 1 or code[0] >= len(_VERDICTS):
        raise StoreCorrupt("a stored row has another shape")
    return _VERDICTS[code[0]]
