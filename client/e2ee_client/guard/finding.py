"""What the guard tells of a place in a text."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What something in a text is."""

    IBAN = "iban"
    CARD = "card"
    TAX_ID = "tax_id"
    HEALTH_INSURANCE = "health_insurance"
    PENSION_INSURANCE = "pension_insurance"
    PHONE = "phone"
    EMAIL = "email"
    BIRTH_DATE = "birth_date"
    HEALTH = "health"
    FINANCE = "finance"
    LEGAL = "legal"


class Why(Enum):
    """What a finding goes by."""

    NAMED = "named"
    """The check digits are right, and a word beside it says what it is."""
    CHECKED = "checked"
    """The check digits are right."""
    SHAPE = "shape"
    """It looks like one; there is no check digit."""
    WORD = "word"
    """A word of a pack."""
    WORDS = "words"
    """Several words of a pack, each of which alone would say little."""


class Confidence(Enum):
    """How sure a finding is."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


_CONFIDENCE = {
    Why.NAMED: Confidence.HIGH,
    Why.CHECKED: Confidence.MEDIUM,
    Why.WORD: Confidence.MEDIUM,
    Why.WORDS: Confidence.LOW,
    Why.SHAPE: Confidence.LOW,
}
_LONG_CHECK = (Kind.IBAN, Kind.PENSION_INSURANCE)


@dataclass(frozen=True, slots=True)
class Finding:
    """A kind, and where it stands: `text[start:end]`. The text is not kept, so that no repr shows it."""

    kind: Kind
    start: int
    end: int
    why: Why

    @property
    def confidence(self) -> Confidence:
        """How sure it is; what has two check digits, or a date inside, is sure by itself."""
        return Confidence.HIGH if self.kind in _LONG_CHECK else _CONFIDENCE[self.why]
