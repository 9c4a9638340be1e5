"""What the command line says of logins, in German."""

from __future__ import annotations

from typing import Final

GERMAN_LOGINS: Final[dict[str, str]] = {
    "help.company.logins": "den eigenen Webserver sagen lassen, wer die Kunden sind, oder nicht mehr",
    "help.company.login-key": "den Schlüssel des Webservers in eine Datei schreiben; nach jedem Mandat neu",
    "help.room.login": "sich über den Webserver des Unternehmens ausweisen; ohne TOKEN: was er gefragt wird",
    "help.room.sign-out": "abmelden: von nun an ist im Raum niemand bekannt",
    "help.logins_allow": "ab dem nächsten Mandat",
    "help.logins_end": "was der Schlüssel unterschrieben hat, gilt nicht mehr",
    "help.login_key_file": "wohin der Schlüssel kommt, nur für den Besitzer; ein Geheimnis des Webservers",
    "help.login_token": "was der Webserver geantwortet hat",
    "login.sent": "Abgegeben. Das Unternehmen sagt, ob es das annimmt.",
    "login.signed_out": "Abgemeldet. Was geschrieben wurde, bleibt; sealroom room withdraw beendet den Raum.",
    "login.level.1": "Passwort",
    "login.level.2": "zweiter Faktor",
    "login.level.3": "Ausweis",
    "logins.allowed": "Anmeldungen sind erlaubt. Schlüssel für den Webserver schreiben, und die Tür neu:\n"
    "  sealroom company login-key DATEI\n"
    "  sealroom company door DATEI --force",
    "logins.ended": "Anmeldungen sind mit einem neuen Mandat beendet.",
    "logins.key": "Nach {path} geschrieben. Geheim halten wie ein Passwort; er gilt so lange wie das Mandat.",
    "about.person": "Angemeldet als {name} seit {since} ({level}).",
    "event.identify_granted": "[{room}] der Kunde ist angemeldet",
    "event.signed_out": "[{room}] der Kunde hat sich abgemeldet: ab hier ist niemand bekannt",
    "error.login.holder": "diese Anmeldung gilt für ein anderes Gerät, Konto oder einen anderen Raum",
    "error.login.expired": "diese Anmeldung kam zu spät, oder eine Uhr geht falsch: bitte neu anmelden",
    "error.login.used": "diese Anmeldung wurde schon benutzt, oder dieses Gerät hat nicht nach ihr gefragt",
    "error.remote.signature": "eine Unterschrift stimmt nicht",
    "error.local.logins": "das Mandat des Unternehmens nennt keinen Schlüssel für einen Webserver",
    "hint.login.expired": "Datum und Uhrzeit dieses Geräts prüfen; dann ein neues Token holen",
    "hint.login.used": "ein neues Token holen: sealroom room login",
    "hint.local.logins": "sealroom company logins --allow",
    "help.room.link": "ein weiteres eigenes Gerät aufnehmen: zeigt einen QR-Code und fragt",
    "help.room.join": "dieses Gerät zu einem weiteren eigenen machen, mit dem, was ein anderes zeigt",
    "help.room.devices": "die eigenen Geräte auflisten oder eines streichen",
    "help.linkable": "damit später weitere Geräte dazukommen können: ein Eintrag im Verzeichnis des Relays",
    "help.link_yes": "ohne Frage bestätigen: die Ziffern hat ein Programm verglichen",
    "help.own_yes": "das andere Gerät ist das eigene und liegt vor Ihnen",
    "help.link_text": "was das andere Gerät zeigt",
    "help.remove_own": "der Anfang der Kennung des Geräts, das gestrichen wird",
    "link.waiting": "warte auf das neue Gerät, höchstens zehn Minuten ...",
    "link.digits": "Das neue Gerät muss dieselben Ziffern zeigen: {digits}",
    "ask.link": "Zeigt es dieselben, und ist es Ihres? [j/n] ",
    "link.telling": "sage es dem neuen Gerät und gebe ihm die Räume ...",
    "link.done": "Gerät {short} gehört nun dazu. Das Unternehmen sieht ein neues Gerät.",
    "link.own": "Dieses Gerät kommt zu einem Konto, das mit {company}{origin} spricht.\n"
    "Nur ein eigenes Gerät zeigt diesen Code. Mit dem Code eines Fremden liest der Fremde hier mit.",
    "ask.own": "Ist das andere Gerät Ihres, und liegt es vor Ihnen? [j/n] ",
    "ask.link_text": "Was das andere Gerät zeigt: ",
    "link.compare": "Diese Ziffern mit dem anderen Gerät vergleichen: {digits}",
    "link.joined": "Das ist Gerät {short} Ihres Kontos; sein Speicher ist {path}.",
    "link.device": "seit {date}",
    "error.link.refused": "das andere Gerät ist nicht Ihres: nichts wurde gesendet",
    "hint.link.refused": "nur einen Code auf einem eigenen Gerät scannen",
}
