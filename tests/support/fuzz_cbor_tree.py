"""CBOR as a tree that can be changed and written again, also against the rules: for mutations only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

UINT: Final = 0
NEGATIVE: Final = 1
BYTES: Final = 2
TEXT: Final = 3
ARRAY: Final = 4
MAP: Final = 5
TAG: Final = 6
SIMPLE: Final = 7
_MAX_NODES: Final = 2_000
_WIDTHS: Final = {24: 1, 25: 2, 26: 4, 27: 8}


class NotATree(ValueError):
    """The bytes are not one whole item."""


@dataclass(slots=True)
class Node:
    """One item. `argument` is a number; strings have `content`, containers `children`, keys of maps included.

    `wide` writes the head longer than needed.
    """

    major: int
    argument: int = 0
    content: bytes = b""
    children: list[Node] = field(default_factory=list)
    wide: bool = False

    def walk(self) -> list[Node]:
        """Return this node and all below it."""
        found: list[Node] = [self]
        for child in self.children:
            found += child.walk()
        return found


class _Parser:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.nodes = 0

    def item(self) -> Node:
        self.nodes += 1
        if self.nodes > _MAX_NODES:
            raise NotATree
        first = self._take(1)[0]
        major, argument = first >> 5, first & 31
        if argument in _WIDTHS:
            argument = int.from_bytes(self._take(_WIDTHS[argument]), "big")
        elif argument > 27:
            raise NotATree
        if major in (BYTES, TEXT):
            return Node(major, content=self._take(argument))
        if major not in (ARRAY, MAP, TAG):
            return Node(major, argument)
        return Node(major, argument, children=[self.item() for _ in range(self._count(major, argument))])

    def _count(self, major: int, argument: int) -> int:
        count = 1 if major == TAG else argument * (2 if major == MAP else 1)
        if count > len(self.data):
            raise NotATree
        return count

    def _take(self, size_b: int) -> bytes:
        if size_b > len(self.data) - self.at:
            raise NotATree
        self.at += size_b
        return self.data[self.at - size_b : self.at]


def parse(data: bytes) -> Node:
    """Read one whole item, however it is written.

    Raises:
        NotATree: cut off, too many items, an indefinite length, or bytes after it.
    """
    parser = _Parser(data)
    try:
        node = parser.item()
    except RecursionError:
        raise NotATree from None
    if parser.at != len(data):
        raise NotATree
    return node


def write(node: Node) -> bytes:
    """Return the bytes of a tree; counts and lengths come from what it holds."""
    if node.major in (BYTES, TEXT):
        return _head(node.major, len(node.content), node.wide) + node.content
    body = b"".join(write(child) for child in node.children)
    if node.major == ARRAY:
        return _head(ARRAY, len(node.children), node.wide) + body
    if node.major == MAP:
        return _head(MAP, len(node.children) // 2, node.wide) + body
    return _head(node.major, node.argument, node.wide) + body


def _head(major: int, argument: int, wide: bool) -> bytes:
    lead = major << 5
    widths = [width for width in (0, 1, 2, 4, 8) if _fits(argument, width)]
    width = widths[min(1, len(widths) - 1)] if wide else widths[0]
    if width == 0:
        return bytes((lead | argument,))
    return bytes((lead | (23 + width.bit_length()),)) + argument.to_bytes(width, "big")


def _fits(argument: int, width_b: int) -> bool:
    return argument < 24 if width_b == 0 else argument < 1 << (8 * width_b)
