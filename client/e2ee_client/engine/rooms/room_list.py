"""The list of all rooms in memory, also by the accounts that are in them, and by their rooms of notes.

What asks for each content that comes whether an account has a room does not go through all rooms: a desk has
a thousand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping
from typing import Final

from e2ee.ids import AccountId
from e2ee.rooms.entry import RoomId
from e2ee.rooms.room import notes_id

from .records import RoomIndex

NOTES_NONCE: Final = bytes(16)
"""A room has one room of notes, whose id follows from it alone (ROOM-31)."""


class RoomList(MutableMapping[RoomId, RoomIndex]):
    """Rooms by id, in the order in which they were added. Company and customer of a room never change."""

    def __init__(self, rooms: Iterable[RoomIndex]) -> None:
        self._rooms: dict[RoomId, RoomIndex] = {}
        self._of: dict[AccountId, dict[RoomId, None]] = {}
        self._beside: dict[RoomId, RoomId] = {}
        self._new: set[RoomId] = set()  # not among `_beside` yet
        for one in rooms:
            self[one.room_id] = one

    def __getitem__(self, room_id: RoomId) -> RoomIndex:
        """Return a room."""
        return self._rooms[room_id]

    def __setitem__(self, room_id: RoomId, room: RoomIndex) -> None:
        """Add a room, or replace what is known of it."""
        if room.customer is not None and room_id not in self._rooms:
            self._new.add(room_id)
        self._rooms[room_id] = room
        for account_id in _accounts(room):
            self._of.setdefault(account_id, {})[room_id] = None

    def __delitem__(self, room_id: RoomId) -> None:
        """Drop a room."""
        room = self._rooms.pop(room_id)
        self._new.discard(room_id)
        self._beside.pop(_notes_of(room), None)
        for account_id in _accounts(room):
            rooms = self._of[account_id]
            del rooms[room_id]
            if not rooms:
                del self._of[account_id]

    def __iter__(self) -> Iterator[RoomId]:
        """Go through the ids of all rooms."""
        return iter(self._rooms)

    def __len__(self) -> int:
        """Count them."""
        return len(self._rooms)

    def of(self, account_id: AccountId) -> list[RoomIndex]:
        """Return the rooms of a company or of a customer."""
        return [self._rooms[one] for one in self._of.get(account_id, ())]

    def has_company(self, account_id: AccountId) -> bool:
        """Whether an account is the company of rooms; it is the same in all of its rooms."""
        first = next(iter(self._of.get(account_id, ())), None)
        return first is not None and self._rooms[first].company == account_id

    def has_customer(self, account_id: AccountId) -> bool:
        """Whether an account is the customer of rooms."""
        return account_id in self._of and not self.has_company(account_id)

    def beside(self, notes: RoomId) -> RoomId | None:
        """Return the room that is here and has this room of notes; that of each is made out once."""
        while self._new:
            room_id = self._new.pop()
            self._beside[_notes_of(self._rooms[room_id])] = room_id
        return self._beside.get(notes)


def _notes_of(room: RoomIndex) -> RoomId:
    return notes_id(room.company, room.room_id, NOTES_NONCE)


def _accounts(room: RoomIndex) -> list[AccountId]:
    return [room.company] if room.customer is None else [room.company, room.customer]
