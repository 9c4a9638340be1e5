"""Logins of a customer that wait for a steward, who is shown the devices that are new (CNS-16, CNS-42)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final

from e2ee.errors import NoRight
from e2ee.ids import DeviceId
from e2ee.rooms.entry import ROOM_ID_B, Entry, EntryHash, RoomId
from e2ee.rooms.gate import identify_waits
from e2ee.rooms.kinds import Side
from e2ee.rooms.payloads import EntryPayload, Refusal
from e2ee.rooms.signed_payloads import Identify
from e2ee.rooms.state import DESK
from e2ee_client.engine.ports import RowReader
from e2ee_client.engine.row_codec import Row
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import IdentifyAnswered, IdentifyAsked

from .room_part import RoomPart
from .stewarding import Change

MAX_WAITING: Final = 16
"""Logins of a room that wait; the oldest ones go."""


@dataclass(slots=True)
class Logins(Row):
    """Logins of a room that wait, and the devices of the account that a steward has confirmed."""

    TABLE: ClassVar[str] = "desk"
    PREFIX: ClassVar[bytes] = b"login"
    KEY: ClassVar = (("room_id", ROOM_ID_B),)
    room_id: RoomId
    waiting: tuple[EntryHash, ...] = ()
    confirmed: tuple[DeviceId, ...] = ()


class Identifying(RoomPart):
    """Both sides follow what becomes of a login; only a company's device looks at the devices."""

    def taken(self, turn: Turn, entry: Entry, payload: EntryPayload) -> None:
        """Note a login that waits, and one that is refused."""
        match payload:
            case Identify():
                self._asked(turn, entry)
            case Refusal(named=named, code=code):
                self._answered(turn, named, code)
            case _:
                pass

    def _asked(self, turn: Turn, entry: Entry) -> None:
        known, devices = self._logins(turn), self._room.states.customers()
        new = tuple(one for one in devices if one not in known.confirmed)
        if self._around.side is Side.COMPANY and not identify_waits(devices, known.confirmed):
            self._around.tell(turn, IdentifyAnswered(self._live.room_id, entry.hash))
            return
        known.waiting = (*known.waiting, entry.hash)[-MAX_WAITING:]
        turn.put(known.put())
        if self._around.side is Side.COMPANY:
            self._around.tell(turn, IdentifyAsked(self._live.room_id, entry.hash, new))

    def look(self, turn: Turn) -> None:
        """Take what states up to the head name as granted, with the devices that the account has now."""
        known = self._logins(turn)
        if known.waiting:
            named = {one for written in self._room.states.path for one in written.state.answers}
            for one in [one for one in known.waiting if one in named]:
                self._answered(turn, one, "")

    def _answered(self, turn: Turn, named: bytes, code: str) -> None:
        known = self._logins(turn)
        if named not in known.waiting:
            return
        known.waiting = tuple(one for one in known.waiting if one != named)
        if not code:
            known.confirmed = self._room.states.customers()
        turn.put(known.put())
        self._around.tell(turn, IdentifyAnswered(self._live.room_id, named, code))

    def decide(self, turn: Turn, entry_hash: EntryHash, *, grant: bool) -> None:
        """Grant a login, as a steward, by a state that names it, or refuse it by an entry (CNS-42).

        Raises:
            NoRight: no such login waits, or we are no steward. What `Stewarding.change` raises.
        """
        if entry_hash not in self._logins(turn).waiting:
            raise NoRight("no login of this hash waits")
        if self._room.states.ranks(turn.now_ms).get(self._around.us.device_id, -1) < DESK:
            raise NoRight("a steward decides about a login")
        if grant:
            self._room.stewarding.change(turn, Change(answers=(entry_hash,)))
        else:
            self._room.writing.write(turn, Refusal(entry_hash, NoRight.code))

    def _logins(self, turn: Turn) -> Logins:
        return _logins(turn, self._around.rows, self._live.room_id)


def _logins(turn: Turn, rows: RowReader, room_id: RoomId) -> Logins:
    key = Logins.key_of(room_id)
    row = turn.read(rows, Logins.TABLE, key)
    return Logins(room_id) if row is None else Logins.decode(key, row)


def waiting_logins(
    turn: Turn, rows: RowReader, room_id: RoomId, devices: Iterable[DeviceId]
) -> list[IdentifyAsked]:
    """Return the logins that wait for a steward, with those of the account's devices that are new."""
    known = _logins(turn, rows, room_id)
    new = tuple(one for one in devices if one not in known.confirmed)
    return [IdentifyAsked(room_id, one, new) for one in known.waiting]
