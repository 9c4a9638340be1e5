"""A network that belongs to the adversary: a multiset of envelopes, and everything that ever passed."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from e2ee.constants import (
    BODY_CLASSES_B,
    PREFIX_B,
    SALT_B,
    SEALED_HEADER_B,
    TAG_B,
)

_LEAD_B = 2
_FIXED_B = (0, TAG_B, TAG_B + SALT_B, TAG_B + SALT_B + SEALED_HEADER_B)
BOUNDARIES = tuple(start + at for start in (_LEAD_B, _LEAD_B + PREFIX_B) for at in _FIXED_B)
"""Where the parts of an envelope of either kind begin."""


class Packet(NamedTuple):
    """An envelope on its way."""

    sender: int
    recipient: int
    envelope: bytes


class Tampering(Enum):
    """Ways to change an envelope."""

    FLIP = "flip a bit"
    SET = "set a byte"
    TRUNCATE = "cut bytes off"
    CUT_CLASS = "cut to another padding class"
    EXTEND = "append bytes"
    RELABEL = "say the other kind"


def tampered(envelope: bytes, how: Tampering, at: int, value: int) -> bytes:
    """Change an envelope at a position (taken modulo its length); `value` is a byte."""
    at %= len(envelope)
    match how:
        case Tampering.FLIP:
            return envelope[:at] + bytes((envelope[at] ^ 1 << value % 8,)) + envelope[at + 1 :]
        case Tampering.SET:
            return envelope[:at] + bytes((value,)) + envelope[at + 1 :]
        case Tampering.TRUNCATE:
            return envelope[:at]
        case Tampering.CUT_CLASS:
            return envelope[: -BODY_CLASSES_B[value % 3]]
        case Tampering.EXTEND:
            return envelope + bytes((value,)) * BODY_CLASSES_B[at % 3]
        case Tampering.RELABEL:
            return envelope[:1] + bytes((3 - envelope[1],)) + envelope[2:]


@dataclass
class HostileNetwork:
    """Packets that wait, in any number of copies, and a bounded past."""

    waiting: list[Packet] = field(default_factory=list)
    past: list[Packet] = field(default_factory=list)
    max_past: int = 200

    def put(self, packet: Packet, *, keep: bool = True) -> None:
        """Take a packet from its sender; without `keep` it is lost at once, but can be replayed."""
        if keep:
            self.waiting.append(packet)
        if len(self.past) < self.max_past:
            self.past.append(packet)

    def take(self, at: int) -> Packet:
        """Remove a waiting packet; `at` is taken modulo their number."""
        return self.waiting.pop(at % len(self.waiting))

    def look(self, at: int) -> Packet:
        """Return a waiting packet and leave it there."""
        return self.waiting[at % len(self.waiting)]

    def recall(self, at: int) -> Packet:
        """Return a packet of the past."""
        return self.past[at % len(self.past)]
