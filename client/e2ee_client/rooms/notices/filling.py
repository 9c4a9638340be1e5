"""Placeholders of a text, filled in by the fields of its notice, so that both say the same.

`{{controller.name}}` is the field itself. What a text says in words (`{{bot}}`, `{{retention}}`) has words in
German and in English; a text in another language states it without a placeholder.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from typing import Any, Final

from e2ee.grammar import is_plain_text
from e2ee.rooms.door import TEXT_MAX_B
from e2ee_client.rooms.errors import Fault

from .fields import CLASSES, FILLED, PLACEHOLDER, duration_s, purposes_of, value_at

LANGUAGES: Final = ("de", "en")
Words = Mapping[str, str]
_LAW: Final = "Art. 12 (1), Art. 13 GDPR"
_SAME: Final = frozenset(
    {
        *("controller.name", "controller.address", "controller.email", "relay.operator", "relay.url"),
        *("authority", "imprint_url", "privacy_url"),
    }
)
_DAY_S: Final = 86_400
_YEAR_S: Final = 365 * _DAY_S


@cache
def parts(language: str) -> dict[str, Any]:
    """Return the parts of the drafts in German or English, as they are shipped."""
    text = resources.files("e2ee_client.rooms.notices").joinpath(f"{language}.toml").read_text("utf-8")
    return tomllib.loads(text)


def fill(locale: str, text: str, data: Mapping[str, Any]) -> tuple[str, list[Fault]]:
    """Fill in a text by the fields of a notice that have no fault, and say what is wrong with it.

    A line that is nothing but a placeholder goes where the placeholder stands for nothing.
    """
    language = locale.partition("-")[0]
    words: Words | None = parts(language)["words"] if language in LANGUAGES else None
    unfilled: list[str] = []
    lines: list[str] = []
    for line in text.split("\n"):
        filled = PLACEHOLDER.sub(lambda match: _value(match[1], data, words, unfilled), line)
        if filled or not line:
            lines.append(filled)
    found = "\n".join(lines)
    return found, [*_unfilled(locale, unfilled), *check_text(locale, found)]


def _unfilled(locale: str, names: list[str]) -> list[Fault]:
    return [Fault(f"texts.{locale}", f"{FILLED} ({name[:40]})", _LAW) for name in names]


def check_text(locale: str, text: str) -> list[Fault]:
    """Return what is wrong with a text: empty, hidden characters, more than 16 384 bytes (CNS-01, ACC-20)."""
    field = f"texts.{locale}"
    if not text.strip():
        return [Fault(field, "must not be empty", _LAW)]
    if not is_plain_text(text):
        return [Fault(field, "must be plain text without hidden characters or tabs", "CNS-01, ACC-20")]
    if len(text.encode()) > TEXT_MAX_B:
        return [Fault(field, f"must have at most {TEXT_MAX_B} bytes of UTF-8", "CNS-01")]
    return []


def _value(name: str, data: Mapping[str, Any], words: Words | None, unfilled: list[str]) -> str:
    """Return what a placeholder stands for; one that stands for nothing known is noted."""
    if name in _SAME:
        return str(value_at(data, name))
    head, _, number = name.partition(".")
    bases = purposes_of(data["purposes"])
    if head == "purpose" and number.isdecimal() and int(number) in bases:
        return bases[int(number)]
    if words is None or name not in _SENTENCES:
        unfilled.append(name)
        return ""
    return _SENTENCES[name](data, words)


def _officer(data: Mapping[str, Any], words: Words) -> str:
    officer = data.get("protection_officer")
    return words["no_officer"] if officer is None else words["officer"].format(officer)


def _listed(name: str, word: str) -> Callable[[Mapping[str, Any], Words], str]:
    def sentence(data: Mapping[str, Any], words: Words) -> str:
        rows = [f"- {one}" for one in data[name]]
        return "\n".join([words[word], *rows]) if rows else words[f"no_{word}"]

    return sentence


def _retention(data: Mapping[str, Any], words: Words) -> str:
    rows = sorted(data["retention"].items(), key=lambda row: CLASSES[row[0]])
    return "\n".join(
        f"- {words[name].format(_duration(duration_s(value) or 0, words))}" for name, value in rows
    )


def _duration(seconds: int, words: Words) -> str:
    units = (("year", _YEAR_S), ("day", _DAY_S), ("hour", 3_600))
    name, size_s = next(unit for unit in units if seconds % unit[1] == 0)
    count = seconds // size_s
    return f"{count} {words[name if count == 1 else f'{name}s']}"


def _flag(name: str, word: str) -> Callable[[Mapping[str, Any], Words], str]:
    return lambda data, words: words[word if data[name] else f"no_{word}"]


def _age(data: Mapping[str, Any], words: Words) -> str:
    age = data.get("minimum_age")
    return "" if age is None else words["age"].format(age)


_SENTENCES: Final[dict[str, Callable[[Mapping[str, Any], Words], str]]] = {
    "protection_officer": _officer,
    "recipients": _listed("recipients", "recipients"),
    "third_countries": _listed("third_countries", "countries"),
    "retention": _retention,
    "automated_decisions": _flag("automated_decisions", "decides"),
    "bot": _flag("bot", "bot"),
    "minimum_age": _age,
}
