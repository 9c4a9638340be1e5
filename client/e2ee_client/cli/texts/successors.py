"""Texts of the commands on accounts that begin anew, in both languages."""

from __future__ import annotations

from typing import Final

ENGLISH_SUCCESSORS: Final = {
    "help.successor": "an account is lost or its key was stolen: say by its recovery key who follows it",
    "help.successor.sign": "state that a lost account is followed by this one; asks for its recovery key",
    "help.successor.read": "say what a statement says about a contact, and change nothing",
    "help.successor.follow": "add the new account of a statement after a question, and hold the old one",
    "help.successor.old": "the account that is lost: its contact card, or its 64 hexadecimal digits",
    "help.successor.statement": "the statement, or a file with it",
    "help.successor.card": "the contact card of the new account",
    "ask.recovery_key": "Recovery key of the lost account, 16 groups, in one line or two: ",
    "ask.successor.unchecked": "No list of the lost account is known here that could show a typing "
    "error. The 16 groups once more: ",
    "ask.successor.other_key": "The list of the lost account that is known here names ANOTHER recovery key: "
    "this one is mistyped or of another account, or a thief has signed that list. Your contacts decide by "
    "the key that they know. The 16 groups once more: ",
    "ask.successor": "Have you asked {name} in person or by telephone, and follow to the new account? [y/N] ",
    "successor.signed": "Account {old} is followed by this one. Give this out with your new contact "
    "card (sealroom card):",
    "successor.says": "Whoever has the recovery key of {old} says, on {signed}, that this account "
    "follows it:\n  {new}",
    "successor.known": "That account is a contact here already: {name}.",
    "successor.second": "CAREFUL: {name} was followed by another account before. Two statements: one "
    "of them may be a thief's.",
    "successor.number": "Safety number with the new account:",
    "successor.ask": "The recovery key may have been stolen. Ask {name} in person or by telephone "
    "before you follow; nothing has changed so far.",
    "successor.followed": "New contact: {name} ({id}), not verified. Nothing more is sent to {old}.",
    "successor.waiting": "Texts to {name} that wait ({count}) stay here. They go to the old account once you "
    "mark it as verified.",
    "error.successor.invalid": "the statement is none, is damaged, is not by the recovery key of the "
    "contact, or the card is another account's: {detail}",
    "hint.successor.invalid": "copy statement and card whole again; if it stays so, do not follow it: "
    "ask the contact over another channel",
    "error.successor.second": "{name} was followed by another account before; a second one is not followed",
    "hint.successor.second": "ask {name} in person which account is right; its card is added by: "
    "sealroom add CARD",
    "error.successor.unasked": "whether to follow is asked at a terminal, and there is none; nothing "
    "was changed",
    "error.successor.mismatch": "the two recovery keys differ",
    "hint.successor.mismatch": "compare with the paper, and begin again",
    "error.successor.unchecked": "no list of the lost account is known here, by which the recovery key "
    "could be checked",
    "hint.successor.unchecked": "add the old contact card first (sealroom add CARD), or type the key "
    "at a terminal, twice",
    "error.successor.other_key": "the list of the lost account that is known here names another recovery key",
    "hint.successor.other_key": "compare with the paper; if a thief may have signed that list, type the key "
    "at a terminal, twice",
    "error.contact.succeeded": "another account has followed this one; nothing is sent to it",
    "hint.contact.succeeded": "write to the new account; if that was wrong, compare the safety number "
    "with this contact over another channel, then: sealroom verify CONTACT --mark",
    "error.contact.list_unknown": "no device list of this contact is known here yet, so that nothing "
    "can be verified",
    "hint.contact.list_unknown": "go online and try again in a minute; of a contact that publishes "
    "nothing, after it has written",
}
GERMAN_SUCCESSORS: Final = {
    "help.successor": "ein Konto ist verloren oder sein Schlüssel gestohlen: mit dem "
    "Wiederherstellungsschlüssel sagen, welches ihm nachfolgt",
    "help.successor.sign": "erklären, dass diesem verlorenen Konto das eigene nachfolgt; fragt nach "
    "dessen Wiederherstellungsschlüssel",
    "help.successor.read": "zeigen, was eine Erklärung über einen Kontakt sagt; ändert nichts",
    "help.successor.follow": "nach einer Frage das neue Konto hinzufügen und das alte anhalten",
    "help.successor.old": "das verlorene Konto: seine Kontaktkarte, oder seine 64 Hexadezimalziffern",
    "help.successor.statement": "die Erklärung, oder eine Datei mit ihr",
    "help.successor.card": "die Kontaktkarte des neuen Kontos",
    "ask.recovery_key": "Wiederherstellungsschlüssel des verlorenen Kontos, 16 Gruppen, in einer Zeile "
    "oder zwei: ",
    "ask.successor.other_key": "Die hier bekannte Liste des verlorenen Kontos nennt einen ANDEREN "
    "Wiederherstellungsschlüssel: dieser ist vertippt oder der eines anderen Kontos, oder ein Dieb hat jene "
    "Liste unterschrieben. Ihre Kontakte entscheiden nach dem Schlüssel, den sie kennen. Die 16 Gruppen noch "
    "einmal: ",
    "ask.successor.unchecked": "Hier ist keine Liste des verlorenen Kontos bekannt, an der ein "
    "Tippfehler auffiele. Die 16 Gruppen noch einmal: ",
    "ask.successor": "Haben Sie {name} persönlich oder am Telefon gefragt, und wollen dem neuen Konto "
    "folgen? [j/N] ",
    "successor.signed": "Dem Konto {old} folgt dieses nach. Geben Sie dies mit Ihrer neuen "
    "Kontaktkarte weiter (sealroom card):",
    "successor.says": "Wer den Wiederherstellungsschlüssel von {old} hat, sagt am {signed}, dass "
    "dieses Konto ihm nachfolgt:\n  {new}",
    "successor.known": "Dieses Konto ist hier schon ein Kontakt: {name}.",
    "successor.second": "VORSICHT: {name} folgte schon ein anderes Konto nach. Zwei Erklärungen: eine "
    "davon kann von einem Dieb sein.",
    "successor.number": "Sicherheitsnummer mit dem neuen Konto:",
    "successor.ask": "Der Wiederherstellungsschlüssel kann gestohlen sein. Fragen Sie {name} "
    "persönlich oder am Telefon, bevor Sie folgen; bisher ist nichts geändert.",
    "successor.followed": "Neuer Kontakt: {name} ({id}), nicht verglichen. An {old} wird nichts mehr "
    "gesendet.",
    "successor.waiting": "Texte an {name}, die warten ({count}), bleiben hier. Sie gehen an das alte Konto, "
    "sobald Sie es als verglichen markieren.",
    "error.successor.invalid": "die Erklärung ist keine, ist beschädigt, ist nicht mit dem "
    "Wiederherstellungsschlüssel des Kontakts gemacht, oder die Karte gehört zu einem anderen Konto: "
    "{detail}",
    "hint.successor.invalid": "kopieren Sie Erklärung und Karte noch einmal ganz; bleibt es dabei, "
    "folgen Sie ihr nicht: fragen Sie den Kontakt auf anderem Weg",
    "error.successor.second": "{name} folgte schon ein anderes Konto nach; einem zweiten wird nicht gefolgt",
    "hint.successor.second": "fragen Sie {name} persönlich, welches Konto das richtige ist; dessen "
    "Karte fügt hinzu: sealroom add KARTE",
    "error.successor.unasked": "ob gefolgt wird, wird an einem Terminal gefragt, und hier ist keines; "
    "nichts wurde geändert",
    "error.successor.mismatch": "die beiden Wiederherstellungsschlüssel unterscheiden sich",
    "hint.successor.mismatch": "vergleichen Sie mit dem Papier, und beginnen Sie neu",
    "error.successor.unchecked": "hier ist keine Liste des verlorenen Kontos bekannt, an der sich der "
    "Wiederherstellungsschlüssel prüfen ließe",
    "hint.successor.unchecked": "fügen Sie erst die alte Kontaktkarte hinzu (sealroom add KARTE), oder "
    "geben Sie den Schlüssel an einem Terminal zweimal ein",
    "error.successor.other_key": "die hier bekannte Liste des verlorenen Kontos nennt einen anderen "
    "Wiederherstellungsschlüssel",
    "hint.successor.other_key": "vergleichen Sie mit dem Papier; kann ein Dieb jene Liste unterschrieben "
    "haben, geben Sie den Schlüssel an einem Terminal zweimal ein",
    "error.contact.succeeded": "diesem Konto folgte ein anderes nach; an dieses wird nichts gesendet",
    "hint.contact.succeeded": "schreiben Sie dem neuen Konto; war das falsch, vergleichen Sie die "
    "Sicherheitsnummer mit diesem Kontakt auf anderem Weg, dann: sealroom verify KONTAKT --mark",
    "error.contact.list_unknown": "von diesem Kontakt ist hier noch keine Geräteliste bekannt, mit der "
    "sich etwas prüfen ließe",
    "hint.contact.list_unknown": "gehen Sie online, und versuchen Sie es in einer Minute wieder; bei "
    "einem Kontakt ohne Verzeichniseintrag, nachdem er geschrieben hat",
}
