"""Words that say of whom a text speaks: a pack is about a person, not about its subject."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from .folding import Folded
from .neighbours import words

_NEAR: Final = 30
_I_DO: Final = frozenset(
    words("bin habe hab brauche bekomme kriege nehme leide lebe vertrage stehe been feeling they them")
)
_PERSONS: Final = frozenset(
    words(
        "ich mir mich wir uns er ihm ihn sie"
        " mutter vater mama papa mutti vati sohn tochter kind kinder baby mann frau oma opa omi opi bruder"
        " schwester freund freundin kollege kollegin patient patientin mandant mandantin klient klientin"
        " bewohner bewohnerin herr eltern enkel enkelin tante onkel neffe nichte schwager ex exmann exfrau"
        " exfreund exfreundin ehemann ehefrau schwiegermutter schwiegervater stiefvater stiefmutter partner"
        " partnerin zwillinge junge madchen herrn"
        " i ive me my mine myself we us our he him his himself she her hers herself"
        " wife husband son daughter mum mom dad mother father brother sister kid kids child children twins"
        " patient client parents grandma grandpa gran granny nan grandson granddaughter nephew niece uncle"
        " aunt cousin friend boyfriend girlfriend spouse fiance toddler"
    )
)
_BEGINNINGS: Final = ("mein", "unser", "sein", "ihr", "euer")
_ANY: Final = frozenset(words("ein eine einer einem einen eines a"))
_IS_OR_HAS: Final = frozenset(
    words(
        "bin ist war habe hab hat haben hatte wurde wurden"
        " am m is was s ve have has had got been feel feels feeling having"
    )
)
_BETWEEN: Final = _ANY | frozenset(
    words(
        "an so sehr ganz total immer wieder noch auch fast jetzt"
        " really very quite also always still now this bad"
    )
)
_BREAK: Final = frozenset(".!?:;\n")
_PLURAL: Final = ("en", "sind")


class Somebody:
    """Where a text speaks of somebody."""

    def __init__(self, text: str, folded: Folded) -> None:
        self._tokens: Final = folded.tokens
        self.persons: Final = [
            place for place in range(len(folded.tokens)) if _is_person(text, folded, place)
        ]
        said = (place for place, token in enumerate(folded.tokens) if token.text in _I_DO)
        self._places = sorted([*self.persons, *said])

    def is_near(self, place: int) -> bool:
        """Whether it does so within 30 words of a place."""
        at = bisect_left(self._places, place - _NEAR)
        return at < len(self._places) and self._places[at] <= place + _NEAR

    def points(self, place: int) -> int:
        """Return what somebody adds to words: 2 where "he has a" stands before them, 1 close by."""
        return self.is_near(place) + self._is_said_of(place)

    def _is_said_of(self, place: int) -> bool:
        """Whether before a place stands a person, and "is" or "has" between them."""
        verb = place - 1
        while verb > max(0, place - 4) and self._tokens[verb].text in _BETWEEN:
            verb -= 1
        if verb < 0 or self._tokens[verb].text not in _IS_OR_HAS:
            return False
        at = bisect_left(self._places, verb - 2)
        return at < len(self._places) and self._places[at] <= verb


def _is_person(text: str, folded: Folded, place: int) -> bool:
    word, before = folded.tokens[place].text, folded.tokens[place - 1].text if place else ""
    if word in _PERSONS:
        return before not in _ANY and not _is_polite(text, folded, place)
    return word.startswith(_BEGINNINGS) and not _is_polite(text, folded, place)


def _is_polite(text: str, folded: Folded, place: int) -> bool:
    """Whether a word is the German "Sie" or "Ihr" of who is written to: they are no third person."""
    token = folded.tokens[place]
    is_capital = text[folded.places[token.start]].isupper()
    if token.text.startswith("ihr"):
        return is_capital
    if token.text != "sie":
        return False
    begins = place == 0 or not _BREAK.isdisjoint(folded.gap(place))
    beside = folded.tokens[max(0, place - 1) : place + 2]
    return (is_capital and not begins) or any(one.text.endswith(_PLURAL) for one in beside)
