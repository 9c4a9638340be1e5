"""Which entries of rooms a run of a desk has offered to who handles such."""

from __future__ import annotations

from typing import Final

LOOKED_AT: Final = 4_096
"""So many unread entries of a room are looked through for what had no place (CNS-79)."""
_REMEMBERED: Final = 2 * LOOKED_AT


class Offered:
    """Of each room twice as many as are looked through: no room pushes out what another one has."""

    def __init__(self) -> None:
        self._rooms: dict[bytes, dict[bytes, None]] = {}

    def has(self, room_id: bytes, entry_hash: bytes) -> bool:
        """Whether an entry was offered; one that is asked for is pushed out last."""
        is_known = entry_hash in self._rooms.get(room_id, ())
        if is_known:
            self.add(room_id, entry_hash)
        return is_known

    def add(self, room_id: bytes, entry_hash: bytes) -> bool:
        """Note that an entry is offered; whether it is for the first time."""
        known = self._rooms.setdefault(room_id, {})
        is_first = entry_hash not in known
        known.pop(entry_hash, None)
        known[entry_hash] = None
        if len(known) > _REMEMBERED:
            del known[next(iter(known))]
        return is_first

    def drop(self, room_id: bytes) -> None:
        """Forget a room that has ended."""
        self._rooms.pop(room_id, None)
