"""Words that say of whom a text speaks: a pack is about a person, not about its subject."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from .folding import Token
from .neighbours import words

_NEAR: Final = 30
_WORDS: Final = frozenset(
    words(
        "ich bin habe hab mir mich wir uns er ihm ihn sie man du dir dich"
        " mutter vater mama papa sohn tochter kind kinder baby mann frau oma opa bruder schwester freund"
        " freundin kollege kollegin patient patientin mandant mandantin herr eltern enkel tante onkel ex"
        " schwiegermutter schwiegervater partner partnerin"
        " i im ive id me my mine myself we us our he him his himself she her hers herself they them"
        " wife husband son daughter mum mom dad mother father brother sister kid kids child children"
        " patient client parents grandma grandpa gran uncle aunt cousin friend boyfriend girlfriend"
    )
)
_BEGINNINGS: Final = ("mein", "unser", "dein", "sein", "ihr", "euer")


class Somebody:
    """Where a text speaks of somebody."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._places = [
            place
            for place, token in enumerate(tokens)
            if token.text in _WORDS or token.text.startswith(_BEGINNINGS)
        ]

    def is_near(self, place: int) -> bool:
        """Whether it does so within 30 words of a place."""
        at = bisect_left(self._places, place - _NEAR)
        return at < len(self._places) and self._places[at] <= place + _NEAR
