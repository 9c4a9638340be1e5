"""The words beside a number: whether they say what it is, or that it is something else."""

from __future__ import annotations

import re
from typing import Final

from .finding import Kind
from .folding import Folded

_BREAK: Final = re.compile(r"[\n;!?]|\. ")
_SHORTENED: Final = ("nr", "no", "num", "ref")
_LOOK_BACK: Final = 8
_LOOK_AHEAD: Final = 5
_FILLERS: Final = frozenset(
    "nummer nr no num number id code ist is was war lautet lautete heisst mein meine meiner meinem my the die der das"
    " den dem our unsere ihre your von of mit and und jetzt new neue neuer".split()
)
_REFUSING: Final = tuple(
    "bestell auftrag sendung paket rechnung kunden artikel serien vorgang ticket gutschein vertrag angebot aktenzeichen"
    " inventar mitglied imei ean isbn issn gtin order tracking trackingnummer invoice reference referenz"
    " parcel serial booking buchung membership customer item article dhl ups hermes gls dpd fedex chargen"
    " losnummer zahler fahrgestell gerate ersatzteil teilenummer lieferschein shipment consignment waybill"
    " barcode voucher coupon lizenz license licence modell model reklamation retoure".split()
)
_REFUSING_WORDS: Final = frozenset("part case po ref az kd los fin vin sku upc".split())
_NAMES: Final[dict[Kind, tuple[str, ...]]] = {
    Kind.IBAN: ("iban", "konto", "bank", "account", "uberweis", "transfer", "lastschrift", "debit"),
    Kind.CARD: tuple(
        "karte kredit card credit visa master amex american maestro diners jcb discover union debit kk cvc cvv".split()
    ),
    Kind.TAX_ID: tuple("steuer idnr identifikation tax tin finanzamt lohn payroll bundeszentralamt".split()),
    Kind.HEALTH_INSURANCE: tuple(
        "kvnr versicher versichert kranken gesundheit egk aok tk barmer dak ikk kkh bkk insur health kasse".split()
    ),
    Kind.PENSION_INSURANCE: tuple(
        "rente sozial sv rv rvnr svnr vsnr pension social insur versicherung lohn payroll".split()
    ),
}
_NAME_ENDS: Final = ("karte", "konto", "card", "kasse", "versicherung", "versicherungsnummer")


def is_refused(folded: Folded, first: int) -> bool:
    """Whether the word before a number, fillers passed over, says that it counts orders, parcels or things."""
    for index in range(first - 1, max(-1, first - 1 - _LOOK_BACK), -1):
        word = folded.tokens[index].text
        if _BREAK.search(folded.gap(index + 1)) and not word.endswith(_SHORTENED):
            return False
        if word not in _FILLERS:
            return word in _REFUSING_WORDS or (len(word) > 2 and word.startswith(_REFUSING_STEMS))
    return False


_REFUSING_STEMS: Final = tuple(one for one in _REFUSING if one not in _REFUSING_WORDS)


def is_named(folded: Folded, kind: Kind, first: int, last: int) -> bool:
    """Whether a word close to a number says what it is."""
    before = folded.tokens[max(0, first - _LOOK_BACK) : first]
    behind = folded.tokens[last + 1 : last + 1 + _LOOK_AHEAD]
    return any(one.text.startswith(_NAMES[kind]) or one.text.endswith(_NAME_ENDS) for one in (*before, *behind))
