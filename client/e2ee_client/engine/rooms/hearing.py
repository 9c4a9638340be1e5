"""When a suspended device has caught up again: meanwhile it was told of no withdrawal or erasure (CNS-74)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from e2ee.rooms.roster import Roster
from e2ee_client.engine.row_codec import Row
from e2ee_client.engine.turn import Turn

from .room_part import RoomsPart


@dataclass(slots=True)
class Gap(Row):
    """The newest roster that has suspended this device, how many gaps are over, and if this one lasts."""

    TABLE: ClassVar[str] = "desk"
    PREFIX: ClassVar[bytes] = b"gap"
    mandate_seq: int
    roster_seq: int
    over: int
    lasts: bool


class Hearing(RoomsPart):
    """Keeps the newest gap. Each roster counts once: others may show it for long, and in any order."""

    def start(self, turn: Turn) -> None:
        """Note a suspension that an earlier release has not noted."""
        standing = self._context.team.standing(self._rooms.around.us.account_id)
        is_locked = not (self._rooms.is_active() or self._rooms.dropping.is_struck_off())
        if standing is not None and is_locked and self._gap(turn) is None:
            seq = 0 if standing.roster is None else standing.roster.ref.seq
            turn.put(Gap(standing.mandate.seq, seq, 0, lasts=True).put())

    def note(self, turn: Turn, roster: Roster) -> None:
        """A roster of our company was learned, whichever counts."""
        gap, (mandate_seq, roster_seq, _) = self._gap(turn), roster.ref
        is_newer = gap is None or (mandate_seq, roster_seq) > (gap.mandate_seq, gap.roster_seq)
        is_kept = not self._rooms.dropping.is_struck_off()
        if self._rooms.around.us.device_id in roster.suspended and is_newer and is_kept:
            turn.put(Gap(mandate_seq, roster_seq, self.gaps(turn), lasts=True).put())

    def lost(self, turn: Turn) -> None:
        """The store is an older copy: a gap that is over at once, as what has become of all that is here may
        have come since (CNS-95).
        """
        gap = self._gap(turn) or Gap(0, 0, 0, lasts=False)
        turn.put(replace(gap, over=gap.over + 1).put())

    def look(self, turn: Turn) -> None:
        """A gap is over when we act again, and all that waited in our mailboxes is here."""
        gap = self._gap(turn)
        if gap is not None and gap.lasts and self._rooms.is_active() and self._context.links.have_all():
            turn.put(replace(gap, over=gap.over + 1, lasts=False).put())

    def gaps(self, turn: Turn) -> int:
        """Return how many are over."""
        gap = self._gap(turn)
        return 0 if gap is None else gap.over

    def is_told_of(self, gaps: int) -> bool:
        """Whether this device was told of all that has become of what came when so many were over."""
        gap = self._gap(Turn(0))
        return gap is None or (not gap.lasts and gap.over == gaps)

    def _gap(self, turn: Turn) -> Gap | None:
        row = turn.read(self._state.rows, Gap.TABLE, Gap.PREFIX)
        return None if row is None else Gap.decode(Gap.PREFIX, row)
