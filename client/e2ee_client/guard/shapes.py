"""What has no check digit: telephone numbers, mail addresses, days of birth. Found only when asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from .finding import Kind
from .folding import Folded
from .neighbours import is_refused, words

_EMAIL: Final = re.compile(
    r"(?<![a-z0-9._%+-])[a-z0-9._%+-]{1,64}@[a-z0-9](?:[a-z0-9-]{0,62})(?:\.[a-z0-9-]{1,63}){1,8}"
)
# One separator or bracket between digits, or a bracket with a space or slash; at most 24 digits, so linear.
_PHONE: Final = re.compile(r"(?<![\w+.,:/-])(?:\+|\()?[0-9](?:[ ()/.-]{0,2}[0-9]){5,23}(?![\w:])")
_DATE_START: Final = re.compile(r"[0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{2}")
_NORTH_AMERICAN: Final = re.compile(r"\([2-9][0-9]{2}\) ?[0-9]{3}-[0-9]{4}")
_CALLED: Final = words("tel phone fon mobil handy call ruf erreichbar ring text fax whatsapp cell")
_MONTHS: Final = (
    "(?:jan|januar|january|janner|feb|februar|february|mar|marz|maerz|march|apr|april|mai|may|jun|juni|june|jul|juli"
    "|july|aug|august|sep|sept|september|okt|oktober|oct|october|nov|november|dez|dezember|dec|december)"
)
_DATE: Final = re.compile(
    r"(?<![0-9])(?:[0-9]{1,2}[./-] ?[0-9]{1,2}[./-] ?(?:[0-9]{4}|[0-9]{2})|[0-9]{4}-[0-9]{2}-[0-9]{2}"
    rf"|[0-9]{{1,2}}(?:st|nd|rd|th|\.)? ?{_MONTHS}\.? [0-9]{{4}}"
    rf"|{_MONTHS}\.? [0-9]{{1,2}}(?:st|nd|rd|th)?,? [0-9]{{4}})(?![0-9])"
)
_BORN: Final = ("geb", "born", "dob", "birth")
_NEVER_BORN: Final = (
    "gebildet",
    "geblieben",
    "gebeten",
    "geboten",
    "gebuhr",
    "gebaud",
    "gebiet",
    "gebe",
    "gebraucht",
    "gebucht",
    "gebracht",
)
_WORDS_BEFORE: Final = 5
_WORDS_BEHIND: Final = 2
_TRUNK: Final = range(9, 14)
_ABROAD: Final = range(8, 16)
_DIALLED: Final = range(6, 16)

Place = tuple[Kind, int, int]


def shapes(folded: Folded, kinds: frozenset[Kind]) -> Iterator[Place]:
    """Yield what is asked for, each by its place in the folded text."""
    if Kind.EMAIL in kinds:
        yield from ((Kind.EMAIL, one.start(), one.end()) for one in _EMAIL.finditer(folded.text))
    if Kind.BIRTH_DATE in kinds:
        yield from _birth_dates(folded)
    if Kind.PHONE in kinds:
        yield from _phones(folded)


def _birth_dates(folded: Folded) -> Iterator[Place]:
    for one in _DATE.finditer(folded.text):
        beside = _words_before(folded, one.start()) + _words_behind(folded, one.end())
        if any(map(_is_birth, beside)):
            yield Kind.BIRTH_DATE, one.start(), one.end()


def _is_birth(word: str) -> bool:
    return word.startswith(_BORN) and not word.startswith(_NEVER_BORN)


def _words_before(folded: Folded, place: int) -> list[str]:
    first = folded.token_at(place)
    return [one.text for one in folded.tokens[max(0, first - _WORDS_BEFORE) : first]]


def _words_behind(folded: Folded, place: int) -> list[str]:
    first = folded.token_at(place)
    return [one.text for one in folded.tokens[first : first + _WORDS_BEHIND]]


def _phones(folded: Folded) -> Iterator[Place]:
    for one in _PHONE.finditer(folded.text):
        if _is_phone(one.group(), _words_before(folded, one.start())) and not is_refused(
            folded, folded.token_at(one.start())
        ):
            yield Kind.PHONE, one.start(), one.end()


def _is_phone(shown: str, before: list[str]) -> bool:
    digits = re.sub("[^0-9]", "", shown)
    if shown.count("(") != shown.count(")") or _DATE_START.match(shown):
        return False
    if shown[0] == "+" or digits[:2] == "00":
        return len(digits.lstrip("0")) in _ABROAD and digits[:3] != "000"
    if digits[0] == "0" or _NORTH_AMERICAN.fullmatch(shown):
        return len(digits) in _TRUNK or bool(_NORTH_AMERICAN.fullmatch(shown))
    return len(digits) in _DIALLED and any(word.startswith(_CALLED) for word in before)
