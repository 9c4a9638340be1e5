"""Marks: links when nothing else says them (TRN-12)."""

from __future__ import annotations

from typing import Final

from e2ee.rooms.kinds import Kind, Side
from e2ee.rooms.payloads import Mark
from e2ee.rooms.transcript import MARK_DELAYS_MS, mark_due_ms
from e2ee_client.engine.turn import Turn

from .room_part import RoomPart

_DRAWN_B: Final = 4


class Marks(RoomPart):
    """Of a company 5 to 15 minutes after what nothing links, of everybody at closing and after 20."""

    def due_ms(self, turn: Turn) -> int | None:
        """Return when we write a mark; None for never."""
        live, states = self._live, self._room.states
        if not live.is_recipient or not self._is_open() or not self._room.writing.can_write(turn):
            return None
        if live.greets or live.marks_at_once:
            return turn.now_ms
        is_company = self._around.side is Side.COMPANY
        if not any(
            one.account_id != self._around.us.account_id or is_company
            for one in states.recipients(Kind.MARK, turn.now_ms)
        ):
            return None
        due_ms = mark_due_ms(live.view, live.mark_delay_ms or self._draw(), company=is_company)
        return turn.now_ms if due_ms == 0 else due_ms

    def _is_open(self) -> bool:
        return self._live.root_content is not None or self._live.customer is None

    def _draw(self) -> int:
        first, last = MARK_DELAYS_MS
        drawn = int.from_bytes(self._around.rng(_DRAWN_B), "big")
        self._live.mark_delay_ms = first + drawn % (last - first)
        return self._live.mark_delay_ms

    def tick(self, turn: Turn) -> None:
        """Write the mark that is due."""
        due_ms = self.due_ms(turn)
        if due_ms is not None and due_ms <= turn.now_ms:
            self._live.greets = self._live.marks_at_once = False
            self._live.mark_delay_ms = 0
            self._room.writing.write_quietly(turn, Mark())
