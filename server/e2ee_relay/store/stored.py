"""One entry of a storage manifest."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stored:
    """What one column holds."""

    what: str
    why: str
    how_long: str
