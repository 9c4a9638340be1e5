"""A customer's objection is decided within 30 days: a person is told, then it is decided for the customer
(ROOM-37).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from e2ee.errors import NoRight, RemoteError
from e2ee.rooms.desk import FREEZE_MS, TURN_MS
from e2ee.rooms.entry import ROOM_ID_B, EntryHash, RoomId
from e2ee.rooms.kinds import Side
from e2ee.rooms.state import SUPERVISOR, Phase
from e2ee_client.engine.row_codec import Row
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import FreezeUndecided

from .room_part import RoomPart
from .stewarding import Change

TOLD_BEFORE_MS: Final = 7 * 86_400_000
_UNDECIDED: Final = {
    "de": "In 30 Tagen nicht entschieden: abgeschlossen",
    "en": "Not decided within 30 days: closed",
}


@dataclass(slots=True)
class FreezeTold(Row):
    """That the people of this device were told of a freeze, by when it began."""

    TABLE: ClassVar[str] = "desk"
    PREFIX: ClassVar[bytes] = b"freeze"
    KEY: ClassVar = (("room_id", ROOM_ID_B),)
    room_id: RoomId
    since_ms: int


class Freezing(RoomPart):
    """The oldest freeze that lasts counts, so that a further one puts nothing off."""

    def decide(self, turn: Turn, text: str, *, closes: bool) -> EntryHash:
        """Decide an objection, as a supervisor: the room is open again, or closed (ROOM-14).

        Raises:
            NoRight: the room is not frozen, or we are no supervisor. What `Stewarding.change` raises.
        """
        if self._since_ms(turn) is None:
            raise NoRight("nobody has objected in this room")
        if self._place(turn) is None:
            raise NoRight("a supervisor decides an objection")
        phase = Phase.CLOSED if closes else Phase.OPEN
        return self._room.stewarding.change(turn, Change(phase=phase, text=text))

    def ends_ms(self, turn: Turn) -> int | None:
        """Return when the room is closed undecided; None where it is not frozen, or we are no steward."""
        since_ms = self._since_ms(turn)
        is_ours = since_ms is not None and self._room.stewarding.place(turn) is not None
        return since_ms + FREEZE_MS if since_ms is not None and is_ours else None

    def due_ms(self, turn: Turn) -> int | None:
        """Return when people are told, or it is decided without them."""
        since_ms = self._since_ms(turn)
        if since_ms is None or self._room.stewarding.place(turn) is None:
            return None
        if not self._is_told(turn, since_ms):
            return since_ms + FREEZE_MS - TOLD_BEFORE_MS
        place = self._place(turn)
        if place is None or not self._room.writing.can_write(turn):
            return None
        return max(since_ms + FREEZE_MS + TURN_MS * place, self._live.retry_ms)

    def tick(self, turn: Turn) -> None:
        """Tell the people, or close the room, if it is due."""
        due_ms, since_ms = self.due_ms(turn), self._since_ms(turn)
        if due_ms is None or since_ms is None or due_ms > turn.now_ms:
            return
        if not self._is_told(turn, since_ms):
            turn.put(FreezeTold(self._live.room_id, since_ms).put())
            self._around.tell(turn, FreezeUndecided(self._live.room_id, since_ms + FREEZE_MS))
            return
        language = self._room.consent.language.partition("-")[0]
        try:
            self.decide(turn, _UNDECIDED.get(language, _UNDECIDED["en"]), closes=True)
        except RemoteError:
            self._live.retry_ms = turn.now_ms + TURN_MS

    def _is_told(self, turn: Turn, since_ms: int) -> bool:
        key = FreezeTold.key_of(self._live.room_id)
        row = turn.read(self._around.rows, FreezeTold.TABLE, key)
        return row is not None and FreezeTold.decode(key, row).since_ms == since_ms

    def _place(self, turn: Turn) -> int | None:
        """Our place among the supervisors in force; None if we are none of them."""
        ranks, us = self._room.states.ranks(turn.now_ms), self._around.us.device_id
        supervisors = sorted(one for one, rank in ranks.items() if rank >= SUPERVISOR)
        is_ours = self._around.side is Side.COMPANY and us in supervisors
        return supervisors.index(us) if is_ours else None

    def _since_ms(self, turn: Turn) -> int | None:
        """When the room was frozen, by our clock; None if it is not."""
        condition = self._room.states.condition()
        if condition.phase is not Phase.FROZEN:
            return None
        named = condition.freezes or self._frozen_states()
        found = [self._room.log.find(turn, one) for one in named]
        return min((one.received_ms for one in found if one is not None), default=None)

    def _frozen_states(self) -> list[EntryHash]:
        """The newest states in a row that are frozen: of a joiner, which knows no act from before."""
        found: list[EntryHash] = []
        for written in reversed(self._room.states.path):
            if written.state.phase is not Phase.FROZEN:
                break
            found.append(written.hash)
        return found
