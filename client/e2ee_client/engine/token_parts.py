"""Delivery tokens that a relay does not know, in the requests by which it is given them (CON-14)."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from e2ee_relay.protocol import TokenClass

MAX_TOKENS: Final = 256


class TokenPart(NamedTuple):
    """Tokens of one class, by their contacts, for one request."""

    contacts: list[bytes]
    kind: TokenClass


@dataclass(slots=True)
class TokenParts:
    """What is still to be given to a relay; `is_full` once it had no room for a single one."""

    parts: deque[TokenPart]
    is_full: bool = False

    @classmethod
    def of(cls, by_class: Mapping[TokenClass, list[bytes]]) -> TokenParts:
        """Split the tokens of each class, in this order, into requests of at most 256."""
        split = (
            TokenPart(some[at : at + MAX_TOKENS], kind)
            for kind, some in by_class.items()
            for at in range(0, len(some), MAX_TOKENS)
        )
        return cls(deque(split))

    def refused(self, part: TokenPart) -> None:
        """There is no room for all of a part: try each half of it, until the mailbox is known to be full."""
        half = len(part.contacts) // 2
        if not half:
            self.is_full = True
        elif not self.is_full:
            halves = part.contacts[:half], part.contacts[half:]
            self.parts.extendleft(part._replace(contacts=one) for one in reversed(halves))
