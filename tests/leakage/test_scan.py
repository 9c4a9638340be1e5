"""The search of a large place looks once at each word for all patterns: it misses none (LKG-11)."""

from __future__ import annotations

import secrets

import pytest

from demo.encodings import Pattern
from demo.scan import search_bytes

SIZE_B = 100_000


@pytest.mark.parametrize("length", [8, 14, 15, 16, 40])
def test_a_pattern_is_found_wherever_it_stands(length: int) -> None:
    """LKG-11: at each alignment, at the very beginning and at the very end; others are not found."""
    pattern, other = (Pattern(name, "raw", secrets.token_bytes(length)) for name in ("wanted", "other"))
    for place in (*range(9), SIZE_B // 2 + 3, *range(SIZE_B - length - 8, SIZE_B - length + 1)):
        content = bytearray(secrets.token_bytes(SIZE_B))
        content[place : place + length] = pattern.raw
        hits = search_bytes(bytes(content), [other, pattern], "here")
        assert [one.thing for one in hits] == ["wanted"]
