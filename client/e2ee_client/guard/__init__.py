"""The guard on the device: what in a text is worth a second look before it is sent.

    from e2ee_client import guard

    for one in guard.find("IBAN DE89 3704 0044 0532 0130 00", packs=("health",)):
        print(one.kind, one.start, one.end)

`find` is a function of its arguments: it opens nothing, asks nobody, keeps nothing and takes time in
proportion to the text. What it found is told by kind and place, never by value. It warns; it decides
nothing.

Where the rules come from:

- `iban`: ISO 13616-1 with the lengths of the IBAN registry; the remainder by 97 is 1 (ISO 7064 MOD
  97-10).
- `card`: issuer identification ranges (ISO/IEC 7812-1), and the check digit of its annex B (Luhn).
- `tax_id`: section 139b of the Abgabenordnung. Eleven digits, ISO 7064 MOD 11,10; of the first ten
  exactly one digit stands twice or three times, three never in a row ("Prüfung der Steuer- und
  Steueridentifikationsnummer", ELSTER).
- `health_insurance`: section 290 SGB V and annex 1 of the guideline of the GKV-Spitzenverband. A
  letter, eight digits, a check digit.
- `pension_insurance`: section 147 SGB VI and the VKVV. Area, date of birth, letter, series, check
  digit; the day may be 50 higher.
- `birth_date`, `phone`, `email` go by shape and by the words beside them. They are found only when
  asked for.
- packs: lists of words by sector in German and English (`packs/`), words in other senses taken out.

docs/guard.md has how often this is right, and what it misses.
"""

from __future__ import annotations

from .finding import Confidence, Finding, Kind, Why
from .search import ALL_KINDS, DEFAULT_KINDS, LANGUAGES, MOST_CHARS, PACKS, find

__all__ = [
    "ALL_KINDS",
    "DEFAULT_KINDS",
    "LANGUAGES",
    "MOST_CHARS",
    "PACKS",
    "Confidence",
    "Finding",
    "Kind",
    "Why",
    "find",
]
