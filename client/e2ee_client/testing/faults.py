"""What can go wrong between client and relay, by choice or by dice that fall the same way every time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field


class Dice:
    """A reproducible stream of chances, and of bytes where a test wants no real randomness."""

    def __init__(self, seed: str = "sealroom") -> None:
        self._seed = seed.encode()
        self._count = 0

    def __call__(self, size_b: int) -> bytes:
        """Return the next bytes: an `Rng`."""
        return b"".join(self._block() for _ in range(-(-size_b // 64)))[:size_b]

    def falls(self, chance: float) -> bool:
        """Whether something happens that has this chance, 0 to 1."""
        return int.from_bytes(self(4), "big") < chance * 2**32

    def _block(self) -> bytes:
        self._count += 1
        return hashlib.blake2b(self._seed + self._count.to_bytes(8, "big")).digest()


@dataclass(slots=True)
class Faults:
    """What the network does to its connections; may be changed at any time.

    The chances concern held messages on their way from the relay to a client, each once at most. What is
    lost is delivered again on the next connection, as it was not acknowledged; and there is a next one,
    since TCP loses what it carries only by breaking.
    """

    refuse: bool = False
    """No connection can be opened."""
    delay_s: float = 0.0
    """Everything that a client receives takes so long (real seconds)."""
    lose: float = 0.0
    """Chance that a message does not arrive; its connection breaks a quarter of a second (real) later."""
    duplicate: float = 0.0
    """Chance that a message arrives twice."""
    reorder: float = 0.0
    """Chance that a message arrives after the one that follows it."""
    break_every: int = 0
    """The connection breaks after so many received messages; 0: never."""
    dice: Dice = field(default_factory=Dice)
