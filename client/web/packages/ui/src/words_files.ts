/** The words of files. */

export const FILE_WORDS = {
  "composer.chosen": ["Gewählte Dateien", "Chosen files"],
  "composer.unchoose": ["{name} nicht senden", "Do not send {name}"],
  "composer.strip": ["Ort, Zeit und Kamera entfernen", "Remove place, time and camera"],
  "composer.keeps": ["Kann sagen, wo und wann es entstand", "May say where and when it was made"],
  "composer.too-large": ["Die Datei ist größer als {size}.", "The file is larger than {size}."],
  "composer.too-many": ["Bitte höchstens {n} Dateien auf einmal.", "At most {n} files at a time, please."],
  "composer.sending": ["{name} wird vorbereitet", "Preparing {name}"],

  "file.save": ["Speichern", "Save"],
  "file.show": ["Ansehen", "Show"],
  "file.cancel": ["Abbrechen", "Cancel"],
  "file.retry": ["Noch einmal", "Try again"],
  "file.discard": ["Verwerfen", "Discard"],
  "file.moving": ["{done} von {all}", "{done} of {all}"],
  "file.until": ["Nur noch bis {when} abrufbar", "Can be fetched until {when} only"],
  "file.gone": ["Nicht mehr vorhanden", "No longer available"],
  "file.unshown": ["Lässt sich hier nicht zeigen", "Cannot be shown here"],
  "file.preview": ["Bild {name}", "Image {name}"],
  "file.progress": ["Übertragung von {name}", "Transfer of {name}"],

  "file.failed": ["Unterbrochen. Es geht dort weiter, wo es aufhörte.", "Interrupted. It continues where it stopped."],
  "file.fault.name": [
    "Der Name der Datei lässt sich nicht verwenden. Bitte benennen Sie sie um.",
    "The name of the file cannot be used. Please rename it.",
  ],
  "file.fault.type": ["Dateien dieser Art werden hier nicht gesendet.", "Files of this kind are not sent here."],
  "file.fault.metadata": [
    "Ort, Zeit und Kamera lassen sich hier nicht entfernen. Ohne das Häkchen geht die Datei, wie sie ist.",
    "Place, time and camera cannot be removed here. Without the tick the file goes as it is.",
  ],
  "file.fault.unusable": ["Die Datei lässt sich nicht lesen.", "The file cannot be read."],
  "file.fault.full": ["Auf diesem Gerät ist kein Platz dafür.", "There is no room for it on this device."],
  "file.fault.quota": [
    "Dafür ist dort gerade kein Platz. Vielleicht geht es später, oder mit einer kleineren Datei.",
    "There is no room for it just now. Later it may work, or with a smaller file.",
  ],
  "file.fault.expired": [
    "Die Datei ist nicht mehr abrufbar. Bitte lassen Sie sie sich noch einmal senden.",
    "The file cannot be fetched any more. Please ask for it to be sent again.",
  ],
  "file.fault.corrupt": [
    "Die Datei ist beschädigt, oder nicht das, wofür sie sich ausgibt.",
    "The file is damaged, or not what it says it is.",
  ],
  "file.fault.closed": ["Hier kann gerade nichts gesendet werden.", "Nothing can be sent here just now."],
} as const satisfies Readonly<Record<string, readonly [string, string]>>;
