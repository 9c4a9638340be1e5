"""What the command line says, in German. The keys are those of the English texts."""

from __future__ import annotations

from typing import Final

from .german_causes import GERMAN_CAUSES
from .german_desk import GERMAN_DESK
from .german_erasing import GERMAN_ERASING
from .german_files import GERMAN_FILES
from .german_logins import GERMAN_LOGINS
from .german_recovery import GERMAN_RECOVERY
from .german_rooms import GERMAN_ROOMS
from .german_signing import GERMAN_SIGNING
from .german_web import GERMAN_WEB
from .german_words import GERMAN_WORDS
from .guard import GERMAN_GUARD
from .successors import GERMAN_SUCCESSORS
from .transcripts import GERMAN_TRANSCRIPTS

GERMAN: Final[dict[str, str]] = {
    # --- help ---
    "help.program": "Ende-zu-Ende-verschlüsselte Gespräche über einen Übertragungsdienst (Relay), der sie "
    "nicht lesen kann.",
    "help.usage": "Aufruf: ",
    "help.commands": "Befehle",
    "help.arguments": "Angaben",
    "help.options": "Optionen",
    "help.common": "Optionen jedes Befehls",
    "help.help": "diese Hilfe zeigen und enden",
    "help.version": "die Version zeigen und enden",
    "help.exit": """Rückgabewert:
  0    erledigt
  1    aus anderem Grund gescheitert; die Fehlerzeile sagt, welchem
  2    Aufruf, Karte, Text oder Datei sind nicht brauchbar
  3    Speicher oder Sicherung sind nicht brauchbar: fehlt, anderswo offen, beschädigt, voll
  4    die Passphrase ist falsch oder fehlt
  5    kein solcher Kontakt, Raum oder Kollege, oder mehrere
  6    das Relay antwortet nicht oder nicht rechtzeitig; was gesendet werden sollte, bleibt aufgehoben
  7    die Identität des Kontakts ist zu prüfen, eine Sicherheitsnummer weicht ab, ein Protokoll hält
       nicht, oder eine Website ist nicht, wie sie sein muss
  8    eine Nachricht wird nicht zugestellt, oder der Raum lässt es nicht zu
  9    ein Protokoll hält, aber nicht alles darin ließ sich beurteilen
  130  mit Strg-C beendet     143  durch ein Signal beendet

Umgebung:
  SEALROOM_STORE              Pfad des Speichers
  SEALROOM_PASSPHRASE         Passphrase des Speichers
  SEALROOM_BACKUP_PASSPHRASE  Passphrase einer Sicherung oder eines ausgelagerten Kontoschlüssels
  SEALROOM_CA_FILE            vertraute Zertifizierungsstellen für wss://, wie --ca-file
  SEALROOM_REGISTRATION       was ein Relay mit geschlossener Anmeldung verlangt
  LC_ALL, LC_MESSAGES, LANG   Sprache (de, sonst Englisch)""",
    "help.init": "ein neues Konto in einem neuen Speicher anlegen und den Wiederherstellungsschlüssel "
    "einmal zeigen",
    "help.card": "die eigene Kontaktkarte zeigen, als URI und am Terminal als QR-Code",
    "help.add": "einen Kontakt über seine Karte hinzufügen; mit --name auch einen umbenennen",
    "help.contacts": "die Kontakte auflisten, mit der Zahl ihrer ungelesenen Texte",
    "help.accept": "jemanden annehmen, der zuerst geschrieben hat",
    "help.verify": "die Sicherheitsnummer zum Vergleich mit einem Kontakt zeigen",
    "help.send": "einen Text senden und warten, bis ihn das Relay hat",
    "help.listen": "verbunden bleiben und ausgeben, was geschieht, je Ereignis eine Zeile, bis Strg-C",
    "help.history": "die mit einem Kontakt gewechselten Texte ausgeben",
    "help.chat": "im Terminal mit einem Kontakt sprechen",
    "help.export_key": "der ausgelagerte Kontoschlüssel, wenn er woanders liegt; seine Passphrase ist auch "
    "die der Sicherung",
    "help.export": "eine verschlüsselte Sicherung schreiben: Kontoschlüssel, Kontakte und Verlauf",
    "help.restore": "dieses Gerät zum neuen Gerät des gesicherten Kontos machen",
    "help.forget": "einen Kontakt mit Texten und Schlüsseln löschen, hier und am Relay",
    "help.account_key": "den Kontoschlüssel getrennt von diesem Gerät aufbewahren",
    "help.account_key.export": "den Kontoschlüssel in eine verschlüsselte Datei schreiben",
    "help.account_key.remove": "den Kontoschlüssel aus diesem Speicher entfernen; vorher auslagern",
    "help.renewal": "die Geräteliste eines Kontos erneuern, dessen Schlüssel woanders liegt",
    "help.renewal.request": "schreiben, was der Kontoschlüssel unterschreiben soll",
    "help.renewal.sign": "eine Anfrage mit dem ausgelagerten Kontoschlüssel unterschreiben; ohne Speicher "
    "und Netz",
    "help.renewal.install": "die unterschriebene Antwort einsetzen",
    "help.store": "Pfad des Speichers (SEALROOM_STORE, sonst im Datenordner)",
    "help.lang": "Sprache: en oder de",
    "help.passphrase_fd": "die Passphrase aus diesem Dateideskriptor lesen, bis zum Ende der ersten Zeile",
    "help.ca_file": "für wss:// den Zertifizierungsstellen dieser PEM-Datei vertrauen, statt denen des "
    "Systems (SEALROOM_CA_FILE)",
    "help.backup_passphrase_fd": "die Passphrase der Sicherung aus diesem Dateideskriptor lesen",
    "help.relay": "wo Ihre Nachrichten auf Sie warten: wss://Rechner, oder ws:// auf diesem Gerät",
    "help.name": "Ihr Name, wie er auf Ihrer Karte steht; ihn erfährt nur, wer die Karte bekommt",
    "help.contact_name": "der Name des Kontakts auf diesem Gerät",
    "help.kind": "wer hier antwortet (person)",
    "help.publish": "ein Eintrag im Verzeichnis des Relays: Ihre Karte genügt dann, um Ihnen zu schreiben",
    "help.read_receipts": "Kontakten mitteilen, wann ihre Texte gelesen wurden",
    "help.json": "JSON ausgeben",
    "help.offline": "zeigen, was auf diesem Gerät ist, ohne vorher das Relay zu fragen",
    "help.qr": "den QR-Code auch ausgeben, wenn die Ausgabe kein Terminal ist",
    "help.card_text": "Kontaktkarte: ihre URI oder ihr JSON, oder - für die Eingabe; mit --name auch ein "
    "Kontakt",
    "help.contact": "Name eines Kontakts oder dessen Anfang, der Anfang seiner Kennung oder seine Karte",
    "help.mark": "vermerken, dass Sie die Nummer verglichen haben und sie gleich ist",
    "help.unmark": "den Vermerk zurücknehmen",
    "help.compare": "mit den Ziffern oder dem QR-Text der anderen Seite vergleichen",
    "help.text": "der Text, oder - für die Eingabe",
    "help.wait": "wie weit der Text kommen soll: queued, sent oder delivered (sent)",
    "help.timeout": "wie viele Sekunden höchstens gewartet wird ({default})",
    "help.count": "nach so vielen Texten enden",
    "help.texts_only": "nur Texte ausgeben",
    "help.last": "nur so viele der neuesten Texte",
    "help.plain": "Zeilen statt des ganzen Bildschirms; so auch ohne Terminal",
    "help.file": "die Datei, die geschrieben wird",
    "help.backup_file": "die Sicherung, die gelesen wird",
    "help.request_file": "die Anfrage",
    "help.answer_file": "die unterschriebene Antwort",
    "help.key_file": "der ausgelagerte Kontoschlüssel",
    "help.recovered": "das Konto wurde mit seinem Code wiederhergestellt: auch eine Nummer über 2^30 "
    "unterschreiben",
    "help.force": "die Datei ersetzen, wenn es sie gibt",
    "help.all": "alle Kontakte",
    "help.yes": "nicht nachfragen",
    # --- prompts ---
    "ask.passphrase": "Passphrase: ",
    "ask.new_passphrase": "Neue Passphrase (mindestens {least} Zeichen): ",
    "ask.again": "Noch einmal dieselbe: ",
    "ask.backup_passphrase": "Passphrase der Datei: ",
    "ask.new_backup_passphrase": "Neue Passphrase für die Datei (mindestens {least} Zeichen): ",
    "ask.forget": "{name} ({short}) mit allen Texten vergessen? Sie sind nicht zurückzuholen. [j/N] ",
    "ask.forget_all": "Alle Kontakte mit allen Texten vergessen? Sie sind nicht zurückzuholen. [j/N] ",
    "ask.remove_key": "Den Kontoschlüssel aus diesem Speicher entfernen? Ohne ausgelagerte Kopie endet das "
    "Konto mit seiner Geräteliste. [j/N] ",
    "ask.yes": "j ja",
    # --- results ---
    "init.made": "Konto {id} in {path}",
    "init.recovery": "Wiederherstellungsschlüssel, nur jetzt zu sehen. Schreiben Sie ihn auf und bewahren "
    "Sie ihn getrennt von diesem Gerät auf:",
    "init.published": "Veröffentlicht bei {relay}.",
    "init.next": "Ihre Kontaktkarte (auch mit: sealroom card):",
    "add.added": "{name} ({id}) hinzugefügt.",
    "add.known": "{name} ({id}) ist schon ein Kontakt.",
    "add.compare": "Vergleichen Sie die Sicherheitsnummer, bevor Sie vertrauen: sealroom verify {short}",
    "contacts.none": "Noch keine Kontakte. Hinzufügen: sealroom add KARTE",
    "contacts.accepted": "angenommen",
    "contacts.waiting": "nicht angenommen",
    "contacts.verified": "verglichen",
    "contacts.alarm": "ALARM {code}",
    "contacts.unread": "{count} ungelesen",
    "fetch.slow": "Das Relay hat nicht rechtzeitig geantwortet; dies war vorher bekannt.",
    "fetch.failed": "Dies war vorher bekannt: {reason}",
    "passphrase.weak": "Warnung: {reason}; wer die Datei bekommt, findet sie womöglich durch Probieren",
    "accept.done": "{name} ist angenommen.",
    "verify.number": "Sicherheitsnummer mit {name}. Sie muss auf beiden Seiten dieselbe sein:",
    "verify.health": "Schlüssel zuletzt erneuert: {classical}; gegen Quantencomputer: {quantum}.",
    "age.days": "vor {count} Tagen",
    "age.days.one": "vor {count} Tag",
    "age.hours": "vor {count} Stunden",
    "age.hours.one": "vor {count} Stunde",
    "age.minutes": "vor {count} Minuten",
    "age.minutes.one": "vor {count} Minute",
    "age.now": "gerade eben",
    "verify.is_verified": "Als verglichen vermerkt.",
    "verify.not_verified": "Noch nicht verglichen. Wenn sie gleich ist: sealroom verify {short} --mark",
    "verify.marked": "{name} ist als verglichen vermerkt.",
    "verify.unmarked": "{name} ist nicht mehr als verglichen vermerkt.",
    "verify.equal": "Die Sicherheitsnummern sind gleich.",
    "send.meanwhile": "{count} neue Texte von {name} sind inzwischen gekommen: sealroom history {short}",
    "send.meanwhile.one": "{count} neuer Text von {name} ist inzwischen gekommen: sealroom history {short}",
    "export.done": "Sicherung geschrieben: {path}. Sie öffnet sich allein mit ihrer Passphrase.",
    "restore.done": "Konto {id} wiederhergestellt in {path}. Das Gerät der Sicherung ist gestrichen.",
    "forget.done": "{name} ist vergessen.",
    "forget.later": "Das Relay war nicht zu erreichen; was dort wartet, läuft von selbst ab.",
    "key.exported": "Kontoschlüssel geschrieben: {path}. Bewahren Sie ihn ohne Netz auf.",
    "key.removed": "Der Kontoschlüssel ist entfernt. Die Geräteliste ist vor dem {date} zu erneuern.",
    "renewal.requested": "Anfrage geschrieben: {path}. Unterschreiben Sie sie dort, wo der Kontoschlüssel "
    "liegt.",
    "renewal.signed": "Unterschrieben für Konto {id}: {count} Geräte, Liste {seq}, bis {date}.",
    "renewal.signed.one": "Unterschrieben für Konto {id}: {count} Gerät, Liste {seq}, bis {date}.",
    "renewal.installed": "Eingesetzt. Die Geräteliste gilt nun bis {date}.",
    # --- message states ---
    "state.queued": "wartet",
    "state.sent": "beim Relay",
    "state.delivered": "zugestellt",
    "state.read": "gelesen",
    "state.failed": "gescheitert",
    # --- events ---
    "event.contact_added": "{name} schreibt zum ersten Mal. Annehmen: sealroom accept {short}",
    "event.session_started_without": "Sitzung mit {name} begonnen, ohne Einmalschlüssel: deren erste Texte "
    "hängen an Schlüsseln, die einige Wochen aufbewahrt werden",
    "event.session_started": "Sitzung mit {name} begonnen",
    "event.message_rejected": "etwas wurde abgewiesen und verworfen: {why}",
    "event.message_rejected_list_gap": "das Relay zeigt nicht, wie die Geräteliste von {name} an die hier "
    "bekannte anschließt; die nächste Nachricht von {name} kann das klären. Bleibt es tagelang so: sealroom "
    "forget {short}, dann den Kontakt neu hinzufügen und neu prüfen",
    "event.unsupported_content": "{name} hat etwas geschickt, das diese Version nicht kennt; bitte erneuern",
    "event.identity_alarm": "ALARM: Die Identität von {name} stimmt nicht: {why} ({code}). "
    "Vergleichen Sie die Sicherheitsnummer: sealroom verify {short}",
    "event.new_device": "{name} hat ein neues Gerät",
    "event.device_removed": "{name} hat ein Gerät entfernt",
    "event.own_device_added": "Ihr Konto hat ein weiteres Gerät; wenn es niemand eingeladen hat, "
    "hat jemand anderes den Kontoschlüssel",
    "event.own_device_added_here": "das hier aufgenommene Gerät gehört nun zu Ihrem Konto",
    "event.own_device_removed": "ein Gerät Ihres Kontos wurde entfernt",
    "event.team_unknown": "zurzeit ist nicht bekannt, wer von {name} antworten darf: Nachrichten warten",
    "event.company_fork": "{name} hat zwei Dokumente unter einer Nummer unterschrieben ({kind}); "
    "eines davon gilt",
    "event.own_condition_active": "dieses Gerät ist von seinem Unternehmen nicht mehr gesperrt",
    "event.own_condition_locked": "dieses Gerät wurde von seinem Unternehmen gesperrt, und seine Räume "
    "mit ihm",
    "event.own_condition_dropped": "dieses Gerät gehört nicht mehr zu seinem Unternehmen: seine Räume werden "
    "gelöscht",
    "event.mandate_signed": "Ihr Unternehmen hat ein neues Mandat: legen Sie die neue Türdatei auf Ihren "
    "Webserver",
    "event.signing_stopped": "für Ihr Unternehmen wird zurzeit nichts unterschrieben",
    "event.company_keys_expiring": "Geräteliste und Mandat Ihres Unternehmens binnen {days} Tagen "
    "unterschreiben lassen: sealroom renewal request DATEI, sealroom company mandate request DATEI",
    "event.company_keys_expiring.one": "Geräteliste und Mandat Ihres Unternehmens binnen {days} Tag "
    "unterschreiben lassen: sealroom renewal request DATEI, sealroom company mandate request DATEI",
    "event.roster_expiring": "die Liste Ihres Unternehmens, wer antwortet, endet am {date}, wenn der "
    "erste Empfang bis dahin nicht verbunden ist: danach kommt auf beiden Seiten nichts an, bis er es ist",
    "event.device_list_expiring": "öffnen Sie bis {date} das Gerät, das Sie zuerst eingerichtet haben: es "
    "erneuert die Liste Ihrer Geräte, ohne die dieses danach nichts mehr sendet. Liegt der Kontoschlüssel "
    "woanders: sealroom renewal request DATEI",
    "event.prekeys_low": "Schlüssel für neue Kontakte werden knapp (noch {one_time_x25519}, "
    "{one_time_kem}); neue folgen",
    "event.prekeys_gone": "Schlüssel für neue Kontakte sind verbraucht: erste Texte sind schwächer "
    "geschützt, bis in Minuten neue folgen. Geschieht das oft, verbraucht sie vielleicht jemand mit Absicht",
    "event.connection_online": "verbunden mit {relay}",
    "event.connection_connecting": "verbindet sich mit {relay}",
    "event.connection_offline": "nicht verbunden mit {relay}",
    "event.connection_offline_because": "nicht verbunden mit {relay}: {reason}",
    "event.connection_entry_waits": "{relay} nimmt im Moment nicht an, was dieses Konto veröffentlicht; "
    "es wird von selbst wieder versucht, und Gespräche gehen weiter. Bis dahin finden neue Kontakte Sie "
    "vielleicht nicht, und andere wissen von entfernten Geräten und Änderungen im Team nichts",
    "event.connection_forked": "nicht verbunden mit {relay}: Dort steht unter derselben Nummer eine andere "
    "Geräteliste Ihres Kontos. Ansehen, von welchen Geräten sie ist, und übernehmen, wenn es Ihre sind: "
    "sealroom renewal follow",
    "event.events_missed": "{count} Ereignisse waren zu viele; siehe Verlauf",
    "event.events_missed.one": "{count} Ereignis war zu viel; siehe Verlauf",
    "event.store_trouble": "der Speicher nimmt keine Änderungen an: {why} ({code})",
    "event.message_state": "Text {number} an {name}: {state}",
    "event.second_copy": "EINE ZWEITE KOPIE DIESES SPEICHERS LÄUFT: beenden Sie eine der beiden, sonst "
    "gehen Texte verloren",
    "event.copy_stopped": "EINE ZWEITE KOPIE DIESES SPEICHERS BENUTZT IHR KONTO: Diese Kopie hat angehalten "
    "und sendet nichts mehr. Schreiben Sie in der anderen Kopie weiter und löschen Sie diese. Gibt es keine "
    "andere, hat jemand eine Kopie Ihres Speichers: Legen Sie hier eine Sicherung an und stellen Sie sie "
    "wieder her; das schließt beide Kopien aus. Hat Ihr Konto einen Wiederherstellungscode, kann es auch "
    "dieser sein: Sagen Sie es dann dem Unternehmen am Telefon oder persönlich, und beginnen Sie neu",
    "event.device_replaced": "DIESES GERÄT GEHÖRT NICHT MEHR ZU IHREM KONTO: Eine wiederhergestellte "
    "Sicherung hat es "
    "ersetzt, oder es wurde gestrichen. Was Sie hier schreiben, erreicht niemanden. "
    "Schreiben Sie am neuen Gerät weiter; wissen Sie von keinem, hat jemand Ihren "
    "Wiederherstellungsschlüssel oder eine Sicherung",
    "event.gap": "Texte von {name} fehlen; sie werden noch einmal verlangt",
    "event.gap_filled": "Texte von {name}, die fehlten, sind gekommen",
    "event.parted": "{name} schreibt von einem älteren Stand aus weiter, oder von einer Kopie: auf beiden "
    "Seiten können Texte fehlen",
    "event.rolled_back": "Dieser Speicher ist älter als das, was {name} von ihm kennt: er wurde "
    "zurückgesetzt, "
    "oder eine Kopie ist in Gebrauch",
    "event.unconfirmed": "{name} hat einige Ihrer Texte nicht bestätigt; senden Sie Wichtiges noch einmal",
    "event.unreachable": "{name} ist nicht zu erreichen: lassen Sie sich auf anderem Weg eine neue "
    "Kontaktkarte "
    "geben",
    "event.churn": "Sitzungen mit {name} werden ungewöhnlich oft erneuert; vielleicht ist dasselbe Konto an "
    "zwei Orten in Gebrauch",
    "event.list_stale": "Die Geräteliste von {name} ist abgelaufen: es wird nichts gesendet, bis eine neue "
    "da ist",
    # --- chat ---
    "chat.you": "Sie",
    "chat.verified": "verglichen",
    "chat.not_verified": "nicht verglichen",
    "chat.not_accepted": "nicht angenommen: Ihre Antwort nimmt an",
    "chat.online": "verbunden",
    "chat.connecting": "verbindet sich",
    "chat.offline": "nicht verbunden",
    "chat.legend": "{queued} wartet  {sent} beim Relay  {delivered} zugestellt  {read} gelesen  {failed} "
    "gescheitert",
    "chat.keys": "Eingabe sendet · Alt+Eingabe neue Zeile · Bild auf/ab · /help · Strg-C beendet",
    "chat.begin": "Gespräch mit {name}. Jede Zeile wird gesendet; Ende mit Strg-D.",
    "chat.other": "{name} hat geschrieben: /chat {short}",
    "chat.sent": "gesendet {time}",
    "chat.forgotten": "vergessen",
    "chat.not_compared": "Noch nicht verglichen. Wenn sie gleich ist: /mark",
    "chat.no_command": "/{word} gibt es nicht; siehe /help (ein Text, der mit / beginnt, wird mit // "
    "geschrieben)",
    "chat.help": "/contacts  Ihre Kontakte, und wer geschrieben hat\n"
    "/chat NAME  zu einem anderen Kontakt wechseln\n"
    "/verify  die Sicherheitsnummer zeigen, zum Vergleich am Telefon oder persönlich\n"
    "/mark  vermerken, dass sie gleich ist   /unmark  den Vermerk zurücknehmen\n"
    "/accept  jemanden annehmen, der zuerst schrieb   /name NAME  den Kontakt benennen\n"
    "/card  die eigene Karte zeigen   /quit  beenden (auch Strg-C)\n"
    "Eingabe sendet, Alt+Eingabe beginnt eine neue Zeile, Bild auf/ab blättert.\n"
    "Ein Text, der mit / beginnt, wird mit // geschrieben.",
    "chat.line_state": "[{number}] {state}",
    # --- errors: one line each, and what to do ---
    "error.word": "Fehler",
    "hint.word": "Hinweis",
    "error.unknown": "es ist gescheitert",
    "error.usage.invalid": "{detail}",
    "hint.usage.invalid": "siehe: {program} --help",
    "error.passphrase.missing": "eine Passphrase wird gebraucht, und es gibt kein Terminal, um zu fragen",
    "hint.passphrase.missing": "setzen Sie {variable} oder geben Sie {option} N an",
    "error.passphrase.unreadable": "die Passphrase ist aus dem Dateideskriptor {fd} nicht zu lesen",
    "hint.passphrase.unreadable": "öffnen Sie ihn zum Lesen und schreiben Sie eine Zeile UTF-8 hinein",
    "error.passphrase.empty": "die Passphrase ist leer",
    "hint.passphrase.empty": "wählen Sie eine aus mehreren Wörtern",
    "error.passphrase.short": "eine Passphrase hat mindestens {least} Zeichen",
    "hint.passphrase.short": "nehmen Sie vier oder fünf Wörter, die nicht zusammengehören, mit Leerzeichen "
    "dazwischen",
    "error.passphrase.common": "diese Passphrase gehört zu den ersten, die probiert werden",
    "hint.passphrase.common": "nehmen Sie vier oder fünf Wörter, die nicht zusammengehören, mit "
    "Leerzeichen dazwischen",
    "error.passphrase.mismatch": "die beiden Passphrasen sind verschieden",
    "hint.passphrase.mismatch": "es wurde nichts geändert; noch einmal versuchen",
    "error.contact.ambiguous": "mehrere Kontakte passen: {names}",
    "hint.contact.ambiguous": "geben Sie mehr von der Kennung an",
    "error.contact.name": "ein Name hat 1 bis 64 druckbare Zeichen",
    "error.file.exists": "die Datei {path} gibt es schon",
    "hint.file.exists": "wählen Sie einen anderen Namen, oder ersetzen Sie sie mit --force",
    "error.file.failed": "{path}: {reason}",
    "error.file.large": "{path} ist zu groß für eine solche Datei",
    "error.file.certificates": "{path} enthält keine brauchbaren Zertifikate",
    "hint.file.certificates": "geben Sie die PEM-Datei mit dem Zertifikat der Stelle an, die das Relay "
    "beglaubigt",
    "error.file.relay": "das Relay nimmt die Datei nicht an oder hat sie nicht mehr",
    "hint.file.relay": "sie ist vielleicht zu groß oder dort abgelaufen; bitten Sie erneut darum",
    "error.input.encoding": "die Eingabe ist kein UTF-8",
    "error.input.missing": "der Text fehlt, und es gibt kein Terminal, um zu fragen",
    "hint.input.missing": "geben Sie ihn als Argument an, oder - für die Eingabe",
    "error.confirm.missing": "das ist nicht zurückzuholen, und es gibt kein Terminal, um zu fragen",
    "hint.confirm.missing": "geben Sie --yes an",
    "error.confirm.declined": "es wurde nichts geändert",
    "error.verify.different": "die Sicherheitsnummern sind VERSCHIEDEN: es kann jemand dazwischen stehen",
    "hint.verify.different": "vertrauen Sie diesem Kontakt nicht, bis Sie wissen, warum",
    "error.publish.pending": "das Konto ist angelegt, aber das Relay kennt es noch nicht",
    "hint.publish.pending": "prüfen Sie das Relay; `sealroom listen` veröffentlicht, sobald es antwortet",
    "error.send.kept": "das Relay hat den Text nicht rechtzeitig angenommen; er bleibt aufgehoben und geht "
    "später ab",
    "hint.send.kept": "er geht mit dem nächsten send, listen oder chat ab",
    "error.send.undelivered": "das Relay hat den Text, aber von der anderen Seite kam rechtzeitig kein "
    "Zeichen",
    "hint.send.undelivered": "er wird zugestellt, wenn die andere Seite verbunden ist",
    "error.store.locked": "der Speicher ist in einem anderen Programm offen",
    "hint.store.locked": "beenden Sie das andere Programm, das ihn benutzt, und versuchen Sie es noch einmal",
    "error.store.busy": "das Konto ist in einem anderen Terminal offen, mit chat oder listen; {command} "
    "braucht "
    "es für sich allein",
    "hint.store.busy": "beenden Sie es dort (Strg-C) und versuchen Sie es noch einmal; in einem chat "
    "wechselt "
    "/chat NAME den Kontakt",
    "error.store.wrong_key": "die Passphrase öffnet den Speicher nicht",
    "hint.store.wrong_key": "prüfen Sie die Passphrase; ist sie richtig, ist der Kopf beschädigt: "
    "Sicherung benutzen",
    "error.store.corrupt": "der Speicher ist beschädigt oder wurde verändert, während er geschlossen war",
    "hint.store.corrupt": "heben Sie die Datei auf; eine Sicherung bringt Kontakte und Texte in einen neuen "
    "Speicher, Räume nicht",
    "error.store.full": "kein Platz für den Speicher; es wurde nichts geändert",
    "hint.store.full": "schaffen Sie Platz und versuchen Sie es noch einmal",
    "error.store.too_new": "der Speicher hat ein neueres Format, als dieses Programm kennt",
    "hint.store.too_new": "erneuern Sie das Programm",
    "error.store.too_old": "ein früheres Programm hat den Speicher in einem Format geschrieben, das dieses "
    "nicht mehr liest",
    "hint.store.too_old": "es wurde nichts geändert: öffnen Sie ihn mit dem Programm, das ihn geschrieben "
    "hat; eine Sicherung bringt Kontakte und Texte in einen neuen, Räume nicht",
    "error.store.exists": "unter {store} gibt es schon eine Datei",
    "hint.store.exists": "benutzen Sie sie ohne init, oder wählen Sie mit --store einen anderen Pfad",
    "error.store.missing": "unter {store} gibt es keinen Speicher",
    "hint.store.missing": "legen Sie ihn mit sealroom init an, oder geben Sie seinen Pfad mit --store an",
    "error.store.unavailable": "das System verweigert den Zugriff auf den Speicher unter {store}",
    "hint.store.unavailable": "prüfen Sie den Datenträger und die Rechte von Datei und Ordner",
    "error.store.closed": "der Speicher ist geschlossen",
    "error.store.misuse": "ein Wert liegt außerhalb des Bereichs: {detail}",
    "error.store": "der Speicher kann das nicht",
    "error.backup": "die Sicherung ist nicht brauchbar",
    "error.backup.wrong_key": "die Passphrase öffnet die Datei nicht",
    "hint.backup.wrong_key": "prüfen Sie die Passphrase; ist sie richtig, ist die Datei beschädigt",
    "error.backup.corrupt": "die Datei ist keine solche Sicherung, oder sie ist beschädigt",
    "hint.backup.corrupt": "benutzen Sie eine andere Kopie",
    "error.backup.too_new": "die Datei hat ein neueres Format, als dieses Programm kennt",
    "hint.backup.too_new": "erneuern Sie das Programm",
    "error.message.unknown": "es gibt keine solche Nachricht",
    "hint.message.unknown": "siehe sealroom history KONTAKT",
    "error.contact.unknown": "es gibt keinen solchen Kontakt",
    "hint.contact.unknown": "siehe sealroom contacts, oder hinzufügen: sealroom add KARTE",
    "error.contact.blocked": "die Identität des Kontakts hat Alarm ausgelöst; es wird nichts gesendet",
    "hint.contact.blocked": "vergleichen Sie die Sicherheitsnummer auf anderem Weg, dann: "
    "sealroom verify KONTAKT --mark",
    "error.message.empty": "der Text ist leer",
    "error.message.too_large": "der Text ist zu lang für eine Nachricht",
    "hint.message.too_large": "teilen Sie ihn",
    "error.message.failed": "der Text wird nicht zugestellt: {detail}",
    "hint.message.failed": "lassen Sie sich die Karte des Kontakts neu geben und senden Sie den Text noch "
    "einmal",
    "error.config.invalid": "ein Wert ist nicht brauchbar: {detail}",
    "error.account.key_here": "der Kontoschlüssel ist auf diesem Gerät: es erneuert die Liste selbst",
    "hint.account.key_here": "es ist nichts zu tun; um woanders unterschreiben zu lassen, nehmen Sie den "
    "Schlüssel erst weg: sealroom account-key export DATEI, danach sealroom account-key remove",
    "error.account.key_absent": "der Kontoschlüssel ist nicht auf diesem Gerät",
    "hint.account.key_absent": "benutzen Sie ihn dort, wo er liegt: sealroom renewal, "
    "sealroom company mandate, sealroom company notice, sealroom company device; oder bringen Sie ihn für "
    "eine Sicherung hierher: sealroom export --account-key SCHLÜSSEL DATEI",
    "error.account.replaced": "dieses Gerät gehört nicht mehr zum Konto: ein anderes ist an seiner Stelle",
    "hint.account.replaced": "nutzen Sie das neue Gerät, oder stellen Sie hier eine Sicherung wieder her",
    "error.account.list_over": "die Liste Ihrer Geräte ist abgelaufen: was dieses schreibt, käme nicht "
    "an; es wurde nichts gesendet",
    "hint.account.list_over": "stimmt das Datum dieses Geräts? Dann öffnen Sie das Gerät, das Sie zuerst "
    "eingerichtet haben, und lassen Sie beide eine Minute online; ist es verloren, beginnen Sie neu: "
    "sealroom room recover mit Ihrem Wiederherstellungscode, oder ein anderer --store; liegt der "
    "Kontoschlüssel woanders: sealroom renewal request DATEI",
    "error.account.second_copy": "eine zweite Kopie dieses Speichers benutzt das Konto; diese Kopie hat "
    "angehalten",
    "hint.account.second_copy": "nutzen Sie die andere Kopie und löschen Sie diese; gibt es keine andere: "
    "sealroom export DATEI, dann sealroom restore DATEI mit einem anderen --store",
    "error.card.invalid": "das ist keine Kontaktkarte, oder sie hat einen Tippfehler",
    "hint.card.invalid": "kopieren Sie die ganze Karte noch einmal, und setzen Sie sie in Anführungszeichen",
    "error.device.unknown": "das Konto hat kein solches Gerät",
    "error.device.too_many": "das Konto hat so viele Geräte, wie es haben darf",
    "error.link.code": "diese Einladung gilt nicht: ein Code eines anderen Kontos, oder ein zweites Gerät",
    "hint.link.code": "vergleichen Sie die Kontaktkarte des Unternehmens, und machen Sie einen neuen Code",
    "error.link.second": "mit diesem Code kam ein zweites Gerät: keines wurde aufgenommen",
    "hint.link.second": "jemand könnte den Code gesehen haben: machen Sie einen neuen, den niemand sieht",
    "error.link.clock": "die Uhren beider Geräte weichen um mehr als einen Tag ab: keines wurde aufgenommen",
    "hint.link.clock": "stellen Sie Datum und Uhr beider Geräte, und machen Sie einen neuen Code",
    "error.link.left": "das neue Gerät war nicht mehr da und wurde nicht aufgenommen",
    "hint.link.left": "machen Sie einen neuen Code, und lassen Sie das neue Gerät offen, bis es fertig ist",
    "error.link.expired": "auf diese Einladung wartet niemand mehr",
    "hint.link.expired": "machen Sie einen neuen Code, und lassen Sie beide Geräte online",
    "error.client.closed": "der Speicher wurde inzwischen geschlossen",
    "error.relay.certificate": "das Zertifikat des Relays ist ungültig",
    "hint.relay.certificate": "den Betreiber des Relays informieren; es wurde nichts gesendet",
    "error.relay.certificate_authority": "keine bekannte Stelle hat das Zertifikat des Relays signiert",
    "hint.relay.certificate_authority": "es wurde nichts gesendet; hat der Betreiber eine eigene Stelle, die "
    "Datei mit deren Zertifikat mit --ca-file nennen",
    "error.relay.certificate_expired": "das Zertifikat des Relays ist abgelaufen oder gilt noch nicht",
    "hint.relay.certificate_expired": "die Uhr dieses Geräts prüfen, dann den Betreiber fragen",
    "error.relay.certificate_name": "das Zertifikat des Relays gilt für einen anderen Namen",
    "hint.relay.certificate_name": "die Schreibweise der Adresse prüfen",
    "error.relay.dns": "zum Namen des Relays gibt es keine Adresse",
    "hint.relay.dns": "die Schreibweise der Adresse und das Netz prüfen",
    "error.relay.not_a_relay": "was unter dieser Adresse antwortet, ist kein Relay",
    "hint.relay.not_a_relay": "Adresse und Port prüfen, und ob ws:// oder wss:// richtig ist",
    "error.relay.not_followed": "ein Kontakt nennt ein nicht öffentliches Relay; es wird nicht verbunden",
    "hint.relay.not_followed": "den Kontakt um eine Adresse bei einem öffentlichen Relay bitten",
    "error.relay.refused": "unter der Adresse des Relays antwortet niemand",
    "hint.relay.refused": "den Port prüfen; vielleicht läuft das Relay nicht",
    "error.relay.timeout": "das Relay antwortet nicht rechtzeitig",
    "hint.relay.timeout": "das Netz und die Firewall prüfen",
    "error.relay.unavailable": "das Relay antwortet nicht",
    "hint.relay.unavailable": "prüfen Sie seine Adresse und das Netz",
    "error.wait.timeout": "es ist nicht rechtzeitig geschehen",
    "error.wait.refused": "dieses Gerät erreicht noch niemand, da das Relay seine Schlüssel nicht angenommen "
    "hat: {reason}",
    "hint.wait.refused": "warten Sie, es wird von selbst wieder versucht: sealroom agent run; bleibt es so, "
    "sagen Sie es dem Betreiber des Relays",
    "hint.wait.timeout": "es kann noch geschehen; länger warten mit --timeout",
    "error.sealroom": "es ist gescheitert: {detail}",
    **GERMAN_CAUSES,
    **GERMAN_DESK,
    **GERMAN_ROOMS,
    **GERMAN_GUARD,
    **GERMAN_TRANSCRIPTS,
    **GERMAN_SUCCESSORS,
    **GERMAN_FILES,
    **GERMAN_LOGINS,
    **GERMAN_RECOVERY,
    **GERMAN_SIGNING,
    **GERMAN_WEB,
    **GERMAN_WORDS,
    **GERMAN_ERASING,
}
