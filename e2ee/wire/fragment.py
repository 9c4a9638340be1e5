"""The 272-byte fragment block at the head of a body of kind 1 (WIRE-10, PQ-02)."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from e2ee.constants import FRAGMENT_B, KEM_CIPHERTEXT_B, KEM_KEY_B, KEY_B, MAX_COUNTER
from e2ee.errors import AuthenticationError

EK: Final = 1
CT: Final = 2
PIECES: Final = 5
PIECE_B: Final = 256
ID_B: Final = 8
KEM_MESSAGE_B: Final = KEM_CIPHERTEXT_B + KEY_B
"""Ciphertext and confirmation."""

NONE: Final = bytes(FRAGMENT_B)
"""The block of a body that carries no piece."""

_BLOCK: Final = struct.Struct(">BBHI8s256s")
_HEAD_B: Final = FRAGMENT_B - PIECE_B
_WHOLE_B: Final = {EK: KEM_KEY_B, CT: KEM_MESSAGE_B}


class Fragment(NamedTuple):
    """One piece of a key or of a ciphertext message: index, id of the whole, and data without fill."""

    type: int
    number: int
    epoch: int
    id: bytes
    data: bytes

    def __repr__(self) -> str:
        return f"<Fragment type={self.type} number={self.number} epoch={self.epoch}>"


def piece_size_b(kind: int, index: int) -> int:
    """Return how many bytes a piece has without its fill."""
    return min(_WHOLE_B[kind] - index * PIECE_B, PIECE_B)


def blocks(kind: int, epoch: int, id_: bytes, whole: bytes) -> tuple[bytes, ...]:
    """Return the blocks of a key or ciphertext message, a piece in each."""
    pieces = [whole[start : start + PIECE_B] for start in range(0, PIECES * PIECE_B, PIECE_B)]
    return tuple(_BLOCK.pack(kind, index, 0, epoch, id_, piece) for index, piece in enumerate(pieces))


def id_of(block: bytes) -> bytes:
    """Return the id in a block of ours."""
    return block[_HEAD_B - ID_B : _HEAD_B]


def whole(made: tuple[bytes, ...], size_b: int) -> bytes:
    """Return the key or ciphertext message of all its blocks."""
    return b"".join([block[_HEAD_B:] for block in made])[:size_b]


def decode(body: bytes) -> Fragment | None:
    """Read the block at the head of an authenticated body; None if it is empty.

    Raises:
        AuthenticationError: it breaks WIRE-10 or PQ-08.
    """
    kind, index, reserved, epoch, id_, data = _BLOCK.unpack_from(body)
    if not kind:
        if body.startswith(NONE):
            return None
        raise AuthenticationError
    if kind > CT or index >= PIECES or reserved or not 0 < epoch < MAX_COUNTER:
        raise AuthenticationError
    size_b = piece_size_b(kind, index)
    if any(data[size_b:]):
        raise AuthenticationError
    return Fragment(kind, index, epoch, id_, data[:size_b])
