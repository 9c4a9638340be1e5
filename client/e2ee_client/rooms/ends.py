"""Which ends of rooms the receiver of a desk was told of, in the desk's store (CNS-70)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from e2ee.rooms.entry import ROOM_ID_B, RoomId
from e2ee.rooms.state import Phase
from e2ee_client.engine import Engine
from e2ee_client.engine.row_codec import Row
from e2ee_client.runtime.shell import Shell

from .desk_rows import DeskRows

_SEQ_B: Final = 8
_NO_ROOM: Final = bytes(ROOM_ID_B)
"""The row that says that a receiver was there before."""


@dataclass(slots=True)
class End(Row):
    """The end of a room: the number of its newest withdrawal, 0 for none, and whether it is erased."""

    TABLE: ClassVar[str] = "desk"
    PREFIX: ClassVar[bytes] = b"ends"
    KEY: ClassVar = (("room_id", ROOM_ID_B),)
    room_id: bytes
    withdrawal: int = 0
    is_erased: bool = False

    @property
    def name(self) -> bytes:
        """What is the same each time that it is told."""
        return self.room_id + self.withdrawal.to_bytes(_SEQ_B) + bytes([self.is_erased])


class Ends:
    """Rows of the newest ends that were told, in memory as well."""

    def __init__(self, shell: Shell[Engine]) -> None:
        self._shell, self._rows = shell, DeskRows(shell)
        self._told: dict[bytes, End] = {}

    async def load(self) -> None:
        """Read what was told. Where no receiver was before, what has ended by now counts as told."""
        self._told = {one.room_id: one for one in await self._rows.load(End)}
        if _NO_ROOM in self._told:
            return
        for room in self._shell.machine.rooms.all():
            if room.phase and self.untold(room.room_id) is not None:
                await self.note(self._of(room.room_id))
        await self.note(End(_NO_ROOM))

    def untold(self, room_id: bytes) -> End | None:
        """Return the newest end of a room, if it was not told."""
        end = self._of(room_id)
        return None if end == self._told.get(room_id, End(room_id)) else end

    async def note(self, end: End) -> None:
        """An end was told, or is in the store to be."""
        await self._rows.put(end)
        self._told[end.room_id] = end

    def _of(self, room_id: bytes) -> End:
        rooms = self._shell.machine.rooms
        view = rooms.view(room_id)
        is_erased = view is not None and view.phase is Phase.ERASED
        return End(room_id, rooms.withdrawal_seq(RoomId(room_id), self._shell.now_ms), is_erased)
