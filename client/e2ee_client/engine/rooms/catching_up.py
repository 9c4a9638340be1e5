"""A copy of a room that may be older than a withdrawal asks what came behind it (ROOM-84, ROOM-86)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from e2ee.ids import DeviceId
from e2ee.rooms import transcript
from e2ee.rooms.desk import repeat_due_ms
from e2ee.rooms.entry import Author, DeviceTag, Entry, device_tag
from e2ee.rooms.kinds import Side
from e2ee.rooms.signals import MAX_WANTED
from e2ee.rooms.state import Phase
from e2ee.wire.fields import MAX_MS
from e2ee_client.engine.turn import Turn

from .asking import Range
from .records import Behind
from .room_part import RoomPart

_TIMES: Final = 4
"""Questions up to an hour; each further one comes a day later, and waits at the relay for who is off."""
_DAY_MS: Final = 86_400_000


class CatchingUp(RoomPart):
    """After a backup, or weeks off: nobody sends again what we had confirmed, or what a relay has dropped."""

    @property
    def is_old(self) -> bool:
        """Whether what is shown may have been erased since; a room that is over shows nothing (EXP-27)."""
        behind = self._live.behind
        return behind is not None and behind.is_old and not self._is_over()

    def start(self, turn: Turn) -> None:
        """The device is on: ask as if for the first time."""
        behind = self._live.behind
        if behind is not None and self._around.side is Side.COMPANY:
            self._live.behind = behind._replace(times=0, due_ms=turn.now_ms + transcript.GAP_AFTER_MS)

    def begin(self, turn: Turn) -> None:
        """Somebody has an entry of ours that is not here: our copy is old, unless we know that already."""
        if self._live.behind is None or not self._live.behind.is_old:
            self._live.behind = Behind()
            self.start(turn)

    def due_ms(self, turn: Turn) -> int | None:
        """Return when we ask next; now, where that was set by a clock that was ahead."""
        behind = self._live.behind
        due_ms = None if behind is None or self._is_over() else behind.due_ms
        return turn.now_ms if due_ms is not None and due_ms > turn.now_ms + _DAY_MS else due_ms

    def tick(self, turn: Turn) -> None:
        """Ask the devices of the room for the newest that is here of each of them, and all behind it."""
        behind, due_ms = self._live.behind, self.due_ms(turn)
        if behind is None or due_ms is None or due_ms > turn.now_ms:
            return
        times = behind.times + 1
        next_ms = repeat_due_ms(turn.now_ms, times) if times < _TIMES else turn.now_ms + _DAY_MS
        self._live.behind = behind._replace(times=times, due_ms=next_ms)
        whom = None if behind.is_old else self._not_heard(behind)
        self._room.asking.ask(turn, tuple(islice(self._ranges(), MAX_WANTED)), whom)

    def _ranges(self) -> Iterator[Range]:
        """The numbers of the customer's devices come first: an answer has the newest of the first range."""
        room_id = self._live.room_id
        customers = (device_tag(room_id, one) for one in self._room.states.customers())
        for tag in dict.fromkeys((*customers, *self._live.view.chains)):
            yield tag, self._newest(tag), MAX_MS

    def _newest(self, tag: DeviceTag) -> int:
        return max((one.last for one in self._live.view.chain(tag).intervals), default=0)

    def hear(self, by: Author, entries: Iterable[Entry]) -> None:
        """Note whether lines, before they are taken, are what we asked for, by the customer's word, in notes
        by a colleague's; an answer to an earlier question, which a relay has withheld, has older entries.
        """
        live, behind = self._live, self._live.behind
        if behind is None or by.account_id != (live.customer or live.company) or by.device_id in behind.heard:
            return
        newest = self._newest(device_tag(live.room_id, by.device_id))
        if any(one.author == by and one.header.n >= newest for one in entries):
            live.behind = behind._replace(heard=(*behind.heard, by.device_id))

    def settle(self, turn: Turn) -> None:
        """Note that our copy is old no more, once nothing is missing of what an answer left out; who has not
        answered may have erased something all the same.
        """
        live, behind = self._live, self._live.behind
        if behind is None or not behind.heard or (behind.is_old and self._is_missing(turn)):
            return
        if behind.is_old:
            live.caught_up_ms = turn.now_ms
        live.behind = behind._replace(is_old=False) if self._not_heard(behind) else None

    def _not_heard(self, behind: Behind) -> set[DeviceId]:
        return {*self._room.states.customers()} - {*behind.heard}

    def _is_missing(self, turn: Turn) -> bool:
        """Whether we wait for an entry of the customer, in notes of a colleague (TRN-13)."""
        live, room_id = self._live, self._live.room_id
        asked = {device_tag(room_id, one) for one in self._room.states.customers()}
        if live.customer is None:
            asked = {*live.view.chains} - {live.view.us}
        found = transcript.gaps(live.view, turn.now_ms, 0) if live.is_recipient else []
        return any(one.tag in asked for one in found)

    def _is_over(self) -> bool:
        return self._live.consent.is_withdrawn or self._room.states.condition().phase is Phase.ERASED
