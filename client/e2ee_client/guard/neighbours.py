"""The words beside a number: whether they say what it is, or that it is something else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from .finding import Kind
from .folding import Folded


def words(text: str) -> tuple[str, ...]:
    """Return the words of a list, folded as the texts are."""
    return tuple(text.split())


_BREAK: Final = re.compile(r"[\n;!?]|\. ")
_CLAUSE: Final = re.compile(r"[\n,:;!?(]|\. ")
_SHORTENED: Final = ("nr", "no", "num", "ref")
_LOOK_BACK: Final = 8
_LOOK_AHEAD: Final = 5
_FILLERS: Final = frozenset(
    words(
        "nummer nr no num number id code ist is was war lautet lautete heisst mein meine meiner"
        " meinem my the die der das den dem our unsere ihre your von of mit and und jetzt new neue"
        " neuer"
    )
)
_REFUSING: Final = words(
    "bestell auftrag sendung paket rechnung kunden artikel serien vorgang ticket gutschein"
    " vertrag angebot aktenzeichen inventar mitglied imei ean isbn issn gtin order tracking"
    " invoice reference referenz parcel serial booking buchung membership customer item article"
    " dhl ups hermes gls dpd fedex chargen losnummer zahler fahrgestell gerate ersatzteil"
    " teilenummer lieferschein shipment consignment waybill barcode voucher coupon lizenz license"
    " licence modell model reklamation retoure"
)
"""Beginnings of words that count orders, parcels or things."""
_REFUSING_WORDS: Final = frozenset(words("part case po ref az kd los fin vin sku upc"))
_NAMES: Final[dict[Kind, tuple[str, ...]]] = {
    Kind.IBAN: words("iban konto bank account uberweis transfer lastschrift debit"),
    Kind.CARD: words(
        "karte kredit card credit visa master amex american maestro diners jcb discover union debit"
        " kk cvc cvv"
    ),
    Kind.TAX_ID: words("steuer idnr identifikation tax tin finanzamt lohn payroll bundeszentralamt"),
    Kind.HEALTH_INSURANCE: words(
        "kvnr versicher versichert kranken gesundheit egk aok tk barmer dak ikk kkh bkk insur health kasse"
    ),
    Kind.PENSION_INSURANCE: words(
        "rente sozial sv rv rvnr svnr vsnr pension social insur versicherung lohn payroll"
    ),
}
_OURS: Final = frozenset(one for names in _NAMES.values() for one in names if len(one) > 3) | {
    *words("ident person insured member telefon phone")
}
_COMPOUNDS: Final = ("nummer", "nr")
_LEAST_COMPOUND: Final = 6
_PLAIN: Final = frozenset(
    words("long full whole right correct wrong real same main other above below actual this that")
)
_NAME_ENDS: Final = words("karte konto card kasse versicherung versicherungsnummer")


def is_refused(folded: Folded, first: int) -> bool:
    """Whether the word before a number, fillers passed over, says that it counts orders or things."""
    for index in range(first - 1, max(-1, first - 1 - _LOOK_BACK), -1):
        word = folded.tokens[index].text
        if _BREAK.search(folded.gap(index + 1)) and not word.endswith(_SHORTENED):
            return False
        if word not in _FILLERS:
            return word in _REFUSING_WORDS or word.startswith(_REFUSING) or _is_of_something(folded, index)
    return False


def _is_of_something(folded: Folded, index: int) -> bool:
    """Whether a word says of what a number is, as in "Teilenummer" and "repair number", none of ours."""
    word, behind = folded.tokens[index].text, folded.tokens[index + 1].text
    if word.endswith(_COMPOUNDS):
        return len(word) > _LEAST_COMPOUND and not any(stem in word for stem in _OURS)
    return (
        behind == "number"
        and len(word) > 3
        and word not in _PLAIN
        and not any(stem in word for stem in _OURS)
    )


def is_named(folded: Folded, kind: Kind, first: int, last: int) -> bool:
    """Whether a word close to a number says what it is."""
    before = folded.tokens[max(0, first - _LOOK_BACK) : first]
    behind = folded.tokens[last + 1 : last + 1 + _LOOK_AHEAD]
    return any(_names(kind, one.text) for one in (*before, *behind))


def naming(folded: Folded, kind: Kind, first: int) -> Iterator[int]:
    """Yield the words right before a number that say what it is: they tell nothing of a person."""
    for index in range(first - 1, max(-1, first - 1 - _LOOK_BACK), -1):
        word = folded.tokens[index].text
        is_apart = index + 1 < first and _CLAUSE.search(folded.gap(index + 1))
        if is_apart and not word.endswith(_SHORTENED):
            return
        if _names(kind, word):
            yield index
        elif word not in _FILLERS:
            return


def _names(kind: Kind, word: str) -> bool:
    return word.startswith(_NAMES[kind]) or word.endswith(_NAME_ENDS)
