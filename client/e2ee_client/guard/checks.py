"""Check digits, each by its rule; the value comes without separators, letters in lower case."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

IBAN_LENGTHS: Final = {
    one[:2].lower(): int(one[2:])
    for one in (
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29"
        " ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30"
        " KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24"
        " PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29"
        " VA22 VG24 XK20 YE30"
    ).split()
}
"""Length by country, of the IBAN registry."""
_PENSION_WEIGHTS: Final = (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)
_HEALTH_WEIGHTS: Final = (1, 2) * 5
_IBAN: Final = re.compile(r"[a-z]{2}[0-9]{2}[a-z0-9]{11,30}")
_DIGIT: Final = re.compile(r"[0-9]")
_LEAST_IBAN_DIGITS: Final = 10
"""Fewer are not in the format of any country; without it, words that follow a number make one in a hundred."""
_TAX_ID: Final = re.compile(r"[1-9][0-9]{10}")
_HEALTH: Final = re.compile(r"[a-z][0-9]{9}")
# The day may be 50 higher, where numbers of a day had run out.
_PENSION: Final = re.compile(r"[0-9]{2}(?:0[1-9]|[126][0-9]|5[1-9]|7[0-9]|3[01]|8[01])(?:0[1-9]|1[0-2])[0-9]{2}[a-z][0-9]{3}")
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
    """Whether one digit stands twice or three times among the first ten, and MOD 11,10 is right (section 139b AO)."""
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
