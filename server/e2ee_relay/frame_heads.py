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
        size_b = 0 if self._head else _frame_b(data, 0)
        return size_b if size_b >= _GREAT_B else 0

    def follow(self, data: bytes) -> int:
        """Go on by what has come; return how much of it is sound: all, or what stands before a frame whose
        length is written in more bytes than it needs (RLY-84). What comes behind that is for nobody.
        """
        if self.left_b > len(data):
            self.left_b -= len(data)
            self.begun_b += len(data)
            return len(data)
        before_b, start, end_of_frame = len(self._head), 0, self.left_b
        data = self._head + data
        self._head = b""
        while end_of_frame < len(data):
            start = end_of_frame
            size_b = _frame_b(data, start)
            if size_b == _LONGER:
                self.begun_b = self.left_b = 0
                return max(0, start - before_b)
            if not size_b:
                self._head = data[start:]
                break
            end_of_frame += size_b
        self.left_b = max(0, end_of_frame - len(data))
        self.begun_b = len(data) - start if self.left_b or self._head else 0
        return len(data) - before_b


def _frame_b(data: bytes, start: int) -> int:
    """Return the length of a client's frame, its mask included; 0: its head is not whole, -1: the length is
    written in more bytes than it needs.
    """
    head = data[start : start + 10]
    if len(head) < 2:
        return 0
    stated = head[1] & 0x7F
    if stated < _IN_TWO_B:
        return 6 + stated
    end, least_b = (10, _IN_EIGHT_B) if stated == _EIGHT else (4, _IN_TWO_B)
    if len(head) < end:
        return 0
    size_b = int.from_bytes(head[2:end])
    return end + 4 + size_b if size_b >= least_b else _LONGER
