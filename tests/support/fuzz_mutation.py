"""Mutations that keep enough of a valid input's form to get past the first check of its decoder."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import fuzz_cbor_tree as trees
from fuzz_cbor_tree import Node, NotATree
from fuzz_target import Shape, Target

Raw: TypeAlias = Callable[[bytes, int], bytes]
"""The fuzzer's own mutation of plain bytes: (data, largest size)."""

_NUMBERS: Final = (
    0,
    1,
    2,
    3,
    23,
    24,
    63,
    64,
    255,
    256,
    65_535,
    65_536,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**32,
    2**53 - 1,
    2**53,
    2**63 - 1,
    2**63,
    2**64 - 1,
)
_SIZES: Final = (0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 256, 1088, 1184)
_SIMPLE: Final = (20, 21, 22, 23, 16, 0)
_RAW_SHARE: Final = 0.15
_TOKEN_SHARE: Final = 0.4


def mutate(target: Target, data: bytes, max_b: int, number: int, raw: Raw, donors: Sequence[bytes]) -> bytes:
    """Return a changed input of at most `max_b` bytes; the same number gives the same change."""
    random_ = random.Random(number)
    if target.shape is Shape.CBOR and random_.random() >= _RAW_SHARE:
        changed = _cbor(data, max_b, random_, raw, donors)
    elif target.tokens and random_.random() < _TOKEN_SHARE:
        changed = _with_token(data, random_, target.tokens)
    else:
        changed = raw(data, max_b)
    if target.sizes and random_.random() >= _RAW_SHARE:
        changed = _resized(changed, random_.choice((*target.sizes, *_near(target.sizes, len(data)))))
    return changed[:max_b]


def _near(sizes: Sequence[int], size_b: int) -> list[int]:
    return [min(sizes, key=lambda one: abs(one - size_b))] * (2 * len(sizes))


def _resized(data: bytes, size_b: int) -> bytes:
    """Take from, or fill up, the middle: what a decoder checks stands at both ends."""
    if len(data) >= size_b:
        return data[: size_b - min(16, size_b)] + data[len(data) - min(16, size_b) :]
    middle = len(data) // 2
    return data[:middle] + bytes(size_b - len(data)) + data[middle:]


def _with_token(data: bytes, random_: random.Random, tokens: Sequence[bytes]) -> bytes:
    token = random_.choice(tokens)
    start = random_.randint(0, len(data))
    end = start if random_.random() < 0.5 else random_.randint(start, min(len(data), start + 2 * len(token)))
    return data[:start] + token + data[end:]


def _cbor(data: bytes, max_b: int, random_: random.Random, raw: Raw, donors: Sequence[bytes]) -> bytes:
    try:
        tree = trees.parse(data)
    except NotATree:
        return random_.choice(donors) if donors and random_.random() < 0.5 else raw(data, max_b)
    for _ in range(random_.choice((1, 1, 1, 2, 3))):
        node = random_.choice(tree.walk())
        _change(node, max_b, random_, raw, donors)
    return trees.write(tree)


def _change(node: Node, max_b: int, random_: random.Random, raw: Raw, donors: Sequence[bytes]) -> None:
    kind = random_.random()
    if kind < 0.06:
        node.wide = not node.wide
    elif kind < 0.14:
        _become(node, _small(random_))
    elif kind < 0.2 and donors:
        _become(node, _donated(random_, donors))
    elif node.major in (trees.BYTES, trees.TEXT):
        _change_string(node, max_b, random_, raw, donors)
    elif node.children:
        _change_children(node, random_)
    else:
        node.argument = random_.choice((*_NUMBERS, node.argument + 1, max(0, node.argument - 1))) % 2**64
        if node.major == trees.SIMPLE:
            node.argument = random_.choice(_SIMPLE)


def _change_string(node: Node, max_b: int, random_: random.Random, raw: Raw, donors: Sequence[bytes]) -> None:
    kind = random_.random()
    if kind < 0.3:
        node.content = _nested(node.content, max_b, random_, raw, donors)
    elif kind < 0.55:
        node.content = _resized(node.content, random_.choice((*_SIZES, len(node.content) + 1)))
    elif kind < 0.7 and node.content:
        at = random_.randrange(len(node.content))
        flipped = node.content[at] ^ (1 << random_.randrange(8))
        node.content = node.content[:at] + bytes((flipped,)) + node.content[at + 1 :]
    elif kind < 0.8:
        node.major = trees.TEXT if node.major == trees.BYTES else trees.BYTES
    else:
        node.content = raw(node.content, max(1, min(max_b, 4 * len(node.content) + 8)))


def _nested(content: bytes, max_b: int, random_: random.Random, raw: Raw, donors: Sequence[bytes]) -> bytes:
    """Change a byte string that is itself an item, as signed structures hold one."""
    try:
        trees.parse(content)
    except NotATree:
        return raw(content, max(1, min(max_b, len(content) + 8)))
    return _cbor(content, max_b, random_, raw, donors)


def _change_children(node: Node, random_: random.Random) -> None:
    step = 2 if node.major == trees.MAP else 1
    at = random_.randrange(len(node.children) // step) * step
    here = slice(at, at + step)
    kind = random_.randrange(5)
    if kind == 0:
        del node.children[here]
    elif kind == 1:
        node.children[at:at] = node.children[here]
    elif kind == 2:
        other = random_.randrange(len(node.children) // step) * step
        there = slice(other, other + step)
        node.children[here], node.children[there] = node.children[there], node.children[here]
    elif kind == 3:
        node.children += [_small(random_) for _ in range(step)]
    else:
        key = node.children[at]
        key.argument = random_.choice((*range(12), *_NUMBERS)) if key.major == trees.UINT else key.argument


def _small(random_: random.Random) -> Node:
    major = random_.choice((0, 0, 1, 2, 2, 3, 4, 5, 6, 7, 7))
    node = Node(major, random_.choice(_NUMBERS))
    if major in (trees.BYTES, trees.TEXT):
        node.content = b"a" * random_.choice(_SIZES[:11])
    elif major == trees.TAG:
        node.children = [Node(trees.UINT, 1)]
    elif major == trees.SIMPLE:
        node.argument = random_.choice(_SIMPLE)
    return node


def _donated(random_: random.Random, donors: Sequence[bytes]) -> Node:
    try:
        return random_.choice(trees.parse(random_.choice(donors)).walk())
    except NotATree:
        return _small(random_)


def _become(node: Node, other: Node) -> None:
    node.major, node.argument, node.content = other.major, other.argument, other.content
    node.children = list(other.children)
