"""What the command line says of wordings, questions and ratings, in German."""

from __future__ import annotations

from typing import Final

GERMAN_WORDS: Final[dict[str, str]] = {
    "help.room.edit": "einen Text dieses Geräts neu fassen; die früheren Fassungen bleiben sichtbar",
    "help.room.ask": "den Kunden fragen: Antworten zur Auswahl, oder ein Formular aus einer Datei",
    "help.room.answer": "Fragen des Unternehmens beantworten; wer noch einmal antwortet, berichtigt",
    "help.room.rate": "das Gespräch bewerten, mit 1 bis 5",
    "help.edit_entry": "der Anfang der Kennung des Textes (room history --ids), oder - für den neuesten "
    "dieses Geräts",
    "help.reply_to": "worauf er antwortet: der Anfang der Kennung (room history --ids), oder - für das "
    "Neueste von anderen",
    "help.ask_title": "die Frage, höchstens 200 Byte",
    "help.ask_option": "eine Antwort zur Auswahl; mehrfach",
    "help.ask_form": "eine TOML-Datei: title, und [[question]] mit label, kind (choice, text, number, "
    "date), options, required",
    "help.answer_entry": "der Anfang der Kennung des Formulars, wie der Verlauf sie zeigt, oder - für das "
    "neueste",
    "help.answer_value": "ein Wert für jede Frage: eine Auswahl oder ihre Nummer, ein Text, eine Zahl, "
    "JJJJ-MM-TT; - für keinen",
    "help.rate_stars": "1 bis 5",
    "help.rate_text": "warum",
    "help.ids": "die Kennungen der Einträge zeigen",
    "edit.done": "Neu gefasst.",
    "ask.done": "Gefragt ({entry}).",
    "answer.done": "Beantwortet.",
    "rate.done": "Bewertet. Vielen Dank.",
    "entry.edit": "ein Text wurde neu gefasst ({name})",
    "entry.edited": "neu gefasst",
    "entry.reply": "Antwort auf: {text}",
    "entry.reply_unknown": "Antwort auf etwas, das nicht hier ist",
    "entry.form": "{name} fragt: {title} {asked}",
    "entry.form_open": "sealroom room answer RAUM {entry} ...",
    "entry.form_answered": "{entry}, beantwortet",
    "entry.answer": "beantwortet ({name}): {said}",
    "entry.answer_unfit": "eine Antwort ({name}), die nicht zu den Fragen passt, oder die Fragen sind nicht "
    "hier",
    "entry.rating": "Bewertung des Gesprächs ({name}): {stars} von 5{why}",
}
