"""The table of windows in chapter 09 is what the code does."""

from __future__ import annotations

from pathlib import Path

import healing
from healing import Window


def test_the_chapter_has_the_windows_of_the_code(repo_root: Path) -> None:
    """PQ-18: the rows without loss are measured again; the others are looked up."""
    rows = healing.in_chapter((repo_root / healing.CHAPTER).read_text("utf-8")).splitlines()[2:]
    assert len(rows) == len(healing.PATTERNS) * len(healing.LOSSES) * len(healing.THIEVES)
    again = healing.windows("ping-pong", 0.0)
    assert healing.table(again).splitlines()[2:] == rows[:3]
    assert not healing.misses(again)
    found = [_parsed(row) for row in rows]
    assert not healing.misses(found)
    for row in found:
        if row.thief == "breaks ML-KEM":
            classical = next(one for one in found if one.thief == "classical" and _same(one, row))
            assert (row.median, row.p95, row.most) == (classical.median, classical.p95, classical.most)


def test_a_window_that_is_too_long_is_told() -> None:
    """The control."""
    for loss, median, p95, most in ((0.0, 20, 36, 41), (0.2, 51, 80, 100), (0.2, 45, 91, 120)):
        row = Window("ping-pong", loss, healing.QUANTUM, 10, median, p95, most)
        assert healing.misses([row])


def _parsed(row: str) -> Window:
    pattern, loss, thief, *numbers = (cell.strip() for cell in row.strip("|").split("|"))
    thefts, median, p95, most = map(int, numbers)
    return Window(pattern, int(loss.rstrip("%")) / 100, thief, thefts, median, p95, most)


def _same(one: Window, other: Window) -> bool:
    return (one.pattern, one.loss) == (other.pattern, other.loss)
