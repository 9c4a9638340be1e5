"""Numbers of the texts of a pair: what was lost, and whether the peer was set back or runs twice (SES-29,
SES-30).

Every text of a side has a number n, given when it is first sealed and kept when it is sent again. Beside it
stand `line`, drawn at each opening of the sender's store and never stored, and `first`, the first number of
that line.
"""

from __future__ import annotations

import struct
from enum import Enum
from typing import Final, NamedTuple, TypeAlias

from .constants import LINE_B, MAX_MISSING_RANGES, MAX_NUMBER_JUMP, NUMBER_B
from .errors import DecodeError, InvalidArgument

MAX_NUMBER: Final = 2**53 - 1
_LAYOUT: Final = struct.Struct(f">Q{LINE_B}sQ")

Range: TypeAlias = tuple[int, int]
"""First and last number of a run of numbers."""


class Number(NamedTuple):
    """The number of a text: 20 bytes on the wire, n u64 | line 4 | first u64."""

    n: int
    line: bytes
    first: int

    def encode(self) -> bytes:
        """Return the 20 bytes.

        Raises:
            InvalidArgument: outside 1 <= first <= n + 1 and n <= 2^53 - 1, or a line that has not 4 bytes.
        """
        if not _in_range(self.n, self.first) or len(self.line) != LINE_B:
            raise InvalidArgument("a number of a text out of range")
        return _LAYOUT.pack(*self)

    @classmethod
    def decode(cls, encoded: bytes) -> Number:
        """Read the 20 bytes.

        Raises:
            DecodeError: another length, or out of range.
        """
        if len(encoded) != NUMBER_B:
            raise DecodeError("not the number of a text")
        number = cls(*_LAYOUT.unpack(encoded))
        if not _in_range(number.n, number.first):
            raise DecodeError("a number of a text out of range")
        return number


def _in_range(n: int, first: int) -> bool:
    return 1 <= n <= MAX_NUMBER and 1 <= first <= n + 1


class Given(NamedTuple):
    """Our own numbers in a pair: the newest one, and the line of this opening of the store.

    `first` is 0 until a number was given since then.
    """

    n: int = 0
    line: bytes = bytes(LINE_B)
    first: int = 0

    def following(self) -> Given:
        """Return the state after one more number was given."""
        n = self.n + 1
        return self._replace(n=n, first=self.first or n)

    def skip_to(self, now_ms: int) -> Given:
        """Leave a distance to every number that a lost state may have given (SES-31)."""
        return self._replace(n=max(self.n + 1, now_ms), first=0)

    @property
    def newest(self) -> Number | None:
        """The newest number; None before the first one."""
        return Number(self.n, self.line, self.first or self.n + 1) if self.n else None


class Finding(Enum):
    """What the numbers of a peer show."""

    GAP = "gap"
    """Texts that the peer gave numbers to have not arrived."""
    GAP_FILLED = "gap_filled"
    """No text is missing any more."""
    PARTED = "parted"
    """The peer gave a number twice, or left out more than 10 000: its store was set back, or runs twice."""


class Received(NamedTuple):
    """A peer's numbers: the highest known, its newest line with the line's first and highest, what is
    missing. Of numbers up to `forgotten` it is not known any more which have arrived.
    """

    highest: int = 0
    line: bytes = bytes(LINE_B)
    first: int = 0
    line_highest: int = 0
    missing: tuple[Range, ...] = ()
    forgotten: int = 0

    def take(self, number: Number) -> tuple[Received, list[Finding]]:
        """Note the number of a text whose content id is new."""
        after, findings = self._with_line(number)
        is_missing = after.is_missing(number.n)
        if after.forgotten < number.n <= after.highest and not is_missing:
            findings.append(Finding.PARTED)
        after, more = after._given_up_to(number.n - 1)
        after = after._replace(highest=max(after.highest, number.n))
        after = after._with_missing(_without(after.missing, number.n))
        if is_missing and not after.missing:
            more.append(Finding.GAP_FILLED)
        return after, findings + more

    def told(self, newest: Number | None) -> tuple[Received, list[Finding]]:
        """Note the newest number that the peer says it gave (SES-24)."""
        if newest is None:
            return self, []
        after, findings = self._with_line(newest)
        after, more = after._given_up_to(newest.n)
        return after, findings + more

    def is_missing(self, n: int) -> bool:
        """Whether a text with this number has not arrived."""
        return any(first <= n <= last for first, last in self.missing)

    def has(self, number: Number) -> bool:
        """Whether a number of the newest line, or of an older one, has arrived."""
        is_older = number.first < self.first and number.n < self.first
        is_here = self.forgotten < number.n <= self.highest and not self.is_missing(number.n)
        return is_here and (number.line == self.line or is_older)

    def _with_line(self, number: Number) -> tuple[Received, list[Finding]]:
        """Compare the line of a number with the newest one known: two that share a number are parted."""
        if number.n < number.first:
            return self, []
        if number.line == self.line:
            return self._replace(line_highest=max(self.line_highest, number.n)), []
        begins_in_known = self.first < number.first <= self.line_highest
        reaches_known = number.first <= self.first <= number.n and self.first > 0
        findings = [Finding.PARTED] if begins_in_known or reaches_known else []
        if number.first < self.first:
            return self, findings
        return self._replace(line=number.line, first=number.first, line_highest=number.n), findings

    def _given_up_to(self, n: int) -> tuple[Received, list[Finding]]:
        if n <= self.highest:
            return self, []
        if n - self.highest > MAX_NUMBER_JUMP:
            return self._replace(highest=n, forgotten=n), [Finding.PARTED]
        missing = (*self.missing, (self.highest + 1, n))
        return self._replace(highest=n)._with_missing(missing), [Finding.GAP]

    def _with_missing(self, missing: tuple[Range, ...]) -> Received:
        """Keep the newest ranges; what arrives late of an older one shows nothing."""
        over = missing[:-MAX_MISSING_RANGES]
        forgotten = max(self.forgotten, over[-1][1]) if over else self.forgotten
        return self._replace(missing=missing[-MAX_MISSING_RANGES:], forgotten=forgotten)


def _without(ranges: tuple[Range, ...], n: int) -> tuple[Range, ...]:
    """Return the ranges without one number."""
    below = [(first, min(last, n - 1)) for first, last in ranges]
    above = [(max(first, n + 1), last) for first, last in ranges]
    return tuple(sorted((first, last) for first, last in (*below, *above) if first <= last))
