"""Strict deterministic CBOR: one item of untrusted bytes in its only form (RLY-01, RLY-02)."""

from __future__ import annotations

from typing import Final

MAX_MESSAGE_B: Final = 1 << 20
MAX_ITEMS: Final = 32_768
MAX_FRAME_ITEMS: Final = 4_096
MAX_DEPTH: Final = 8


class FrameError(ValueError):
    """Bytes from the other side are not a message of this protocol (RLY-03); the text never quotes them."""


class Reader:
    """One pass over untrusted bytes; refuses whatever the encoder would not have written (RLY-01, RLY-02).

    Every message of the relay goes through here, so short heads are read in place and items are counted by
    container, before any of them is read. An index beyond the end means truncation; `decode_item` says so.
    """

    __slots__ = ("data", "items_left", "pos")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.pos = 0
        self.items_left = MAX_ITEMS - 1

    def item(self, depth: int) -> object:
        """Decode one item; `depth` counts the containers around it."""
        first = self.data[self.pos]
        self.pos += 1
        major, argument = first >> 5, first & 0x1F
        if argument > 23:
            argument = self._long_argument(major, argument)
        if major == 2:
            return self._take(argument)
        if major == 0:
            return argument
        if major == 4:
            return self._array(argument, depth)
        if major == 5:
            return self._map(argument, depth)
        return self._seldom(major, argument)

    def array_head(self, most: int) -> int:
        """Read the head of the outermost array of 1 to `most` items; return how many."""
        first = self.data[self.pos]
        self.pos += 1
        argument = first & 0x1F
        if argument > 23:
            argument = self._long_argument(first >> 5, argument)
        if first >> 5 != 4 or not 1 <= argument <= most:
            raise FrameError("a message is an array of 1 to MAX_FRAMES frames")
        self._enter(argument, 0)
        return argument

    def frame(self) -> object:
        """Decode one item of the outermost array, with at most MAX_FRAME_ITEMS in it (RLY-141)."""
        withheld = max(0, self.items_left - MAX_FRAME_ITEMS)
        self.items_left -= withheld
        item = self.item(1)
        self.items_left += withheld
        return item

    def skip_to(self, position: int, items: int) -> bool:
        """Go on behind a frame of so many items that was read in another way, if so many are left."""
        if items > self.items_left:
            return False
        self.items_left -= items
        self.pos = position
        return True

    def _long_argument(self, major: int, info: int) -> int:
        if info > 27:
            raise FrameError("indefinite or reserved length")
        width_b = 1 << (info - 24)
        end = self.pos + width_b
        if end > len(self.data):
            raise FrameError("truncated argument")
        argument = int.from_bytes(self.data[self.pos : end], "big")
        least = 24 if width_b == 1 else 1 << (4 * width_b)
        if argument < least or major == 7:
            raise FrameError("not the shortest form")
        self.pos = end
        return argument

    def _seldom(self, major: int, argument: int) -> object:
        if major == 1:
            return -1 - argument
        if major == 3:
            return self._text(argument)
        if major == 7:
            return _simple(argument)
        raise FrameError("tags are refused")

    def _take(self, size_b: int) -> bytes:
        start = self.pos
        end = start + size_b
        if end > len(self.data):
            raise FrameError("truncated string")
        self.pos = end
        return self.data[start:end]

    def _text(self, size_b: int) -> str:
        try:
            return self._take(size_b).decode("utf-8")
        except UnicodeDecodeError:
            raise FrameError("text is not UTF-8") from None

    def _enter(self, items: int, depth: int) -> None:
        if depth >= MAX_DEPTH:
            raise FrameError("nested too deeply")
        self.items_left -= items
        if self.items_left < 0:
            raise FrameError("too many items")

    def _array(self, length: int, depth: int) -> list[object]:
        self._enter(length, depth)
        item, inner = self.item, depth + 1
        return [item(inner) for _ in range(length)]

    def _map(self, length: int, depth: int) -> dict[int, object]:
        self._enter(2 * length, depth)
        values: dict[int, object] = {}
        last = -1
        for _ in range(length):
            key = self.data[self.pos]
            if key > 23:
                key = self._long_key(key)
            else:
                self.pos += 1
            if key <= last:
                raise FrameError("map keys do not ascend")
            last = key
            values[key] = self.item(depth + 1)
        return values

    def _long_key(self, first: int) -> int:
        if first >> 5:
            raise FrameError("a map key is not an unsigned integer")
        self.pos += 1
        return self._long_argument(0, first)


def _simple(argument: int) -> bool | None:
    if argument == 20:
        return False
    if argument == 21:
        return True
    if argument == 22:
        return None
    raise FrameError("simple value or float is refused")


def decode_item(data: bytes, max_b: int = MAX_MESSAGE_B) -> object:
    """Decode exactly one deterministic CBOR item of at most `max_b` bytes.

    Returns int, bytes, str, bool, None, list or dict with int keys.

    Raises:
        FrameError: anything outside the accepted set, or bytes after the item (RLY-01, RLY-02).
    """
    if len(data) > max_b:
        raise FrameError("over the size limit")
    reader = Reader(data)
    try:
        value = reader.item(0)
    except IndexError:
        raise FrameError("truncated item") from None
    if reader.pos != len(data):
        raise FrameError("trailing bytes")
    return value
