"""One-time keys of an upload that the relay has refused: they are in no stock, and go again (ID-50)."""

from __future__ import annotations

from collections.abc import Sequence

from e2ee.constants import PREKEY_LIFE_MS
from e2ee.pair import DAY_MS
from e2ee.prekeys import PrekeyKind

from .records import OwnPrekey, RefusedKeys
from .state import State
from .turn import Turn
from .upkeep import PUBLISHED

_KEY = RefusedKeys.key_of()


class RefusedUpload:
    """From which id on the one-time keys of our last upload were refused, also over a restart. Of an upload
    whose answer was lost nothing is kept: its keys may have been handed out.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def sent(self, turn: Turn) -> None:
        """An upload leaves: as long as it is not refused, its keys may be in the stock."""
        if self._least_id(turn):
            turn.delete(RefusedKeys.TABLE, _KEY)

    def refused(self, turn: Turn, keys: Sequence[OwnPrekey]) -> None:
        """The relay has refused an upload with these keys."""
        if keys:
            turn.put(RefusedKeys(min(one.pair.prekey.id for one in keys)).put())

    def again(self, turn: Turn, kind: PrekeyKind, highest_id: int, most: int) -> tuple[OwnPrekey, ...]:
        """Return those of a kind that are ours still, of the last day, above all that the relay has had."""
        least_id = self._least_id(turn)
        if not least_id:
            return ()
        kept = self._state.prekeys_of(kind, PUBLISHED)
        above = (one for one in kept if one.pair.prekey.id >= max(least_id, highest_id + 1))
        return tuple(one for one in above if self._is_of_today(turn, one))[:most]

    def _least_id(self, turn: Turn) -> int:
        """The lowest id of the refused keys; 0 where there are none."""
        row = turn.read(self._state.rows, RefusedKeys.TABLE, _KEY)
        return 0 if row is None else RefusedKeys.decode(_KEY, row).least_id

    def _is_of_today(self, turn: Turn, one: OwnPrekey) -> bool:
        made_ms = one.pair.prekey.not_after_ms - PREKEY_LIFE_MS
        return one.record == self._state.own.device.record and made_ms <= turn.now_ms < made_ms + DAY_MS


def signed_of(keys: Sequence[OwnPrekey]) -> tuple[bytes, ...]:
    """The signed public keys, as an upload has them."""
    return tuple(one.pair.prekey.signed for one in keys)
