"""What a field of a message may hold, beyond its type."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Hex:
    """So many bytes as lower-case hexadecimal digits."""

    size_b: int

    def holds(self, value: str) -> bool:
        """Whether a text is one."""
        return re.fullmatch(rf"[0-9a-f]{{{2 * self.size_b}}}", value) is not None


@dataclass(frozen=True, slots=True)
class Text:
    """A text of so many bytes in UTF-8."""

    least_b: int
    most_b: int

    def holds(self, value: str) -> bool:
        """Whether a text is one; a lone surrogate has no bytes."""
        try:
            return self.least_b <= len(value.encode()) <= self.most_b
        except UnicodeEncodeError:
            return False


@dataclass(frozen=True, slots=True)
class Flat(Text):
    """A text on one line, without control characters, that is more than spaces."""

    def holds(self, value: str) -> bool:
        """Whether a text is one."""
        return Text.holds(self, value) and not _CONTROLS.search(value) and value.strip() != ""


@dataclass(frozen=True, slots=True)
class Number:
    """An integer in a range."""

    least: int
    most: int

    def holds(self, value: int) -> bool:
        """Whether a number is one."""
        return self.least <= value <= self.most


@dataclass(frozen=True, slots=True)
class Many:
    """At most so many."""

    most: int

    def holds(self, value: tuple[object, ...]) -> bool:
        """Whether a tuple is one."""
        return len(value) <= self.most
