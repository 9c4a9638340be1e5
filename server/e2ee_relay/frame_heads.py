"""Where the WebSocket frames of a client begin and end, by their heads alone (RFC 6455, 5.2)."""

from __future__ import annotations

from typing import Final

# A length from here on stands in 2 bytes more, and from there on in 8 more: never in more than it needs.
_IN_TWO_B: Final = 126
_IN_EIGHT_B: Final = 1 << 16
_EIGHT: Final = 127
_GREAT_B: Final = _IN_EIGHT_B + 14
_LONGER: Final = -1


class FrameHeads:
    """Follows a client's stream from frame to frame; what stands in them is for the library to judge."""

    __slots__ = ("_head", "begun_b", "left_b")

    def __init__(self) -> None:
        self._head = b""  # of a frame whose length has not come yet
        self.begun_b = 0  # what has come of a frame that is not over
        self.left_b = 0  # what it lacks, where its length is known

    def great_b(self, data: bytes) -> int:
        """Return how much of what comes next belongs to a frame of 64 KiB and more, under way or at its
        beginning; 0 where none does, or where that is not known yet.
        """
        if self.left_b:
            return self.left_b if self.begun_b + self.left_b >= _GREAT_B else 0
        begins = len(data) > 1 and data[1] & 0x7F == _EIGHT and not self._head
        return max(0, _frame_b(data, 0)) if begins else 0

    def follow(self, data: bytes) -> int:
        """Go on by what has come; return how much of it is sound: all, or what stands before a frame whose
        length is written in more bytes than it needs (RLY-84). What comes behind that is for nobody.
        """
        come_b, end = len(data), self.left_b
        if end > come_b:
            self.left_b -= come_b
            self.begun_b += come_b
            return come_b
        if self._head:
            data, self._head = self._head + data, b""
        start, have_b = 0, len(data)
        while end < have_b:
            start = end
            size_b = _frame_b(data, start)
            if size_b <= 0:
                return self._stop(data, start, come_b, is_sound=not size_b)
            end += size_b
        self.left_b = end - have_b
        self.begun_b = have_b - start if self.left_b else 0
        return come_b

    def _stop(self, data: bytes, start: int, come_b: int, *, is_sound: bool) -> int:
        """Keep the half of a head, or stop ahead of one that is refused."""
        self.left_b = 0
        self._head = data[start:] if is_sound else b""
        self.begun_b = len(self._head)
        return come_b if is_sound else max(0, start - (len(data) - come_b))


def _frame_b(data: bytes, start: int) -> int:
    """Return the length of a client's frame, its mask included; 0: its head is not whole, -1: the length is
    written in more bytes than it needs.
    """
    have_b = len(data) - start
    if have_b < 2:
        return 0
    stated = data[start + 1] & 0x7F
    if stated < _IN_TWO_B:
        return 6 + stated
    if stated == _EIGHT:
        if have_b < 10:
            return 0
        size_b = int.from_bytes(data[start + 2 : start + 10])
        return 14 + size_b if size_b >= _IN_EIGHT_B else _LONGER
    if have_b < 4:
        return 0
    size_b = data[start + 2] << 8 | data[start + 3]
    return 8 + size_b if size_b >= _IN_TWO_B else _LONGER
