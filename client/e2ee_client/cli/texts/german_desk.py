"""What the command line says of the desk, in German."""

from __future__ import annotations

from typing import Final

GERMAN_DESK: Final[dict[str, str]] = {
    "help.desk_command": "den Arbeitsplatz in einem Browser dieses Rechners zeigen; `serve` betreibt den "
    "Empfang des Unternehmens",
    "help.desk_action": "page (auch ohne Angabe): für einen Menschen; serve: begrüßt, verteilt, gewährt, "
    "bis Strg-C",
    "help.desk_port": "Port der Seite auf diesem Rechner (0: ein freier)",
    "help.desk_lock": "die Seite nach so vielen Minuten ohne Benutzung sperren ({default})",
    "help.desk_no_browser": "keinen Browser öffnen, nur die Adresse ausgeben",
    "help.desk_settings": "Einstellungen von `serve`: Begrüßung, Zeiten, Verteilung, Mail, Webhook",
    "desk.at": "Öffnen Sie diese Adresse binnen zehn Minuten in einem Browser hier; sie gilt einmal.\n"
    "Die Eingabetaste gibt eine neue, Strg-C beendet den Arbeitsplatz.",
    "desk.shared": "Nur auf einem eigenen Rechner: Wer hier Ihre Anmeldung benutzt, liest mit.",
    "desk.no_browser": "Es ließ sich kein Browser öffnen; kopieren Sie die Adresse.",
    "desk.serves": "Der Empfang ist an, bis Strg-C.",
    "error.desk.missing": "der Arbeitsplatz braucht Bibliotheken, die nicht installiert sind",
    "hint.desk.missing": "pip install 'sealroom[desk]'",
}
