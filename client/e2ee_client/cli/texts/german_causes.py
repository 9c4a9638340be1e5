"""Why something was refused or failed, by the codes of core, relay and rooms, in German."""

from __future__ import annotations

from typing import Final

GERMAN_CAUSES: Final[dict[str, str]] = {
    "error.app.locked": "die Anwendung ist gesperrt: bitte die Passphrase eingeben",
    "error.app.wait": "vorher kamen falsche Passphrasen: bitte warten, dann die Passphrase eingeben",
    "error.local.content_too_large": "es ist größer, als eine Nachricht sein darf",
    "error.local.counter_exhausted": "diese Sitzung ist verbraucht; eine neue folgt",
    "error.local.desk_busy": "es läuft schon so viel, dass nichts Weiteres beginnt",
    "error.local.desk_full": "mehr davon bewahrt dieses Gerät nicht auf: bitte erst einige entfernen",
    "error.local.desk_input": "zu lang, oder mit Zeichen, die hier nicht gehen: bitte ändern",
    "error.local.session_expired": "es kam zu lange keine Antwort; eine neue Sitzung folgt",
    "error.local.session_inactive": "diese Sitzung empfängt nur noch; eine neue folgt",
    "error.local.snapshot": "was gespeichert ist, ist beschädigt oder von einer neueren Version",
    "error.mail.address": "eine Adresse wird nicht gespeichert: dort wird niemand per E-Mail benachrichtigt",
    "error.mail.refused": "der Mailserver lehnt ab: Benutzer, Passwort und Absender prüfen",
    "error.mail.tls": "der Mailserver hat kein gültiges TLS; es wurde nichts gesendet",
    "error.mail.unavailable": "der Mailserver ist nicht zu erreichen",
    "error.relay.auth_failed": "das Relay nimmt unsere Unterschrift nicht an; es wird wieder versucht",
    "error.relay.bad_entry": "das Relay nimmt unseren Eintrag nicht an: bitte die Uhr dieses Geräts prüfen",
    "error.relay.bad_request": "das Relay versteht dieses Programm nicht: bitte das ältere von beiden "
    "erneuern",
    "error.relay.denied": "das Relay kennt dieses Postfach nicht oder hat es gestrichen: bitte den Betreiber "
    "fragen",
    "error.relay.no_prekeys": "das Relay hat zurzeit keine Schlüssel dieses Kontakts; es wird wieder "
    "versucht",
    "error.relay.not_authenticated": "das Relay fragt, wer wir sind; es wird wieder versucht",
    "error.relay.not_found": "das Relay hat unter diesem Namen nichts",
    "error.relay.pow_required": "das Relay verlangt erst mehr Rechenarbeit; es wird wieder versucht",
    "error.relay.quota": "was das Relay für dieses Konto aufhebt, ist voll; es wird wieder versucht",
    "error.relay.rate_limited": "dem Relay ist es zu viel auf einmal; es wird wieder versucht",
    "error.relay.registration_refused": "das Relay nimmt neue Postfächer nur von denen, die sein Betreiber "
    "zulässt",
    "error.relay.stale_entry": "das Relay hat einen neueren Eintrag von uns; er wird nachgesehen",
    "error.relay.too_large": "das Relay nimmt nichts an, was so groß ist",
    "error.relay.unknown_operation": "das Relay ist zu alt für dieses Programm: bitte den Betreiber, es zu "
    "erneuern",
    "error.remote.authentication": "es lässt sich mit den Schlüsseln des Gesprächs nicht öffnen",
    "error.remote.budget": "dieser Kontakt hat verbraucht, was er in 24 Stunden verlangen darf",
    "error.remote.content": "es sagt etwas, das keine Nachricht sagen darf",
    "error.remote.decode": "es hat nicht die Form, die es haben muss",
    "error.remote.expired": "es ist abgelaufen, oder eine Uhr geht falsch",
    "error.remote.identity": "die Schlüssel gehören zu einem anderen Konto",
    "error.remote.key": "ein Schlüssel darin ist nicht zu gebrauchen",
    "error.remote.list_expired": "die Geräteliste ist abgelaufen",
    "error.remote.list_fork": "es gibt zwei Gerätelisten unter einer Nummer",
    "error.remote.list_gap": "zwischen der bekannten und der gezeigten Geräteliste fehlt eine",
    "error.remote.list_rollback": "die Geräteliste ist älter als die bekannte",
    "error.remote.pq_desync": "die Schlüssel beider Seiten weichen ab; eine neue Sitzung folgt",
    "error.remote.replay": "es kam schon einmal",
    "error.remote.skip_limit": "davor fehlen zu viele Nachrichten",
    "error.remote.unknown_prekey": "es ist mit einem Schlüssel geschrieben, der nicht mehr aufbewahrt wird",
    "error.remote.unknown_session": "es gehört zu keinem Gespräch, das hier bekannt ist",
    "error.remote.version": "es ist von einer anderen Version dieses Programms; bitte die ältere erneuern",
    "error.room.not_member": "das Gerät ist nicht im Raum",
    "error.room.signature": "die Unterschrift fehlt oder stimmt nicht",
    "error.room.unlogged": "es wurde weitergegeben, ohne dass der Raum das festhält",
    "error.version.too_old": "dieses Programm ist älter, als das Unternehmen zulässt: bitte erneuern",
    "error.webhook.failed": "der Empfänger eines Webhooks nimmt ein Ereignis zurzeit nicht an",
    "error.webhook.full": "zu viele Ereignisse warten auf den Empfänger eines Webhooks",
}
