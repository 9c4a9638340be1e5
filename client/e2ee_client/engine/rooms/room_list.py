"""The list of all rooms in memory, also by the accounts that are in them.

What asks for each content that comes whether an account has a room does not go through all rooms: a desk has
a thousand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping

from e2ee.ids import AccountId
from e2ee.rooms.entry import RoomId

from .records import RoomIndex


class RoomList(MutableMapping[RoomId, RoomIndex]):
    """Rooms by id, in the order in which they were added. Company and customer of a room never change."""

    def __init__(self, rooms: Iterable[RoomIndex]) -> None:
        self._rooms: dict[RoomId, RoomIndex] = {}
        self._of: dict[AccountId, dict[RoomId, None]] = {}
        for one in rooms:
            self[one.room_id] = one

    def __getitem__(self, room_id: RoomId) -> RoomIndex:
        """Return a room."""
        return self._rooms[room_id]

    def __setitem__(self, room_id: RoomId, room: RoomIndex) -> None:
        """Add a room, or replace what is known of it."""
        self._rooms[room_id] = room
        for account_id in _accounts(room):
            self._of.setdefault(account_id, {})[room_id] = None

    def __delitem__(self, room_id: RoomId) -> None:
        """Drop a room."""
        for account_id in _accounts(self._rooms.pop(room_id)):
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


def _accounts(room: RoomIndex) -> list[AccountId]:
    return [room.company] if room.customer is None else [room.company, room.customer]
