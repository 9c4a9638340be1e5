"""What numbers of texts show, a second time, from the text of SES-30: all that is known is kept."""

from __future__ import annotations

from typing import Final

JUMP: Final = 10_000
RANGES: Final = 64


class Numbers:
    """A peer's numbers as sets; only for short scripts."""

    def __init__(self) -> None:
        self.highest = 0
        self.missing: set[int] = set()
        self.forgotten = 0
        self.newest: tuple[bytes, int, int] = bytes(4), 0, 0

    def take(self, n: int, line: bytes, first: int) -> list[str]:
        """A text with a new content id."""
        shown, was_missing = self._line(n, line, first), n in self.missing
        if self.forgotten < n <= self.highest and not was_missing:
            shown.append("parted")
        shown += self._given(n - 1)
        self.highest = max(self.highest, n)
        self.missing.discard(n)
        self._forget()
        return [*shown, "gap_filled"] if was_missing and not self.missing else shown

    def told(self, n: int, line: bytes, first: int) -> list[str]:
        """The newest number that a sync states."""
        return self._line(n, line, first) + self._given(n)

    def ranges(self) -> list[list[int]]:
        """Return the runs of missing numbers."""
        runs: list[list[int]] = []
        for n in sorted(self.missing):
            if runs and runs[-1][1] == n - 1:
                runs[-1][1] = n
            else:
                runs.append([n, n])
        return runs

    def _line(self, n: int, line: bytes, first: int) -> list[str]:
        """Two lines that share a number are of a store that was set back, or runs twice."""
        newest, begins, ends = self.newest
        if n < first:
            return []
        if line == newest:
            self.newest = newest, begins, max(ends, n)
            return []
        shares = begins > 0 and max(first, begins) <= (ends if first > begins else n)
        if first >= begins:
            self.newest = line, first, n
        return ["parted"] if shares else []

    def _given(self, n: int) -> list[str]:
        if n <= self.highest:
            return []
        if n - self.highest > JUMP:
            self.highest = self.forgotten = n
            return ["parted"]
        self.missing |= set(range(self.highest + 1, n + 1))
        self.highest = n
        self._forget()
        return ["gap"]

    def _forget(self) -> None:
        for first, last in self.ranges()[:-RANGES]:
            self.missing -= set(range(first, last + 1))
            self.forgotten = max(self.forgotten, last)
