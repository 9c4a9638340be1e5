"""What the command line says of a company's web pages, in German."""

from __future__ import annotations

from typing import Final

GERMAN_WEB: Final[dict[str, str]] = {
    "help.web": "die Webseiten des Unternehmens: bauen, vergleichen, prüfen",
    "help.web.build": "Raum, Knopf und Einstellungen für Webserver in einen Ordner schreiben, unterschrieben",
    "help.web.sign": "die Liste einer Site mit einem Kontoschlüssel unterschreiben, der woanders liegt",
    "help.web.install": "die woanders unterschriebene Liste in ihre Site legen",
    "help.web.verify": "vergleichen, was ausgeliefert wird, mit dem, was das Unternehmen unterschrieben hat; "
    "ohne Store",
    "help.web.check": "sagen, warum ein Raum auf seinem Host und in seinen Seiten nicht ginge; ohne Store",
    "help.web_config": "die Einstellungen: Raum, Seiten, und wie der Knopf aussieht",
    "help.web_out": "Ordner der Site; was ein früherer Lauf dort ließ, wird ersetzt",
    "help.web_signed": "die unterschriebene Liste",
    "help.web_folder": "der Ordner der Site",
    "help.web_url": "Adresse des Raums, oder der Ordner einer Site",
    "help.web_room": "Adresse des Raums, etwa https://chat.praxis.example/room.html",
    "help.web_company": "die Kontaktkarte des Unternehmens, oder die 64 Ziffern seines Kontos",
    "help.web_known": "eine früher aufgehobene Liste (.well-known/sealroom-assets): eine ältere ist ein "
    "Fehler",
    "help.web_page": "Adresse einer Seite mit dem Knopf; auch mehrmals",
    "web.made": "Die Liste hat die Nummer {seq} und gilt bis {date}: vorher neu bauen, auch nach jedem "
    "neuen Hinweis.",
    "help.company.origins": "die Hosts, die Ihre Tür zeigen dürfen; dazunehmen oder wegnehmen",
    "help.origins_add": "etwa https://chat.praxis.example; höchstens 4 insgesamt",
    "help.origins_remove": "einer, der sie nicht mehr zeigen darf",
    "origins.none": "Kein Host darf die Tür zeigen.",
    "origins.changed": "Mit einem neuen Mandat unterschrieben. Tür und Site neu machen: "
    "sealroom company door, sealroom web build.",
    "origins.elsewhere": "Der Kontoschlüssel liegt anderswo: das gilt, sobald dort ein neues Mandat "
    "unterschrieben ist (sealroom company mandate request).",
    "origins.kept": "Was Sie gewählt haben, ist gespeichert; noch nennt es kein Mandat.",
    "origins.named": "Bis ein neues Mandat gilt, dürfen diese die Tür zeigen: {origins}",
    "error.origins.no_notice": "nichts wurde unterschrieben: Ihr Unternehmen hat noch keinen Hinweistext",
    "hint.origins.no_notice": "sealroom company notice draft ORDNER, dann sealroom company publish",
    "error.origins.unsigned": "noch wurde nichts unterschrieben",
    "hint.origins.unsigned": "das geschieht, wenn das Relay antwortet: sealroom company origins zeigt es",
    "web.to_sign": "Der Kontoschlüssel liegt woanders. Lassen Sie {file} dort unterschreiben (sealroom "
    "web sign), dann sealroom web install.",
    "web.next": "Weiter: `room` auf {room} legen und `page` auf den Host der Seite, die Header nach "
    "`servers` setzen, snippet.html\neinfügen, dann sealroom web check und sealroom web verify.",
    "web.signed": "Unterschrieben: {path}. Eingelegt wird es mit: sealroom web install",
    "web.list": "Liste {seq} der Ausgabe {release}, {count} Dateien, unterschrieben am {made} von "
    "{account}, gültig bis {ends}",
    "web.list.one": "Liste {seq} der Ausgabe {release}, {count} Datei, unterschrieben am {made} von "
    "{account}, gültig bis {ends}",
    "web.holds": "Alles, wonach gefragt wurde, wird so ausgeliefert, wie das Unternehmen es unterschrieben "
    "hat.",
    "web.differs": "Was ausgeliefert wird, ist nicht das, was das Unternehmen unterschrieben hat, oder ließ "
    "sich nicht vergleichen.",
    "web.seen": "Das ist, was die Anfragen dieses Befehls als Antwort bekamen, von hier und jetzt, als "
    "vier verschiedene Programme.\nEin Server kann anderen anderes antworten und Dateien haben, die "
    "nicht in der Liste stehen.",
    "web.folder_seen": "Das sagt nichts darüber, was ein Webserver aus dem Ordner macht: das tut "
    "sealroom web verify URL.",
    "web.works": "Es fand sich nichts, was den Raum hindert.",
    "web.fails": "So wird der Raum nicht gehen.",
    "error.web.account": "weder eine Kontaktkarte noch die 64 hexadezimalen Ziffern eines Kontos",
    "error.web.address": "keine Adresse einer Seite: {address}",
    "hint.web.address": "sie beginnt mit https:// und enthält weder Namen noch Passwort",
    "finding.fault": "FEHLER ",
    "finding.warning": "Warnung",
    "finding.note": "Hinweis",
    "finding.seen_by": " [so nur ausgeliefert an: {names}]",
    "finding.account_stated": "{where}: das Konto {what} ist nur, was dort selbst steht; geprüft ist "
    "damit nichts. Geben Sie die Karte des Unternehmens an (--company)",
    "finding.newer": "{where}: die Liste {what} ist neuer als die aufgehobene",
    "finding.ends_soon": "{where}: die Liste endet am {what}; bauen Sie die Site neu",
    "finding.door_ends_soon": "{where}: die Tür endet am {what}; bauen Sie die Site neu",
    "finding.certificate_ends_soon": "{where}: das Zertifikat endet am {what}",
    "finding.no_integrity": "{where}: das Skript des Knopfs steht dort ohne integrity=",
    "finding.no_account": "{where}: <seal-room> nennt kein Konto; vertraut wird so allein dem Zertifikat "
    "des Raums",
    "finding.slow_all": "{where}: nicht alles wurde binnen {what} s beantwortet; der Rest blieb ungesehen",
    "finding.unreachable": "{where}: nicht erreichbar",
    "finding.certificate": "{where}: das Zertifikat gilt nicht {what}",
    "finding.slow": "{where}: keine Antwort in der Zeit",
    "finding.not_http": "{where}: was antwortet, spricht kein HTTP",
    "finding.odd_head": "{where}: hat unter den Headern eine Zeile, die keiner ist; Programme lesen sie "
    "verschieden",
    "finding.encoded": "{where}: ausgeliefert als {what}, was hier nicht gelesen wird; was Browser bekommen, "
    "blieb ungesehen; liefern Sie es in gzip oder unverändert aus",
    "finding.redirect": "{where}: verweist nach {what}; dem wird nicht gefolgt",
    "finding.status": "{where}: mit Status {what} beantwortet",
    "finding.larger": "{where}: hat mehr als die {what} Bytes, die es haben darf",
    "finding.cut": "{where}: die Antwort brach nach {what} Bytes ab",
    "finding.changed": "{where}: andere Bytes als die unterschriebenen ({what} Bytes)",
    "finding.absent": "{where}: fehlt",
    "finding.unlisted": "{where}: liegt im Ordner und steht nicht in der Liste",
    "finding.link": "{where}: ist ein Verweis, der aus dem Ordner führt",
    "finding.header_missing": "{where}: der Header {what} fehlt",
    "finding.header_other": "{where}: ein anderer Header, als es sein muss: {what}",
    "finding.header_odd": "{where}: ein Header, den keine solche Datei hat: {what}",
    "finding.media_type": "{where}: ausgeliefert als {what}, was Browser nicht nehmen",
    "finding.not_signed": "{where}: die Liste ist nicht von diesem Unternehmen unterschrieben, oder "
    "beschädigt ({what})",
    "finding.expired": "{where}: die Liste endete am {what}, oder ist aus der Zukunft; bauen Sie die "
    "Site neu",
    "finding.other_origin": "{where}: die Liste ist die von {what}",
    "finding.older": "{where}: eine ältere Liste wurde zurückgelegt ({what})",
    "finding.forked": "{where}: eine andere Liste mit der Nummer {what} als die aufgehobene",
    "finding.door": "{where}: die Tür wird von Kunden abgelehnt ({what})",
    "finding.no_name": "{where}: der Name {what} hat keine Adresse im DNS",
    "finding.cors": "{where}: lässt Skripte fremder Seiten mitlesen (Access-Control-Allow-Origin: {what})",
    "finding.policy_missing": "{where}: keine Content-Security-Policy",
    "finding.policy_loose": "{where}: der Content-Security-Policy fehlt {what}",
    "finding.policy_relay": "{where}: die Content-Security-Policy lässt den Raum nicht zu seinem Relay "
    "{what}",
    "finding.not_framed": "{where}: die Content-Security-Policy (frame-ancestors) hält den Raum aus "
    "{what} heraus",
    "finding.other_site": "{where}: hat eine andere registrierte Domain als {what}; dort wird der Raum "
    "abgelehnt",
    "finding.insecure_page": "{where}: eine Seite ohne TLS; jeder unterwegs kann sie ändern",
    "finding.isolated": "{where}: ist abgeschottet (Cross-Origin-Embedder-Policy: {what}); der Rahmen "
    "des Raums bleibt leer",
    "finding.not_embedded": "{where}: hat kein {what} des Raums in ihrem HTML",
    "finding.insecure_part": "{where}: lädt {what} ohne TLS",
    "finding.other_room": "{where}: der Knopf öffnet {what}",
    "finding.page_policy": "{where}: die eigene Content-Security-Policy der Seite verbietet {what}",
    "finding.no_relay": "{where}: antwortet, verbindet aber keinen Raum ({what})",
    "finding.other_host": "{where}: steht auf einem anderen Host als {what} und lässt ihn das Skript nicht "
    "laden (Access-Control-Allow-Origin)",
    "finding.integrity": "{where}: ist nicht das Skript, das die Seite nennt ({what}); Browser führen es "
    "nicht aus",
}
