"""A device that its company has struck off erases its rooms (ACC-15)."""

from __future__ import annotations

from itertools import islice
from typing import Final

from e2ee.rooms.kinds import Side
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import RoomsLocked

from .consent import Tombstone
from .entry_log import TABLES
from .file_rows import FileIn, FileOut
from .proving import KeptConsent
from .records import LiveRoom, RoomIndex
from .requests import OwnRequest
from .room_part import RoomsPart
from .state_pages import STATES
from .who_waits import WaitingRow

_TABLES: Final = (
    *(RoomIndex.TABLE, LiveRoom.TABLE, *TABLES, OwnRequest.TABLE, Tombstone.TABLE),
    *(STATES, FileIn.TABLE, FileOut.TABLE),
    WaitingRow.TABLE,  # That of a desk, with what it was to send.
)
_AT_ONCE: Final = 512
_APART_MS: Final = 50


class Dropping(RoomsPart):
    """The list of rooms is empty at once; rows go some at a time, and after a restart it goes on."""

    def look(self, turn: Turn) -> None:
        """Erase all rooms where the account's newest list, or a mandate, has no place for this device."""
        if self.is_struck_off():
            self._rooms.forget_all()
            self._rooms.who_waits.now.clear()
            for account_id in self._state.outbox.accounts():
                self._context.sending.forget(turn, account_id)
            self._erase(turn)

    def check_kept(self) -> None:
        """Refuse to keep anything on a device that its company has struck off (ACC-15).

        Raises:
            RoomsLocked.
        """
        if self.is_struck_off():
            raise RoomsLocked("the company has struck this device off")

    def is_struck_off(self) -> bool:
        """Whether the account's newest list, or a mandate, has no place for this device."""
        own, standing = self._state.own, self._context.team.standing(self._state.own.account_id)
        if self._rooms.around.side is Side.CUSTOMER or standing is None:
            return False
        return own.replaced or own.device.record.device_id in standing.mandate.suspended

    def _erase(self, turn: Turn) -> None:
        left = False
        for table, prefix in (*((one, b"") for one in _TABLES), (KeptConsent.TABLE, KeptConsent.PREFIX)):
            found = (key for key, _ in self._state.rows.items(table) if key.startswith(prefix))
            keys = list(islice(found, _AT_ONCE))
            for key in keys:
                turn.delete(table, key)
                if table == FileIn.TABLE:
                    self._context.rooms.files.gone(turn, key)
            left = left or bool(keys)
        if left:
            self._context.timers.set("erase rooms", turn.now_ms + _APART_MS, self._erase)
