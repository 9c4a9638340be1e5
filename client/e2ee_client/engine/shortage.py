"""What an application is told of a stock of one-time keys that runs low (RLY-157)."""

from __future__ import annotations

from e2ee_client.events import PrekeysLow

from .turn import Turn
from .upkeep import REFILL_BELOW


class Shortage:
    """From the first word of the relay to the next upload: told once, and again when a kind runs out."""

    def __init__(self) -> None:
        self._is_told = False
        self._is_told_of_end = False

    def heard(self, turn: Turn, one_time_x25519: int, one_time_kem: int) -> None:
        """Tell of so many keys that are left at the relay, if there is something new to tell."""
        left = min(one_time_x25519, one_time_kem)
        if left >= REFILL_BELOW or self._is_told_of_end or (self._is_told and left):
            return
        self._is_told, self._is_told_of_end = True, left == 0
        turn.notify(PrekeysLow(one_time_x25519, one_time_kem))

    def end(self) -> None:
        """Note that the stock was filled up."""
        self._is_told = self._is_told_of_end = False
