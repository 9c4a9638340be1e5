"""Numbers with right check digits, made the other way round: the digits are tried until the rule holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_ISSUERS: Final = {
    "4": 16,
    "51": 16,
    "2221": 16,
    "34": 15,
    "37": 15,
    "36": 14,
    "6011": 16,
    "3528": 16,
    "62": 16,
}
_RVNR: Final = (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)


def iban(country: str, bban: str) -> str:
    """Return an IBAN: the two digits for which the long division leaves 1."""
    return next(one for n in range(2, 99) if _remainder(one := f"{country}{n:02d}{bban}") == 1)


def _remainder(value: str) -> int:
    rest = 0
    for char in value[4:] + value[:4]:
        for digit in str(int(char, 36)):
            rest = (rest * 10 + int(digit)) % 97
    return rest


def card(prefix: str, filling: str) -> str:
    """Return a card number of an issuer's range, the digits from `filling`."""
    body = (prefix + filling)[: _ISSUERS[prefix] - 1]
    return _completed(body, _is_luhn)


def _is_luhn(value: str) -> bool:
    table = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
    return sum(table[int(c)] if n % 2 else int(c) for n, c in enumerate(reversed(value))) % 10 == 0


def tax_id(digits: str) -> str:
    """Return a tax id; the ten digits have one of them twice, or three times but not in a row."""
    return _completed(digits, _is_mod_11_10)


def _is_mod_11_10(value: str) -> bool:
    product = 10
    for char in value[:-1]:
        total = (product + int(char)) % 10
        product = (10 if total == 0 else total) * 2 % 11
    return (product + int(value[-1])) % 10 == 1


def health_insurance(letter: str, digits: str) -> str:
    """Return a health insurance number of a letter and eight digits."""
    return _completed(
        letter + digits, lambda one: _weighed(_spelled(one[0]) + one[1:-1], (1, 2) * 5) == int(one[-1])
    )


def pension_insurance(area: str, birth: str, letter: str, series: str) -> str:
    """Return a pension insurance number."""
    body = area + birth + letter + series
    spelled = area + birth + _spelled(letter) + series
    return _completed(body, lambda one: _weighed(spelled, _RVNR) == int(one[-1]))


def _spelled(letter: str) -> str:
    return str("ABCDEFGHIJKLMNOPQRSTUVWXYZ".index(letter) + 1).zfill(2)


def _weighed(digits: str, weights: tuple[int, ...]) -> int:
    products = "".join(str(int(digit) * by) + " " for digit, by in zip(digits, weights, strict=True))
    return sum(int(char) for char in products if char != " ") % 10


def _completed(body: str, is_right: Callable[[str], bool]) -> str:
    return next(body + digit for digit in "0123456789" if is_right(body + digit))
