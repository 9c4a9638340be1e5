"""What the guard says before a text is sent, in both languages."""

from __future__ import annotations

from typing import Final

ENGLISH_GUARD: Final = {
    "guard.found": "This text may hold {what}. Only this device has looked at it.",
    "guard.iban": "a bank account number (IBAN)",
    "guard.card": "a card number",
    "guard.tax_id": "a tax identification number",
    "guard.health_insurance": "a health insurance number",
    "guard.pension_insurance": "a pension insurance number",
    "guard.health": "words about health",
    "guard.finance": "words about money matters",
    "guard.legal": "words about a legal matter",
    "ask.send": "Send it all the same? [y/N] ",
    "help.guard_pack": "warn of words about this as well: health, finance or legal; may be repeated",
    "help.send_yes": "send without asking, whatever the text may hold",
}
GERMAN_GUARD: Final = {
    "guard.found": "Dieser Text enthält womöglich {what}. Nur dieses Gerät hat das geprüft.",
    "guard.iban": "eine Kontonummer (IBAN)",
    "guard.card": "eine Kartennummer",
    "guard.tax_id": "eine Steuer-Identifikationsnummer",
    "guard.health_insurance": "eine Krankenversichertennummer",
    "guard.pension_insurance": "eine Rentenversicherungsnummer",
    "guard.health": "Worte über die Gesundheit",
    "guard.finance": "Worte über Geldangelegenheiten",
    "guard.legal": "Worte über eine Rechtssache",
    "ask.send": "Trotzdem senden? [j/N] ",
    "help.guard_pack": "auch vor Worten hierüber warnen: health (Gesundheit), finance (Geld) oder "
    "legal (Recht); mehrfach möglich",
    "help.send_yes": "ohne Frage senden, was immer der Text enthält",
}
