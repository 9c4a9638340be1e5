"""What the command line says of erasure, marks and holds, in German."""

from __future__ import annotations

from typing import Final

GERMAN_ERASING: Final[dict[str, str]] = {
    "help.room.erase": "einen Eintrag der eigenen Seite löschen lassen, oder den Raum; Kunden "
    "behalten den des Unternehmens",
    "help.room.sensitive": "einen Eintrag als sensibel kennzeichnen: nur Berechtigte sehen ihn noch",
    "help.room.hold": "nichts mehr vernichten, oder doch wieder, mit Begründung (Aufsicht)",
    "help.room.erasures": "zeigen, was zu löschen war, wer es bestätigt hat und wer nicht",
    "help.erase_entry": "Anfang der Kennung des Eintrags (room history --ids), oder - für den neuesten",
    "help.erase_all": "der ganze Raum, als dessen Kunde",
    "help.hold_reason": "warum; der Kunde sieht, dass nichts vernichtet wird",
    "help.hold_clear": "die Sperre aufheben: was darauf gewartet hat, wird vernichtet",
    "erase.done": "Die Löschung ist verlangt. Was sie betrifft, ist ab jetzt verborgen und wird binnen "
    "24 Stunden vernichtet, wenn keine Sperre vorgeht.",
    "sensitive.done": "Als sensibel gekennzeichnet.",
    "hold.set": "Raum {short} ist gesperrt: nichts davon wird vernichtet.",
    "hold.cleared": "Raum {short} ist nicht mehr gesperrt.",
    "erasures.none": "In diesem Raum war nichts zu löschen.",
    "erasures.order": "{when}  {what}: erledigt: {done}; noch nicht: {missing}",
    "erasures.entries": "{count} Einträge",
    "erasures.entries.one": "{count} Eintrag",
    "erasures.room": "der ganze Raum",
    "erasures.nobody": "niemand",
    "erasures.kept": "{name} ({why})",
    "event.erasure_answered": "[{room}] Löschung, {name}: {what}",
    "event.erasure_unanswered": "[{room}] Löschung binnen 7 Tagen nicht bestätigt; Geräte: {count}",
    "erasure.done": "erledigt",
    "erasure.hold": "eine Sperre geht vor",
    "erasure.class": "das Gesetz bewahrt es auf",
}
