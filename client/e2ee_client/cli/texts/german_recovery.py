"""What the command line says of recovery codes, in German."""

from __future__ import annotations

from typing import Final

GERMAN_RECOVERY: Final[dict[str, str]] = {
    "help.room.code": "den Wiederherstellungscode zum Aufschreiben zeigen: nur er bringt Ihr Konto zurück",
    "help.room.recover": "alle Geräte verloren: mit dem Wiederherstellungscode mit dem eigenen Konto "
    "weitermachen",
    "recovery.code": "Ihr Wiederherstellungscode für {company}:\n\n  {code}\n",
    "recovery.keep": "Auf Papier schreiben, mit Namen und Seite des Unternehmens, und aufbewahren, wo "
    "niemand sonst nachsieht: wer ihn\nhat, kann als Sie schreiben. Er lässt sich nicht ändern.",
    "recovery.whose": "Nehmen Sie den Wiederherstellungscode von dem Papier, auf dem {company} steht.",
    "ask.recovery_written": "Enter drücken, wenn er aufgeschrieben ist: ",
    "ask.recovery_group": "Gruppe {group} des Codes: ",
    "recovery.kept": "Richtig. Der Code steht auf Papier.",
    "recovery.remind": "Geht dieses Gerät verloren, bringt nur ein Wiederherstellungscode Ihr Konto zurück: "
    "sealroom room code",
    "ask.recovery_code": "Wiederherstellungscode: ",
    "recovery.going_on": "mache mit Ihrem Konto weiter ...",
    "recovery.done": "Ihre früheren Geräte sind gestrichen, und das Unternehmen sieht ein neues Gerät. Was "
    "vorher geschrieben wurde,\nist nicht hier; bitten Sie das Unternehmen, daran anzuknüpfen.",
    "event.device_replaced_by_code": "JEMAND HAT IHR KONTO BENUTZT, MIT DEM WIEDERHERSTELLUNGSCODE ODER "
    "EINER KOPIE DIESES SPEICHERS, und konnte mitlesen und in Ihrem Namen schreiben; auch ein Speicher, der "
    "auf einen früheren Stand zurückgesetzt wurde, meldet das. Was Sie hier schreiben, erreicht niemanden. "
    "Waren Sie es nicht, sagen Sie es dem Unternehmen am Telefon oder persönlich, und beginnen Sie mit einem "
    "neuen Speicher",
    "event.own_device_listed": "EIN GERÄT, DAS HIER NICHT BEKANNT IST ({digits}), WURDE IHREM KONTO am "
    "{added} hinzugefügt und am {removed} wieder entfernt. Waren Sie es nicht, hat jemand Ihren "
    "Wiederherstellungscode oder eine Kopie Ihres Kontoschlüssels und konnte dazwischen mitlesen: sagen "
    "Sie es dem Unternehmen am Telefon oder persönlich, und beginnen Sie mit einem neuen Speicher",
    "error.recovery.code": "das ist nicht der Wiederherstellungscode",
    "hint.recovery.code": "Gruppe für Gruppe mit dem Papier vergleichen und neu eingeben",
    "error.recovery.group": "das ist nicht der Wiederherstellungscode: sehen Sie Gruppe {group} an",
    "hint.recovery.group": "diese Gruppe mit dem Papier vergleichen und den Code neu eingeben",
    "error.recovery.none": "dieses Gerät hat keinen Wiederherstellungscode",
    "hint.recovery.none": "ihn hat das erste Gerät eines Kontos; ein weiteres verbinden, oder eine Sicherung "
    "machen",
    "error.local.list_number": "für eine Geräteliste dieses Kontos ist keine Nummer mehr frei",
    "hint.local.list_number": "stellen Sie die Uhr dieses Geräts; geht sie richtig, kann dieses Konto "
    "nicht weitergeführt werden: legen Sie ein neues an",
    "error.backup.outdated": "das Konto wurde wiederhergestellt, nachdem diese Sicherung gemacht wurde",
    "hint.backup.outdated": "eine spätere Sicherung benutzen, oder den Wiederherstellungscode",
}
