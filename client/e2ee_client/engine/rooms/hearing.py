"""When a suspended device has caught up again: meanwhile it was told of no withdrawal or erasure (CNS-74)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from e2ee.rooms.roster import Roster
from e2ee_client.engine.row_codec import Row
from e2ee_client.engine.turn import Turn

from .room_part import RoomsPart


@dataclass(slots=True)
class Gap(Row):
    """The newest roster that has suspended this device, and when, by this device's own clock, it had all that
    waited again; None until then.
    """

    TABLE: ClassVar[str] = "desk"
    PREFIX: ClassVar[bytes] = b"gap"
    mandate_seq: int
    roster_seq: int
    over_ms: int | None = None


class Hearing(RoomsPart):
    """Keeps the newest gap. Each roster counts once: others may show it for long, and in any order."""

    def start(self, turn: Turn) -> None:
        """Note a suspension that an earlier release has not noted."""
        standing = self._context.team.standing(self._rooms.around.us.account_id)
        is_locked = not (self._rooms.is_active() or self._rooms.dropping.is_struck_off())
        if standing is not None and is_locked and self._gap(turn) is None:
            turn.put(Gap(standing.mandate.seq, 0).put())

    def note(self, turn: Turn, roster: Roster) -> None:
        """A roster of our company was learned, whichever counts."""
        gap, (mandate_seq, roster_seq, _) = self._gap(turn), roster.ref
        is_newer = gap is None or (mandate_seq, roster_seq) > (gap.mandate_seq, gap.roster_seq)
        is_kept = not self._rooms.dropping.is_struck_off()
        if self._rooms.around.us.device_id in roster.suspended and is_newer and is_kept:
            turn.put(Gap(mandate_seq, roster_seq).put())

    def look(self, turn: Turn) -> None:
        """A gap is over when we act again, and all that waited in our mailboxes is here; by a clock that was
        ahead then, it is over now.
        """
        gap = self._gap(turn)
        is_over = self._rooms.is_active() and self._context.links.have_all()
        if gap is not None and is_over and (gap.over_ms is None or gap.over_ms > turn.now_ms):
            turn.put(Gap(gap.mandate_seq, gap.roster_seq, turn.now_ms).put())

    def is_told_of(self, received_ms: int, now_ms: int) -> bool:
        """Whether this device was told of all that has become of what it received at a time. After a gap
        nothing is concluded from a time that is still to come.
        """
        gap = self._gap(Turn(now_ms))
        return gap is None or (gap.over_ms is not None and gap.over_ms < received_ms <= now_ms)

    def _gap(self, turn: Turn) -> Gap | None:
        row = turn.read(self._state.rows, Gap.TABLE, Gap.PREFIX)
        return None if row is None else Gap.decode(Gap.PREFIX, row)
