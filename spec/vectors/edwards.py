"""Points of edwards25519 in plain numbers, for signatures that no library makes."""

from __future__ import annotations

import hashlib
from typing import Final, TypeAlias

Point: TypeAlias = tuple[int, int]
P: Final = 2**255 - 19
ORDER: Final = 2**252 + 27742317777372353535851937790883648493
_D: Final = -121665 * pow(121666, -1, P) % P
_ROOT_OF_MINUS_1: Final = pow(2, (P - 1) // 4, P)
BASE: Final[Point] = (
    15112221349535400772501151409588531511454012693041857206046113283949847762202,
    46316835694926478169428394003475163141307993866256225615783033603165251855960,
)
# The encoding of a point of order 8 (RFC 8032, decoded).
_ORDER_8_Y: Final = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826


def add(left: Point, right: Point) -> Point:
    """The sum of two points."""
    (x, y), (u, v) = left, right
    product = _D * x * u * y * v % P
    return (
        (x * v + y * u) * pow(1 + product, -1, P) % P,
        (y * v + x * u) * pow(1 - product, -1, P) % P,
    )


def times(factor: int, point: Point) -> Point:
    """A multiple of a point."""
    total: Point = (0, 1)
    while factor:
        total = add(total, point) if factor & 1 else total
        point, factor = add(point, point), factor >> 1
    return total


def encode(point: Point) -> bytes:
    """32 bytes: y, and the lowest bit of x at the top."""
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def order_8() -> Point:
    """A point of order 8."""
    y = _ORDER_8_Y
    square = (y * y - 1) * pow(_D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    return (x if x * x % P == square else x * _ROOT_OF_MINUS_1 % P, y)


def challenge(commitment: bytes, public: bytes, data: bytes) -> int:
    """k of RFC 8032."""
    return int.from_bytes(hashlib.sha512(commitment + public + data).digest(), "little") % ORDER


def cofactored_only(secret: int, nonce: int, data: bytes) -> tuple[bytes, bytes]:
    """A key and a signature with a point of order 8 in R: only [8][S]B = [8]R + [8][k]A holds."""
    public, commitment = encode(times(secret, BASE)), encode(add(times(nonce, BASE), order_8()))
    response = (nonce + challenge(commitment, public, data) * secret) % ORDER
    return public, commitment + response.to_bytes(32, "little")


def of_small_order(data: bytes) -> tuple[bytes, bytes] | None:
    """A key of order 8 and a signature with S = 0 that fulfils [S]B = R + [k]A; None if there is none."""
    point = order_8()
    public = encode(point)
    for factor in range(8):
        commitment = encode(times(factor, point))
        if (factor + challenge(commitment, public, data)) % 8 == 0:
            return public, commitment + bytes(32)
    return None


def decode(data: bytes) -> Point:
    """The point of 32 bytes, whatever its order."""
    y = int.from_bytes(data, "little") % 2**255
    square = (y * y - 1) * pow(_D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * _ROOT_OF_MINUS_1 % P
    return (x if x & 1 == data[31] >> 7 else P - x, y)


def holds_cofactored(public: bytes, data: bytes, signature: bytes) -> bool:
    """Whether [8][S]B = [8]R + [8][k]A, the equation that PRM-03 does not take."""
    commitment, response = signature[:32], int.from_bytes(signature[32:], "little")
    k = challenge(commitment, public, data)
    right = add(decode(commitment), times(k, decode(public)))
    return times(8, times(response, BASE)) == times(8, right)
