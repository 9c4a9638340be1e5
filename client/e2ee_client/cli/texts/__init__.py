"""The texts of the command line in each language, and the choice of the language."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .details import DETAILS_GERMAN, PLACES_GERMAN
from .english import ENGLISH
from .german import GERMAN

LANGUAGES: Final[dict[str, dict[str, str]]] = {"en": ENGLISH, "de": GERMAN}
_PLACE: Final = re.compile(r":? ?\{[a-z_]+\}")
_COUNTS: Final = ("count", "days", "written")
_VARIABLES: Final = ("LC_ALL", "LC_MESSAGES", "LANG")


@dataclass(frozen=True, slots=True)
class Texts:
    """All texts in one language."""

    language: str

    def say(self, key: str, **values: object) -> str:
        """Return the text of a place with its values filled in; that for one thing, where there is one."""
        known, of_one = LANGUAGES[self.language], f"{key}.one"
        is_one = of_one in known and any(values.get(name) == 1 for name in _COUNTS)
        return known[of_one if is_one else key].format(**values)

    def has(self, key: str) -> bool:
        """Whether there is a text for a place."""
        return key in LANGUAGES[self.language]

    def why(self, code: str) -> str:
        """Return what the code of an event means, without a detail; a code that is not known as it is."""
        known = LANGUAGES[self.language].get(f"error.{code}", code)
        return _PLACE.sub("", known)

    def place(self, name: str) -> str:
        """Return what the place of an argument is called, which is in English in the code."""
        return PLACES_GERMAN.get(name, name) if self.language == "de" else name

    def detail(self, text: str) -> str:
        """Return a detail that a library words in English, in this language where it is known."""
        return DETAILS_GERMAN.get(text, text) if self.language == "de" else text


def choose_language(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return the language asked for by `--lang`, else by the environment, else English.

    It has to be known before the arguments are understood, for the help is written in it.
    """
    for number, argument in enumerate(arguments):
        if argument == "--":
            break
        name, equals, value = argument.partition("=")
        if name == "--lang":
            wanted = value if equals else "".join(arguments[number + 1 : number + 2])
            return wanted if wanted in LANGUAGES else "en"
    for variable in _VARIABLES:
        if environment.get(variable):
            return "de" if environment[variable].lower().startswith("de") else "en"
    return "en"
