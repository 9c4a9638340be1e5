"""Check digits, each by its rule; the value comes without separators, letters in lower case."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

_REGISTRY: Final = (
    "ad24 ae23 al28 at20 az28 ba20 be16 bg22 bh22 bi27 br29 by28 ch21 cr22 cy28 cz24 de22 dj27 "
    "dk18 do28 ee20 eg29 es24 fi18 fk18 fo18 fr27 gb22 ge22 gi23 gl18 gr27 gt28 hn28 hr21 hu28 "
    "ie22 il23 iq23 is26 it27 jo30 kw30 kz20 lb28 lc32 li21 lt20 lu20 lv21 ly25 mc27 md24 me22 "
    "mk19 mn20 mr27 mt31 mu30 ni28 nl18 no15 om23 pk24 pl28 ps29 pt25 qa29 ro24 rs22 ru33 sa24 "
    "sc31 sd18 se24 si19 sk24 sm27 so23 st25 sv28 tl23 tn24 tr26 ua29 va22 vg24 xk20 ye30"
)
IBAN_LENGTHS: Final = {one[:2]: int(one[2:]) for one in _REGISTRY.split()}
"""Length by country, of the IBAN registry."""
_PENSION_WEIGHTS: Final = (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)
_HEALTH_WEIGHTS: Final = (1, 2) * 5
_IBAN: Final = re.compile(r"[a-z]{2}[0-9]{2}[a-z0-9]{11,30}")
_DIGIT: Final = re.compile(r"[0-9]")
_LEAST_IBAN_DIGITS: Final = 10
"""Fewer are in no format of a country; without it, words behind a number make one in a hundred."""
_TAX_ID: Final = re.compile(r"[1-9][0-9]{10}")
_HEALTH: Final = re.compile(r"[a-z][0-9]{9}")
# The day may be 50 higher, where numbers of a day had run out.
_PENSION: Final = re.compile(
    r"[0-9]{2}(?:0[1-9]|[126][0-9]|5[1-9]|7[0-9]|3[01]|8[01])(?:0[1-9]|1[0-2])[0-9]{2}[a-z][0-9]{3}"
)
# First digits from, to, and the lengths in which they are issued.
_CARD_RANGES: Final = (
    ("34", "34", (15,)),
    ("37", "37", (15,)),
    ("300", "305", (14,)),
    ("3095", "3095", (14,)),
    ("36", "36", (14,)),
    ("38", "39", (14,)),
    ("3528", "3589", (16, 17, 18, 19)),
    ("4", "4", (13, 16, 19)),
    ("5018", "5018", (16, 17, 18, 19)),
    ("5019", "5020", (16, 17, 18, 19)),
    ("5038", "5038", (16, 17, 18, 19)),
    ("5893", "5893", (16, 17, 18, 19)),
    ("51", "55", (16,)),
    ("2221", "2720", (16,)),
    ("6011", "6011", (16, 19)),
    ("644", "649", (16, 19)),
    ("65", "65", (16, 19)),
    ("62", "62", (16, 17, 18, 19)),
    ("6304", "6304", (16, 17, 18, 19)),
    ("6759", "6759", (16, 17, 18, 19)),
    ("6761", "6763", (16, 17, 18, 19)),
    ("9792", "9792", (16,)),
)


def is_iban(value: str) -> bool:
    """Whether the length is that of its country, and the remainder by 97 is 1 (ISO 13616-1)."""
    if IBAN_LENGTHS.get(value[:2]) != len(value) or _IBAN.fullmatch(value) is None:
        return False
    if len(_DIGIT.findall(value)) < _LEAST_IBAN_DIGITS:
        return False
    return int("".join(str(int(char, 36)) for char in value[4:] + value[:4])) % 97 == 1


def is_card(value: str) -> bool:
    """Whether an issuer has numbers of this kind, and the check digit is right (ISO/IEC 7812-1)."""
    issued = any(
        first <= value[: len(first)] <= last and len(value) in lengths
        for first, last, lengths in _CARD_RANGES
    )
    return issued and _luhn(value)


def _luhn(value: str) -> bool:
    doubled = (_cross_sum(int(digit) * 2) for digit in value[-2::-2])
    return (sum(map(int, value[-1::-2])) + sum(doubled)) % 10 == 0


def _cross_sum(number: int) -> int:
    return number // 10 + number % 10


def is_tax_id(value: str) -> bool:
    """Whether one of ten digits stands twice or three times, and the check digit fits (section 139b AO)."""
    if _TAX_ID.fullmatch(value) is None:
        return False
    digits = value[:10]
    repeated = [count for count in Counter(digits).values() if count > 1]
    if repeated not in ([2], [3]) or re.search(r"(.)\1\1", digits):
        return False
    return _mod_11_10(digits) == int(value[10])


def _mod_11_10(digits: str) -> int:
    product = 10
    for digit in digits:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10


def is_health_insurance(value: str) -> bool:
    """Whether letter, eight digits and check digit fit (section 290 SGB V)."""
    if _HEALTH.fullmatch(value) is None:
        return False
    return _weighed(_letter(value[0]) + value[1:9], _HEALTH_WEIGHTS) == int(value[9])


def is_pension_insurance(value: str) -> bool:
    """Whether area, date of birth, letter, series and check digit fit (section 2 VKVV)."""
    if _PENSION.fullmatch(value) is None:
        return False
    return _weighed(value[:8] + _letter(value[8]) + value[9:11], _PENSION_WEIGHTS) == int(value[11])


def _letter(char: str) -> str:
    return f"{ord(char) - ord('a') + 1:02d}"


def _weighed(digits: str, weights: tuple[int, ...]) -> int:
    return sum(_cross_sum(int(digit) * by) for digit, by in zip(digits, weights, strict=True)) % 10
