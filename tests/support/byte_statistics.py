"""Whether byte strings look uniformly random: chances of what was seen, if they were (LKG-05).

Each test gives the chance that uniform bytes look so uneven or worse. The limit is far below what chance
brings about in years of runs, so that a failure means something; what is constant, counted, padded,
textual or repeated falls far beyond.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

LIMIT = 1e-9
_LEAST_EXPECTED = 5
_LEAST_PAIRS = 100


def chance_of_chi_square(statistic: float, freedom: int) -> float:
    """Chance of so large a chi-square, by the cube root approximation of Wilson and Hilferty."""
    scale = 2 / (9 * freedom)
    return _upper_tail(((statistic / freedom) ** (1 / 3) - (1 - scale)) / math.sqrt(scale))


def _upper_tail(z: float) -> float:
    return math.erfc(z / math.sqrt(2)) / 2


def histogram(counts: Sequence[int], expected: Sequence[float]) -> float:
    """Chance of a histogram with these expectations, by Pearson's chi-square."""
    statistic = sum((count - mean) ** 2 / mean for count, mean in zip(counts, expected, strict=True))
    return chance_of_chi_square(statistic, len(counts) - 1)


def byte_histogram(data: bytes) -> float | None:
    """Chance of the histogram of the bytes; None if there are too few of them to judge."""
    if len(data) < 256 * _LEAST_EXPECTED:
        return None
    counted = Counter(data)
    return histogram([counted[value] for value in range(256)], [len(data) / 256] * 256)


def monobit(data: bytes) -> float:
    """Chance of so many or so few ones among all bits."""
    bits = 8 * len(data)
    ones = int.from_bytes(data, "big").bit_count()
    return 2 * _upper_tail(abs(2 * ones - bits) / math.sqrt(bits))


def bit_balance(data: bytes) -> float:
    """Chance of the worst of the eight bits of a byte, over all bytes."""
    chances = []
    for bit in range(8):
        ones = sum(value >> bit & 1 for value in data)
        chances.append(2 * _upper_tail(abs(2 * ones - len(data)) / math.sqrt(len(data))))
    return min(1.0, 8 * min(chances))


def places(values: Sequence[bytes]) -> float | None:
    """Chance that bytes in the same place of values of one size agree so often; None if too few to judge."""
    size_b, many = len(values[0]), len(values)
    expected = many * (many - 1) / 2 / 256 * size_b
    if expected < _LEAST_PAIRS:
        return None
    pairs = 0
    for place in range(size_b):
        pairs += sum(count * (count - 1) // 2 for count in Counter(value[place] for value in values).values())
    return _upper_tail((pairs - expected) / math.sqrt(expected * 255 / 256))


def constant_places(values: Sequence[bytes]) -> list[int]:
    """Places that have the same byte in all of 8 or more values: chance 2^-56 for each."""
    if len(values) < 8:
        return []
    return [place for place, column in enumerate(zip(*values, strict=True)) if len(set(column)) == 1]


def judge(values: Sequence[bytes]) -> Iterator[tuple[str, float]]:
    """Every test that there is enough of distinct values for, with its chance."""
    data = b"".join(values)
    yield "monobit", monobit(data)
    yield "bit balance", bit_balance(data)
    whole = byte_histogram(data)
    if whole is not None:
        yield "byte histogram", whole
    for size_b in {len(value) for value in values}:
        same = [value for value in values if len(value) == size_b]
        in_place = places(same)
        if in_place is not None:
            yield f"places of {size_b} bytes", in_place
        if constant_places(same):
            yield f"constant places of {size_b} bytes", 0.0


# --- ML-KEM-768: what is left uneven by its encodings ---

_Q = 3329
_VECTOR = 3


def packed(data: bytes, bits: int) -> Iterator[int]:
    """Numbers of so many bits each, the lowest bit first (ByteDecode of FIPS 203)."""
    number, mask = int.from_bytes(data, "little"), (1 << bits) - 1
    for place in range(len(data) * 8 // bits):
        yield number >> (place * bits) & mask


def compressed(bits: int) -> list[int]:
    """How many of the q residues are compressed to each number of so many bits."""
    counted = Counter((x * 2 ** (bits + 1) + _Q) // (2 * _Q) % 2**bits for x in range(_Q))
    return [counted[value] for value in range(2**bits)]


def kem_ciphertexts(values: Sequence[bytes]) -> Iterator[tuple[str, float]]:
    """Both parts of ciphertexts against what uniform residues would be compressed to."""
    for name, bits, part in (("u", 10, slice(0, 960)), ("v", 4, slice(960, 1088))):
        counted = Counter(number for value in values for number in packed(value[part], bits))
        weights = compressed(bits)
        total = sum(counted.values())
        if total * min(weights) / _Q >= _LEAST_EXPECTED:
            expected = [total * weight / _Q for weight in weights]
            yield f"ciphertext {name}", histogram([counted[value] for value in range(2**bits)], expected)


def kem_keys(values: Sequence[bytes]) -> Iterator[tuple[str, float]]:
    """Residues of public keys, in 128 classes; the seed at the end is uniform."""
    counted = Counter(number * 128 // _Q for value in values for number in packed(value[:1152], 12))
    sizes = Counter(residue * 128 // _Q for residue in range(_Q))
    total = sum(counted.values())
    expected = [total * sizes[place] / _Q for place in range(128)]
    if sum(counted[place] for place in range(128)) != total:
        yield "residues beyond q", 0.0
    if total >= 128 * _LEAST_EXPECTED:
        yield "residues", histogram([counted[place] for place in range(128)], expected)
    yield from judge([value[1152:] for value in values])
