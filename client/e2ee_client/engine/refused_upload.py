"""One-time keys of an upload that the relay has refused: they are in no stock, and go again (ID-50)."""

from __future__ import annotations

from collections.abc import Sequence

from e2ee.constants import PREKEY_LIFE_MS
from e2ee.pair import DAY_MS
from e2ee.prekeys import PrekeyKind

from .records import OwnPrekey
from .state import State
from .turn import Turn


class RefusedUpload:
    """The one-time keys of our last upload, if the relay refused it. Of an upload whose answer was lost
    nothing is kept: its keys may have been handed out.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.keys: tuple[OwnPrekey, ...] = ()

    def again(self, turn: Turn, kind: PrekeyKind, highest_id: int, most: int) -> tuple[OwnPrekey, ...]:
        """Return those of a kind that are ours still, of the last day, above all that the relay has had."""
        above = (one for one in self.keys if one.pair.prekey.kind is kind and one.pair.prekey.id > highest_id)
        return tuple(one for one in above if self._is_ours(turn, one))[:most]

    def _is_ours(self, turn: Turn, one: OwnPrekey) -> bool:
        made_ms = one.pair.prekey.not_after_ms - PREKEY_LIFE_MS
        is_kept = self._state.prekeys.get(one.key) == one and one.record == self._state.own.device.record
        return is_kept and made_ms <= turn.now_ms < made_ms + DAY_MS


def signed_of(keys: Sequence[OwnPrekey]) -> tuple[bytes, ...]:
    """The signed public keys, as an upload has them."""
    return tuple(one.pair.prekey.signed for one in keys)
