"""Which team a new conversation goes to: rules by words, purposes and language, the first that fits.

Rules have words and no regular expressions: what a customer writes must not be able to keep a desk busy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from e2ee.grammar import is_locale, is_name
from e2ee.rooms.notice import MAX_PURPOSE

from .settings import check, read_toml

MAX_RULES: Final = 100
MAX_WORDS: Final = 100
MAX_WORD: Final = 64
READ_CHARACTERS: Final = 4_096
"""Of a text no more is read than its beginning."""
_TOKEN: Final = re.compile(r"\w+")
_RULE_KEYS: Final = frozenset({"team", "words", "purposes", "languages"})


class Asked(NamedTuple):
    """What is known of a conversation: its first text, the purposes accepted (bit n - 1), the locale."""

    text: str
    purposes: int
    locale: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A team, and what a conversation has to have for it; a condition that is empty is none.

    `words` are words or phrases, of which one has to stand in the text; one that ends with * begins a word.
    """

    team: str
    words: tuple[str, ...] = ()
    purposes: tuple[int, ...] = ()
    languages: tuple[str, ...] = ()

    def fits(self, asked: Asked) -> bool:
        """Whether all conditions hold."""
        language = asked.locale.partition("-")[0]
        return (
            (not self.languages or asked.locale in self.languages or language in self.languages)
            and all(asked.purposes >> (number - 1) & 1 for number in self.purposes)
            and (not self.words or _has_one(asked.text, self.words))
        )


@dataclass(frozen=True, slots=True)
class Routing:
    """Rules in order, and the team of conversations that no rule fits."""

    default: str
    rules: tuple[Rule, ...] = ()

    @classmethod
    def load(cls, path: str | Path) -> Routing:
        """Read rules from a file of TOML: `default`, and `[[rules]]` with team and conditions.

        Raises:
            ConfigError: with all that is wrong.
        """
        return cls.of(read_toml(path, "the rules"))

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Routing:
        """Read rules from values.

        Raises:
            ConfigError: with all that is wrong.
        """
        faults = [f"{name}: no setting of rules" for name in data if name not in ("default", "rules")]
        default, items = data.get("default"), data.get("rules", [])
        if not isinstance(default, str) or not is_name(default):
            faults.append("default: the name of a team")
        if not isinstance(items, list) or len(items) > MAX_RULES:
            faults.append(f"rules: at most {MAX_RULES} tables")
            items = []
        rules = [_rule(f"rules[{at}]", item, faults) for at, item in enumerate(items)]
        check("the rules", faults)
        return cls(str(default), tuple(rule for rule in rules if rule is not None))

    def team(self, asked: Asked) -> str:
        """Return the team of a conversation."""
        return next((rule.team for rule in self.rules if rule.fits(asked)), self.default)


def _has_one(text: str, words: Sequence[str]) -> bool:
    """Whether one of the words or phrases stands in the beginning of a text, whatever its case."""
    read = f" {_spaced(text[:READ_CHARACTERS])} "
    return any(
        f" {_spaced(word)}" in read if word.endswith("*") else f" {_spaced(word)} " in read for word in words
    )


def _spaced(text: str) -> str:
    """Return the words of a text, with one space between."""
    return " ".join(_TOKEN.findall(text.casefold()))


def _rule(name: str, item: Any, faults: list[str]) -> Rule | None:
    if not isinstance(item, dict):
        faults.append(f"{name}: a table")
        return None
    faults += [f"{name}.{key}: no setting of a rule" for key in item if key not in _RULE_KEYS]
    team = item.get("team")
    if not isinstance(team, str) or not is_name(team):
        faults.append(f"{name}.team: the name of a team")
    words = _several(
        f"{name}.words", item.get("words", []), _is_word, "words or phrases, perhaps with *", faults
    )
    numbers = _several(
        f"{name}.purposes", item.get("purposes", []), _is_purpose, "numbers of purposes", faults
    )
    locales = _several(f"{name}.languages", item.get("languages", []), _is_language, "locales", faults)
    return Rule(str(team), tuple(words), tuple(numbers), tuple(locales))


def _several(name: str, items: Any, accepts: Any, what: str, faults: list[str]) -> list[Any]:
    if not isinstance(items, list) or len(items) > MAX_WORDS or not all(accepts(one) for one in items):
        faults.append(f"{name}: at most {MAX_WORDS} {what}")
        return []
    return items


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_WORD and _spaced(value) != ""


def _is_purpose(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_PURPOSE


def _is_language(value: Any) -> bool:
    return isinstance(value, str) and is_locale(value)
