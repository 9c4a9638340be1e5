"""What the command line says of what an account key signs where it is kept, in German."""

from __future__ import annotations

from typing import Final

GERMAN_SIGNING: Final[dict[str, str]] = {
    "help.company.notice.request": "schreiben, was der Kontoschlüssel unterschreiben soll, der woanders "
    "liegt",
    "help.company.notice.sign": "einen Hinweistext mit dem ausgelagerten Kontoschlüssel unterschreiben; "
    "ohne Speicher und ohne Netz",
    "help.company.notice.install": "einen woanders unterschriebenen Hinweistext ab jetzt verwenden",
    "help.company.mandate": "erneuern, wer für das Unternehmen handelt, wenn der Kontoschlüssel woanders "
    "liegt",
    "help.company.mandate.request": "schreiben, was der Kontoschlüssel unterschreiben soll; gilt 90 Tage",
    "help.company.mandate.sign": "ein Mandat mit dem ausgelagerten Kontoschlüssel unterschreiben; ohne "
    "Speicher und ohne Netz",
    "help.company.mandate.install": "das unterschriebene Mandat einsetzen",
    "help.company.device": "das Gerät einer Kollegin aufnehmen, wenn der Kontoschlüssel woanders liegt",
    "help.company.device.request": "zeigen, was das Gerät bekommt, Ziffern vergleichen und schreiben, was zu "
    "unterschreiben ist",
    "help.company.device.sign": "die Geräteliste mit dem ausgelagerten Kontoschlüssel unterschreiben; ohne "
    "Speicher und ohne Netz",
    "help.company.device.install": "die unterschriebene Liste einsetzen und das Gerät verständigen",
    "help.company.device.cancel": "das angefragte Gerät vergessen, damit ein anderes angefragt werden kann",
    "help.renewal.follow": "die Geräteliste des Relays übernehmen, wenn hier eine andere mit ihrer Nummer "
    "gilt",
    "ask.follow": "Die Geräteliste des Relays übernehmen? Nur, wenn diese Fingerabdrücke die Ihrer Geräte "
    "sind, und keiner eines Geräts, das Sie herausgenommen haben, und wenn keine Kopie dieses Speichers "
    "benutzt wird. Kontakte, die die andere Liste kennen, werden gewarnt.",
    "error.renewal.not_followed": "die Geräteliste des Relays wurde nicht übernommen",
    "hint.renewal.not_followed": "vielleicht nennt sie ein Gerät, das herausgenommen wurde, oder ist "
    "inzwischen eine andere: holen Sie den ausgelagerten Kontoschlüssel, und stellen Sie eine Sicherung "
    "wieder her, die damit gemacht ist",
    "device.requested": "In {path} geschrieben. Dort unterschreiben, wo der Kontoschlüssel liegt: sealroom "
    "company device sign SCHLÜSSEL {path} ANTWORT\nDann hier, innerhalb von 24 Stunden: sealroom company "
    "device install ANTWORT\nSo lange wartet das neue Gerät: lassen Sie es laufen. Sein Fingerabdruck, den "
    "es selbst auch zeigt, muss unter denen stehen, die unterschrieben werden:\n{digits}",
    "renewal.compare": "Jeden dieser Fingerabdrücke haben Sie schon einmal unterschrieben, außer dem eines "
    "neuen Geräts, das angefragt wurde, so wie dessen eigener Bildschirm ihn zeigt. Fehlt dieser, oder steht "
    "da ein anderer, den Sie nicht schon einmal unterschrieben haben, geben Sie die Antwort nicht weiter.",
    "device.installed": "{short} gehört nun zum Unternehmen.",
    "device.cancelled": "Es ist kein Gerät mehr angefragt. Vernichten Sie eine Antwort, die unterschrieben "
    "wurde. Ist eine eingesetzt, steht ihr Gerät in der Liste: nehmen Sie es mit sealroom company suspend "
    "heraus.",
    "error.renewal.offline": "das Relay hat nicht gezeigt, ob es eine neuere Geräteliste gibt; es ist nichts "
    "geschehen",
    "hint.renewal.offline": "versuchen Sie es wieder, wenn das Relay zu erreichen ist",
    "error.renewal.waiting": "die Geräteliste ist eingesetzt, aber das Relay hat sie noch nicht",
    "hint.renewal.waiting": "der nächste Befehl, der das Relay erreicht, übergibt sie",
    "error.config.list_outdated": "diese Antwort wurde vor der Geräteliste erbeten, die jetzt gilt",
    "hint.config.list_outdated": "vernichten Sie die Antwort; stellen Sie eine neue Anfrage, lassen Sie "
    "diese unterschreiben, und setzen Sie das ein",
    "mandate.signed": "Unterschrieben für Konto {id}: Mandat {seq}, bis {date}. Aufsicht: {supervisors}. "
    "Gesperrt: {suspended}. Seiten: {origins}. {login}",
    "mandate.login": "Es nennt einen Schlüssel für Anmeldungen.",
    "mandate.no_login": "Es nennt keinen Schlüssel für Anmeldungen.",
    "mandate.installed": "Eingesetzt. Die Tür neu schreiben: sealroom company door DATEI --force",
    "notice.kept": "Aufgehoben. Er gilt, sobald ein Mandat unterschrieben ist: sealroom company mandate "
    "request DATEI",
    "notice.signed": "Unterschrieben für Konto {id}: Hinweistext {number} von {company}, in {locales}, "
    "Relay {relay}.",
}
