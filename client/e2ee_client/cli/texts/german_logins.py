"""What the command line says of logins, in German."""

from __future__ import annotations

from typing import Final

GERMAN_LOGINS: Final[dict[str, str]] = {
    "help.company.logins": "den eigenen Webserver sagen lassen, wer die Kunden sind, oder nicht mehr",
    "help.company.login-key": "den Schlüssel des Webservers in eine Datei schreiben; nach jedem Mandat neu",
    "help.room.login": "sich über den Webserver der Firma ausweisen; ohne TOKEN: was er gefragt wird",
    "help.room.sign-out": "abmelden: von nun an ist im Raum niemand bekannt",
    "help.logins_allow": "ab dem nächsten Mandat",
    "help.logins_end": "was der Schlüssel unterschrieben hat, gilt nicht mehr",
    "help.login_key_file": "wohin der Schlüssel kommt, nur für den Besitzer; ein Geheimnis des Webservers",
    "help.login_token": "was der Webserver geantwortet hat",
    "login.sent": "Abgegeben. Die Firma sagt, ob sie es annimmt.",
    "login.signed_out": "Abgemeldet. Was geschrieben wurde, bleibt; sealroom room withdraw beendet den Raum.",
    "login.level.1": "Passwort",
    "login.level.2": "zweiter Faktor",
    "login.level.3": "Ausweis",
    "logins.allowed": "Anmeldungen sind erlaubt. Schlüssel für den Webserver schreiben:\n"
    "  sealroom company login-key DATEI",
    "logins.ended": "Anmeldungen sind mit einem neuen Mandat beendet.",
    "logins.key": "Nach {path} geschrieben. Geheim halten wie ein Passwort; er gilt so lange wie das Mandat.",
    "about.person": "Angemeldet als {name} seit {since} ({level}).",
    "event.identify_granted": "[{room}] der Kunde ist angemeldet",
    "event.signed_out": "[{room}] der Kunde hat sich abgemeldet: ab hier ist niemand bekannt",
    "error.login.holder": "diese Anmeldung gilt für ein anderes Gerät, Konto oder einen anderen Raum",
    "error.login.expired": "diese Anmeldung kam zu spät, oder eine Uhr geht falsch: bitte neu anmelden",
    "error.login.used": "diese Anmeldung wurde schon benutzt, oder dieses Gerät hat nicht nach ihr gefragt",
    "error.remote.signature": "eine Unterschrift stimmt nicht",
    "error.local.logins": "das Mandat der Firma nennt keinen Schlüssel für einen Webserver",
    "hint.login.expired": "Datum und Uhrzeit dieses Geräts prüfen; dann ein neues Token holen",
    "hint.login.used": "ein neues Token holen: sealroom room login",
    "hint.local.logins": "sealroom company logins --allow",
}
