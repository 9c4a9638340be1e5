/** Words of what most people never ask a room for: further devices, the recovery code. They come with that part, in both languages. */

import type { Pair, Values, Words } from "./words.ts";
import { languageOf, speak } from "./words.ts";

export const LATER_WORDS = {
  "devices.title": ["Ihre Geräte", "Your devices"],
  "devices.text": [
    "Auf diesen Geräten lesen und schreiben Sie in diesem Gespräch. Ist eines fremd, nehmen Sie es heraus.",
    "On these devices you read and write in this conversation. If one is not yours, take it out.",
  ],
  "devices.this": ["Dieses Gerät", "This device"],
  "devices.other": ["Weiteres Gerät", "Further device"],
  "devices.since": ["dabei seit {when}", "here since {when}"],
  "devices.unknown": ["Unbekanntes Gerät {digits}", "Unknown device {digits}"],
  "devices.unknown.text": [
    "Es wurde am {added} hinzugefügt und am {removed} wieder herausgenommen. Waren Sie das nicht, hat jemand Ihren Code und konnte dazwischen mitlesen: Sagen Sie es {company} am Telefon oder persönlich, und beginnen Sie neu.",
    "It was added on {added} and taken out again on {removed}. If that was not you, somebody has your code, and could read along meanwhile: tell {company} by telephone or in person, and begin anew.",
  ],
  "devices.coming": ["war noch nicht erreichbar", "could not be reached yet"],
  "devices.leaving": ["wird herausgenommen", "is being taken out"],
  "devices.remove": ["Herausnehmen", "Take out"],
  "devices.remove.title": ["Dieses Gerät herausnehmen?", "Take this device out?"],
  "devices.remove.text": [
    "Es bekommt nichts Neues mehr. Was schon darauf steht, bleibt dort, bis Sie es löschen.",
    "It gets nothing new any more. What is on it already stays there until you delete it.",
  ],
  "devices.add": ["Weiteres Gerät", "Further device"],
  "devices.elsewhere": ["Weitere Geräte nimmt Ihr erstes Gerät auf.", "Your first device takes further devices in."],

  full: [
    "Auf diesem Gerät ist kein Platz mehr. Löschen Sie etwas, das Sie nicht brauchen. Was man Ihnen schreibt, geht nicht verloren: Es kommt, sobald wieder Platz ist.",
    "There is no room left on this device. Delete something that you do not need. What is written to you is not lost: it comes as soon as there is room again.",
  ],
  "replaced.other": [
    "Ihr Gespräch geht auf einem anderen Gerät weiter. Was Sie hier schreiben würden, erreicht niemanden. Haben Sie das nicht veranlasst, sagen Sie es {company} am Telefon oder persönlich.",
    "Your conversation continues on another device. What you would write here reaches nobody. If that was not your doing, tell {company} by telephone or in person.",
  ],
  "replaced.code": [
    "Jemand hat Ihren Code benutzt, oder eine Kopie dieses Geräts, und konnte mitlesen und in Ihrem Namen schreiben. Auch ein Gerät, das auf einen früheren Stand zurückgesetzt wurde, meldet das. Was Sie hier schreiben würden, erreicht niemanden. Waren Sie es nicht selbst, sagen Sie es {company} am Telefon oder persönlich, und beginnen Sie neu.",
    "Somebody has used your code, or a copy of this device, and could read along and write in your name. A device that was put back to an earlier state says this, too. What you would write here reaches nobody. If it was not you, tell {company} by telephone or in person, and begin anew.",
  ],
  "list.ends": [
    "Öffnen Sie dieses Gespräch bis {when} auf dem Gerät, mit dem Sie begonnen haben. Sonst kann dieses Gerät danach nichts mehr senden und bekommt nichts Neues.",
    "Open this conversation by {when} on the device with which you began. Otherwise this device can send nothing after that, and gets nothing new.",
  ],
  "list.over": [
    "Dieses Gerät kann nichts mehr senden und bekommt nichts Neues, weil das Gerät, mit dem Sie begonnen haben, zu lange nicht geöffnet war. Öffnen Sie das Gespräch dort, dann geht es hier von selbst weiter. Was hier nicht als zugestellt steht, ist vielleicht nicht angekommen. Stimmt das Datum dieses Geräts? Haben Sie das erste Gerät nicht mehr, beginnen Sie neu.",
    "This device can send nothing any more and gets nothing new, since the device with which you began has not been open for too long. Open the conversation there, then it goes on here by itself. What is not shown as delivered here may not have arrived. Is the date of this device right? If you do not have the first device any more, begin anew.",
  ],
  "replaced.anew": ["Neu beginnen", "Begin anew"],
  "export.title": ["Verlauf speichern", "Save the conversation"],
  "export.read": ["Eine Seite zum Lesen und Drucken.", "A page to read and print."],
  "export.read.do": ["Zum Lesen speichern", "Save to read"],
  "export.proof": [
    "Eine Datei, mit der sich prüfen lässt, was das Unternehmen geschrieben hat. Was Sie geschrieben haben, beweist sie niemandem.",
    "A file by which anybody can verify what the company wrote. It proves to nobody what you wrote.",
  ],
  "export.proof.do": ["Als prüfbare Datei speichern", "Save as a file to verify"],
  "export.care": [
    "Beides enthält Ihr Gespräch offen lesbar. Bewahren Sie es gut auf.",
    "Both hold your conversation for anybody to read. Keep them safe.",
  ],

  "link.title": ["Weiteres Gerät verbinden", "Connect a further device"],
  "link.how": [
    "Öffnen Sie diese Seite auf dem anderen Gerät, wählen Sie dort „Ich schreibe schon auf einem anderen Gerät“ und geben Sie den Code ein.",
    "Open this page on the other device, choose “I already write on another device” there, and enter the code.",
  ],
  "link.making": ["Einen Moment, der Code wird gemacht.", "One moment, the code is being made."],
  "link.once": [
    "Der Code gilt zehn Minuten und für ein Gerät. Geben Sie ihn niemandem.",
    "The code is good for ten minutes and for one device. Give it to nobody.",
  ],
  "link.picture": ["Der Code als Bild", "The code as a picture"],
  "link.text": ["Der Code als Text", "The code as text"],
  "link.copy": ["Code kopieren", "Copy the code"],
  "link.compare": ["Steht auf dem anderen Gerät dieselbe Zahl?", "Does the other device show the same number?"],
  "link.compare.text": [
    "Nur wenn alle sechs Ziffern gleich sind, ist es Ihr Gerät. Steht dort eine andere Zahl oder keine, versucht es jemand Fremdes.",
    "Only if all six digits are the same is it your device. If it shows another number or none, a stranger is trying.",
  ],
  "link.same": ["Ja, dieselbe Zahl", "Yes, the same number"],
  "link.other": ["Nein, abbrechen", "No, stop"],
  "link.adding": ["Einen Moment, das Gerät wird aufgenommen.", "One moment, the device is being taken in."],
  "link.added": [
    "Das Gerät gehört jetzt dazu. Was bisher geschrieben wurde, kommt dort gleich an.",
    "The device belongs to the conversation now. What was written so far arrives there shortly.",
  ],
  "link.stopped": [
    "Abgebrochen. Es wurde kein Gerät aufgenommen. Ein neuer Versuch hat einen neuen Code.",
    "Stopped. No device was taken in. A new attempt has a new code.",
  ],

  "join.title": ["Mit Ihrem anderen Gerät verbinden", "Connect with your other device"],
  "join.how": [
    "Wählen Sie auf dem anderen Gerät im Menü „Ihre Geräte“ und dort „Weiteres Gerät“. Fügen Sie den Code hier ein.",
    "On the other device choose “Your devices” in the menu, then “Further device”. Paste the code here.",
  ],
  "join.code": ["Code vom anderen Gerät", "Code from the other device"],
  "join.go": ["Weiter", "Continue"],
  "join.own.title": [
    "Ist das andere Gerät Ihres, und liegt es vor Ihnen?",
    "Is the other device yours, and in front of you?",
  ],
  "join.own.text": [
    "Sie verbinden sich mit einem Gespräch mit {company} ({origin}). Hat Ihnen jemand den Code geschickt, liest dieser Mensch künftig mit, was Sie hier schreiben.",
    "You connect with a conversation with {company} ({origin}). If somebody sent you the code, that person will read what you write here.",
  ],
  "join.own.yes": ["Ja, es ist meins", "Yes, it is mine"],
  "join.own.no": ["Nein", "No"],
  "join.digits": ["Diese Zahl muss auch auf dem anderen Gerät stehen", "The other device has to show this number, too"],
  "join.digits.text": [
    "Ist sie gleich, bestätigen Sie es dort. Ist sie anders, brechen Sie hier und dort ab.",
    "If it is the same, confirm it there. If it is another one, stop here and there.",
  ],
  "join.waiting": ["Einen Moment, das andere Gerät antwortet.", "One moment, the other device is answering."],
  "join.done": [
    "Dieses Gerät gehört jetzt dazu. Das Gespräch erscheint gleich.",
    "This device belongs to the conversation now. It appears shortly.",
  ],

  "code.title": ["Ihr Code", "Your code"],
  "code.text": [
    "Geht dieses Gerät verloren, weist dieser Code Sie auf einem anderen wieder aus. Schreiben Sie alles auf Papier, was in dem Kasten steht, und bewahren Sie es gut auf.",
    "If you lose this device, this code shows on another one who you are. Write down on paper all that stands in the box, and keep it safe.",
  ],
  "code.care": [
    "Wer den Code hat, kann in Ihrem Namen schreiben. Geben Sie ihn niemandem, auch uns nicht.",
    "Whoever has the code can write in your name. Give it to nobody, not to us either.",
  ],
  "code.for": ["Code für {company}", "Code for {company}"],
  "code.group": ["Gruppe {n}", "Group {n}"],
  "code.kept": ["Sie haben ihn schon aufgeschrieben.", "You have written it down already."],
  "code.copy": ["Kopieren", "Copy"],
  "code.written": ["Ich habe ihn aufgeschrieben", "I have written it down"],
  "code.back": [
    "Bitte tippen Sie zwei Gruppen von Ihrem Papier ab. So zeigt sich, ob alles stimmt.",
    "Please type two groups from your paper. That shows whether all is right.",
  ],
  "code.again": ["Code noch einmal zeigen", "Show the code again"],
  "code.check": ["Vergleichen", "Compare"],
  "code.wrong": [
    "Gruppe {n} stimmt nicht. Bitte vergleichen Sie Ihr Papier.",
    "Group {n} is not right. Please compare your paper.",
  ],
  "code.done": [
    "Stimmt. Bewahren Sie das Papier getrennt von diesem Gerät auf.",
    "Right. Keep the paper apart from this device.",
  ],

  "recover.title": ["Mit Ihrem Code weiterschreiben", "Continue with your code"],
  "recover.how": [
    "Nur wenn Sie keines Ihrer Geräte mehr haben: Geräte von früher schreiben danach nicht mehr mit.",
    "Only if you have none of your devices any more: earlier devices can no longer write after that.",
  ],
  "recover.for": ["Nehmen Sie das Papier, auf dem dies steht:", "Take the paper that says this:"],
  "recover.other": [
    "Über diesem Code steht: {whose}. Nur wenn das dasselbe Unternehmen ist, wählen Sie noch einmal „Weiter“.",
    "Above this code stands: {whose}. Only if that is the same company, choose “Continue” again.",
  ],
  "recover.code": ["Code von Ihrem Papier", "Code from your paper"],
  "recover.go": ["Weiter", "Continue"],
  "recover.group": ["Bitte sehen Sie Gruppe {n} noch einmal an.", "Please look at group {n} again."],
  "recover.wrong": [
    "Das ist kein Code. Bitte vergleichen Sie ihn Zeichen für Zeichen.",
    "This is no code. Please compare it character by character.",
  ],
  "recover.notice": [
    "Der Code stimmt. Bitte antworten Sie noch auf die Hinweise.",
    "The code is right. Please answer the notice as well.",
  ],
  "recover.waiting": ["Einen Moment.", "One moment."],
  "recover.done": [
    "Sie schreiben wieder als Sie selbst, in einem neuen Gespräch.",
    "You write as yourself again, in a new conversation.",
  ],
  "recover.before": [
    "Was früher geschrieben wurde, steht hier nicht. Das Unternehmen sieht ein neues Gerät und fragt vielleicht nach.",
    "What was written before is not here. The company sees a new device and may ask.",
  ],
  "recover.devices": [
    "Ihre früheren Geräte schreiben nicht mehr mit. Sie zeigen es an, sobald sie Verbindung haben.",
    "Your earlier devices can no longer write. They say so as soon as they are connected.",
  ],
  "recover.write": ["Weiterschreiben", "Go on writing"],

  "fault.recovery.code": [
    "Das ist kein Code. Es wurde nichts übertragen.",
    "This is no code. Nothing was transmitted.",
  ],
  "fault.recovery.none": [
    "Auf diesem Gerät gibt es keinen Code, oder er wurde noch nicht gezeigt.",
    "This device has no code, or it was not shown yet.",
  ],
  "fault.local.list_number": [
    "Die Uhr dieses Geräts geht wohl falsch. Bitte stellen Sie sie, und versuchen Sie es noch einmal. Geht sie richtig, beginnen Sie neu. Es wurde nichts geändert.",
    "The clock of this device seems to be wrong. Please set it, and try again. If it is right, begin anew. Nothing was changed.",
  ],
  "fault.client.notice_changed": [
    "Die Hinweise haben sich geändert. Bitte lesen Sie sie noch einmal; es wurde nichts übertragen.",
    "The notice has changed. Please read it again; nothing was transmitted.",
  ],
  "fault.relay.unavailable": [
    "Das ließ sich gerade nicht nachsehen. Es wurde nichts geändert; bitte versuchen Sie es gleich noch einmal.",
    "This could not be looked up now. Nothing was changed; please try again shortly.",
  ],
  "fault.client.unsupported": [
    "Dieses Gerät hat schon ein Gespräch. Es wurde nichts geändert.",
    "This device has a conversation already. Nothing was changed.",
  ],
  "fault.link.code": [
    "Dieser Code passt nicht, wurde schon benutzt oder gehört zu einer anderen Seite, oder Datum und Uhrzeit stimmen nicht. Es wurde nichts verbunden.",
    "This code does not fit, was used already, or belongs to another page, or date and clock are wrong. Nothing was connected.",
  ],
  "fault.link.second": [
    "Mit diesem Code kam noch ein anderes Gerät. Es wurde keines aufgenommen. Jemand könnte den Code gesehen haben.",
    "Another device came by this code, too. None was taken in. Somebody may have seen the code.",
  ],
  "fault.link.clock": [
    "Datum oder Uhrzeit der beiden Geräte weichen um mehr als einen Tag ab. Bitte stellen Sie sie, und versuchen Sie es noch einmal. Es wurde nichts verbunden.",
    "Date or clock of the two devices are more than a day apart. Please set them, and try again. Nothing was connected.",
  ],
  "fault.link.expired": [
    "Der Code gilt nicht mehr, oder das andere Gerät wartet nicht. Bitte beginnen Sie mit einem neuen Code.",
    "The code is no longer good, or the other device does not wait. Please begin with a new code.",
  ],
  "fault.link.left": [
    "Das andere Gerät war nicht mehr da. Es wurde nicht aufgenommen. Bitte beginnen Sie mit einem neuen Code.",
    "The other device had gone. It was not taken in. Please begin with a new code.",
  ],
  "fault.device.too_many": ["Mehr als vier Geräte gehen nicht.", "More than four devices are not possible."],
  "fault.account.key_absent": ["Das geht nur auf Ihrem ersten Gerät.", "Only your first device can do this."],
  "fault.other": ["Das hat nicht geklappt.", "That did not work."],
  "fault.again": ["Noch einmal", "Try again"],
} as const satisfies Readonly<Record<string, Pair>>;

export type LaterKey = keyof typeof LATER_WORDS;

/** The same language, writing and numbers as the words of the room. */
export type LaterWords = (key: LaterKey, values?: Values) => string;

export function laterWords(words: Words): LaterWords {
  const column = languageOf(words.locale) === "de" ? 0 : 1;
  const speaking = speak(words.locale, words.direction, (key) => LATER_WORDS[key as unknown as LaterKey][column]);
  return (key, values) => speaking(key as never, values);
}

/** What a person is told of an error, by its code; the code itself where there are no words of its own. */
export function faultOf(words: LaterWords, code: string): readonly [text: string, code: string] {
  const key = `fault.${code}`;
  return key in LATER_WORDS ? [words(key as LaterKey), ""] : [words("fault.other"), code];
}
