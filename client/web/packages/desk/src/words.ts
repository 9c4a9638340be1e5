/** What clerks read at the desk, German and English side by side; what the room has is taken from its table. */

import { type Language, languageOf, type Pair, speak, type Values, type Words } from "@sealroom/ui/words.ts";
import { WORDS } from "@sealroom/ui/words_both.ts";

const DESK = {
  "desk.title": ["Arbeitsplatz", "Desk"],
  "queue.label": ["Gespräche", "Conversations"],
  "queue.waiting": ["Wartend", "Waiting"],
  "queue.mine": ["Meine", "Mine"],
  "queue.all": ["Offene", "Open"],
  "queue.closed": ["Abgeschlossen", "Closed"],
  "queue.unread": ["Ungelesen", "Unread"],
  "queue.view": ["Ansicht", "View"],
  "queue.search": ["Suchen", "Search"],
  "queue.none.waiting": ["Niemand wartet.", "Nobody is waiting."],
  "queue.none": ["Hier ist kein Gespräch.", "No conversation here."],
  "queue.none.act": ["Alle offenen zeigen", "Show all open"],
  "queue.none.search": ["Nichts gefunden.", "Nothing found."],
  "queue.found": ["Gefunden auf diesem Gerät", "Found on this device"],
  "queue.clear": ["Suche beenden", "End the search"],
  "row.customer": ["Kontakt {short}", "Customer {short}"],
  "row.waits": ["wartet {time}", "waiting {time}"],
  "row.waits.now": ["wartet, gerade eben", "waiting, just now"],
  "row.mine": ["bei Ihnen", "yours"],
  "row.nobody": ["niemand", "nobody"],
  "row.unread": ["{n} ungelesen", "{n} unread"],
  "row.notes": ["neue Notiz", "new note"],
  "row.hidden": ["Vertraulich", "Confidential"],
  "row.new": ["Neu, noch nicht übernommen", "New, not taken yet"],
  "row.sensitive": ["vertraulich", "confidential"],
  "row.held": ["gesperrt für Löschung", "held back from erasure"],
  "phase.begun": ["wartet", "waiting"],
  "phase.open": ["offen", "open"],
  "phase.closed": ["abgeschlossen", "closed"],
  "phase.frozen": ["Widerspruch", "objection"],
  "phase.withdrawn": ["Einwilligung widerrufen", "consent withdrawn"],
  "phase.erased": ["gelöscht", "erased"],
  "room.none": ["Wählen Sie links ein Gespräch.", "Choose a conversation on the left."],
  "room.none.yet": ["Sobald jemand schreibt, sehen Sie es hier.", "As soon as somebody writes, you see it here."],
  "room.none.act": ["Nächsten übernehmen", "Take the next one"],
  "room.free": ["Niemand kümmert sich darum.", "Nobody takes care of it."],
  "room.yours": ["Sie kümmern sich darum.", "You take care of it."],
  "room.theirs": ["{name} kümmert sich darum.", "{name} takes care of it."],
  "room.tabs": ["Ansicht des Gesprächs", "View of the conversation"],
  "room.texts": ["Nachrichten", "Messages"],
  "room.notes": ["Notizen", "Notes"],
  "room.notes.who": [
    "Nur das Team liest das. Nach außen geht es nie.",
    "Only colleagues read this. The customer never gets it.",
  ],
  "room.before": [
    "Sie lesen, was seit Ihrem Eintritt gesagt wurde. Den Verlauf davor gibt das Team oder der Empfang weiter.",
    "You read what was said since you joined. What came before is handed over by colleagues or the front desk.",
  ],
  "room.unread": ["Das Gespräch lässt sich nicht lesen. {text}", "The conversation cannot be read. {text}"],
  "room.elsewhere": [
    "Sie sind nicht in diesem Gespräch. {name} kümmert sich darum.",
    "You are not in this conversation. {name} takes care of it.",
  ],
  "room.claim.first": [
    "Übernehmen Sie das Gespräch, um zu lesen und zu schreiben.",
    "Take the conversation to read and write.",
  ],
  "room.reading": [
    "Sie lesen mit. Übernehmen Sie das Gespräch, um zu antworten.",
    "You are reading. Take the conversation to answer.",
  ],
  "shut.closed": ["Das Gespräch ist abgeschlossen.", "The conversation is closed."],
  "shut.frozen": [
    "Es gibt einen Widerspruch. Nichts geht hinaus, bis das entschieden ist.",
    "The customer objects. Nothing goes out until it is decided.",
  ],
  "shut.withdrawn": [
    "Die Einwilligung ist widerrufen. Hier wird nichts mehr geschrieben.",
    "The customer has withdrawn consent. Nothing is written here any more.",
  ],
  "shut.erased": ["Das Gespräch ist gelöscht.", "The conversation is erased."],
  "room.back": ["Zur Liste", "To the list"],
  "room.about": ["Über den Kontakt", "About the customer"],
  "act.claim": ["Übernehmen", "Take"],
  "act.transfer": ["Übergeben", "Hand on"],
  "act.queue": ["Zurück in die Warteschlange", "Back to the queue"],
  "act.close": ["Abschließen", "Close"],
  "act.reopen": ["Wieder öffnen", "Open again"],
  "act.add": ["Jemanden dazuholen", "Bring in a colleague"],
  "act.history": ["Verlauf weitergeben", "Hand over what was said"],
  "act.leave": ["Gespräch verlassen", "Leave the conversation"],
  "act.sensitive": ["Gespräch als vertraulich kennzeichnen", "Mark the conversation as confidential"],
  "act.clear": ["Kennzeichnung aufheben", "Remove the mark"],
  "act.hold": ["Löschung sperren", "Hold back erasure"],
  "act.unhold": ["Sperre aufheben", "End the hold"],
  "act.retention": ["Aufbewahrung kürzen", "Shorten retention"],
  "act.labels": ["Schlagworte", "Labels"],
  "act.canned": ["Textbausteine", "Canned answers"],
  "act.more": ["Weitere Aktionen", "More actions"],
  "act.hide": ["Schließen", "Close"],
  "act.cancel": ["Abbrechen", "Cancel"],
  "act.save": ["Speichern", "Save"],
  "act.grant": ["Erlauben", "Grant"],
  "act.refuse": ["Ablehnen", "Refuse"],
  "ask.to": ["An wen", "To whom"],
  "ask.nobody": ["Dafür ist gerade niemand da.", "There is nobody for that just now."],
  "ask.team": ["Team {name}", "Team {name}"],
  "ask.anybody": ["Wer zuerst frei ist", "Whoever is free first"],
  "ask.note": ["Notiz für das Team (geht nicht nach außen)", "Note for colleagues (the customer does not read it)"],
  "ask.reason": ["Grund", "Reason"],
  "ask.reason.optional": [
    "Grund (freiwillig, steht auch für die andere Seite da)",
    "Reason (optional, the customer reads it)",
  ],
  "ask.days": ["Tage", "Days"],
  "ask.labels": [
    "Schlagworte, durch Komma getrennt. Sie bleiben auf diesem Gerät.",
    "Labels, separated by commas. They stay on this device.",
  ],
  "ask.empty": ["Bitte füllen Sie das aus.", "Please fill this in."],
  "ask.long": ["Das ist zu lang. Bitte kürzen Sie es.", "This is too long. Please shorten it."],
  "ask.count": ["Wie viele der neuesten Einträge", "How many of the newest entries"],
  "ask.erase": ["Diese Nachricht löschen?", "Erase this message?"],
  "ask.erase.text": [
    "Sie verschwindet im ganzen Team und ist nach 24 Stunden vernichtet. Die andere Seite behält sie.",
    "It disappears for all colleagues and is destroyed after 24 hours. The customer keeps it.",
  ],
  "ask.leave": ["Gespräch verlassen?", "Leave the conversation?"],
  "ask.leave.text": [
    "Sie lesen dann nicht mehr mit. Zurück kommen Sie, wenn Sie es übernehmen oder jemand Sie dazuholt.",
    "You no longer read along then. You come back when you take it, or somebody brings you in.",
  ],
  "about.title": ["Kontakt", "Customer"],
  "about.language": ["Sprache", "Language"],
  "about.accepted": ["Zugestimmt", "Accepted"],
  "about.mode.notice": ["Hinweis gelesen", "notice read"],
  "about.mode.consent": ["Einwilligung", "consent"],
  "about.mode.explicit": ["ausdrückliche Einwilligung", "explicit consent"],
  "about.nothing": ["noch nichts", "nothing yet"],
  "about.waits": ["Wartet seit", "Waiting"],
  "about.waits.now": ["gerade eben", "just now"],
  "about.people": ["Wer liest mit", "Who reads here"],
  "about.kept": ["Aufbewahrung", "Retention"],
  "about.labels": ["Schlagworte", "Labels"],
  "about.requests": ["Wartet auf Ihre Entscheidung", "Waits for your decision"],
  "about.unreached": [
    "Seit {time} nicht zu erreichen: Was Sie schreiben, wartet hier, bis die Person ihr (erstes) Gerät wieder öffnet. Eilt es, rufen Sie an.",
    "Out of reach since {time}: what you write waits here until the person opens their (first) device again. If it is urgent, call.",
  ],
  "about.unknown": ["nicht angemeldet", "not signed in"],
  "about.number": ["Kundennummer", "Customer number"],
  "login.1": ["mit Passwort", "by password"],
  "login.2": ["mit zweitem Faktor", "by a second factor"],
  "login.3": ["mit Ausweis", "by an identity document"],
  "about.identity": ["Anmeldung", "Sign-in"],
  "role.customer": ["Kontakt", "customer"],
  "role.bot": ["Bot", "bot"],
  "role.agent": ["Team", "agent"],
  "role.desk": ["Empfang", "front desk"],
  "role.supervisor": ["Aufsicht", "supervisor"],
  "role.former": ["nicht mehr dabei", "no longer here"],
  "request.add": ["{name} möchte ins Gespräch.", "{name} wants to join the conversation."],
  "request.transfer": ["{name} möchte das Gespräch übergeben.", "{name} wants to hand the conversation on."],
  "request.leave": ["{name} möchte das Gespräch verlassen.", "{name} wants to leave the conversation."],
  "request.close": ["{name} möchte abschließen.", "{name} wants to close it."],
  "request.reopen": ["{name} möchte wieder öffnen.", "{name} wants to open it again."],
  "request.login": [
    "Anmeldung von einem neuen Gerät: Ist das dieselbe Person?",
    "The customer signs in from a new device.",
  ],
  "request.other": ["{name} bittet um etwas.", "{name} asks for something."],
  "objection.title": [
    "Es gibt einen Widerspruch. Nichts geht hinaus, bis das entschieden ist.",
    "The customer objects. Nothing goes out until it is decided.",
  ],
  "objection.until": [
    "Ist bis {time} nichts entschieden, wird das Gespräch abgeschlossen.",
    "If it is not decided by {time}, the conversation is closed.",
  ],
  "objection.open": ["Wieder öffnen", "Open again"],
  "objection.close": ["Abschließen", "Close"],
  "canned.title": ["Textbausteine", "Canned answers"],
  "canned.manage": ["Textbausteine bearbeiten", "Edit canned answers"],
  "canned.none": ["Noch kein Textbaustein.", "No canned answer yet."],
  "canned.new": ["Neuer Textbaustein", "New canned answer"],
  "canned.edit": ["Ändern", "Change"],
  "canned.drop": ["Entfernen", "Remove"],
  "canned.drop.ask": ["Diesen Textbaustein entfernen?", "Remove this canned answer?"],
  "canned.name": ["Titel", "Title"],
  "canned.shortcut": ["Kürzel, nach / im Textfeld", "Shortcut, behind / in the field"],
  "canned.text": [
    "Text; {name}, {agent} und {company} werden ersetzt",
    "Text; {name}, {agent} and {company} are filled in",
  ],
  "canned.insert": ["Einfügen", "Insert"],
  "figures.title": ["Zahlen", "Figures"],
  "figures.text": ["Auf diesem Gerät gerechnet, aus dem, was hier ist.", "Computed on this device from what is here."],
  "figures.waiting": ["Wartend", "Waiting"],
  "figures.longest": ["Längste Wartezeit", "Longest wait"],
  "figures.first": ["Erste Antwort (Median)", "First answer (median)"],
  "figures.day": ["Tag", "Day"],
  "figures.opened": ["Neu", "New"],
  "figures.theirs": ["Erhalten", "Received"],
  "figures.ours": ["Gesendet", "Sent"],
  "keys.title": ["Tasten", "Keys"],
  "keys.next": ["Nächstes Gespräch", "Next conversation"],
  "keys.before": ["Voriges Gespräch", "Previous conversation"],
  "keys.search": ["Suchen", "Search"],
  "keys.reply": ["Ins Textfeld", "To the field"],
  "keys.view": ["Ansicht wechseln", "Change the view"],
  "keys.esc": ["Zurück", "Back"],
  "keys.next-claim": ["Wer am längsten wartet", "Who waits longest"],
  "keys.notes": ["Nachrichten oder Notizen", "Messages or notes"],
  "keys.hint": [
    "Während Sie schreiben, drücken Sie Alt dazu. Im Textfeld wird / und das Kürzel eines Textbausteins beim nächsten Leerzeichen zu seinem Text.",
    "While you write, press Alt with it. In the field / and the shortcut of a canned answer become its text at the next space.",
  ],
  "menu.label": ["Menü", "Menu"],
  "menu.lock": ["Sperren", "Lock"],
  "menu.language": ["English", "Deutsch"],
  "menu.scheme": ["Hell oder dunkel", "Light or dark"],
  "menu.density": ["Dicht oder weit", "Compact or comfortable"],
  "menu.sound.on": ["Ton einschalten", "Turn sound on"],
  "menu.sound.off": ["Ton ausschalten", "Turn sound off"],
  "menu.notices": ["Mitteilungen erlauben", "Allow notices"],
  "lock.title": ["Gesperrt", "Locked"],
  "lock.text": ["Geben Sie die Passphrase Ihres Speichers ein.", "Enter the passphrase of your store."],
  "lock.field": ["Passphrase", "Passphrase"],
  "lock.open": ["Entsperren", "Unlock"],
  "lock.wrong": ["Die Passphrase stimmt nicht.", "The passphrase is wrong."],
  "lock.wait": ["Bitte warten Sie bis {time}.", "Please wait until {time}."],
  "lost.title": ["Der Arbeitsplatz läuft nicht mehr", "The desk is not running"],
  "lost.text": [
    "Starten Sie ihn im Terminal: sealroom desk. Er öffnet eine neue Seite; diese brauchen Sie dann nicht mehr.",
    "Start it in the terminal: sealroom desk. It opens a new page; you do not need this one then.",
  ],
  "silent.title": ["Der Arbeitsplatz antwortet nicht", "The desk does not answer"],
  "silent.text": [
    "Diese Seite versucht es weiter. Bleibt es dabei, löschen Sie im Browser die Cookies dieser Seite, oder öffnen Sie die Adresse in einem privaten Fenster.",
    "This page goes on trying. If that does not help, delete the cookies of this page in the browser, or open the address in a private window.",
  ],
  "expired.title": ["Diese Adresse gilt nicht mehr", "This address is no longer valid"],
  "expired.text": [
    "Drücken Sie im Terminal, in dem sealroom desk läuft, die Eingabetaste, und öffnen Sie die neue Adresse.",
    "Press Enter in the terminal in which sealroom desk runs, and open the new address.",
  ],
  "starting.text": ["Einen Augenblick …", "One moment …"],
  "link.offline": [
    "Keine Verbindung. Was Sie schreiben, ist gespeichert und geht später hinaus.",
    "No connection. What you write is stored and goes out later.",
  ],
  "link.entry_waits": [
    "Änderungen am Team lassen sich im Moment nicht veröffentlichen; das wird von selbst wieder versucht. Gespräche gehen weiter.",
    "Changes to the team cannot be published at the moment; this is tried again by itself. Conversations go on.",
  ],
  "link.not_in_force": [
    "Im Moment ist nicht bekannt, dass dieses Gerät zum Team gehört. Fehlen hier Gespräche, fragen Sie die Aufsicht.",
    "At the moment this device is not known to be part of the team. If conversations are missing, ask the supervisor.",
  ],
  "link.roster_ends": [
    "Bis {time} muss der Rechner verbunden sein, auf dem Ihr Unternehmen eingerichtet wurde. Sonst kommt danach nichts mehr an.",
    "The computer on which your company was set up has to be connected by {time}. Otherwise nothing arrives after that.",
  ],
  "link.roster_over": [
    "Die Liste, wer für Ihr Unternehmen antwortet, ist abgelaufen ({time}). Was geschrieben wird, kommt erst an, wenn der Rechner wieder verbunden ist, auf dem es eingerichtet wurde.",
    "The list of who answers for your company has ended ({time}). What is written arrives only when the computer on which it was set up is connected again.",
  ],
  "shared.text": [
    "Nur auf einem eigenen Rechner benutzen. Wer diese Anmeldung benutzt, liest mit.",
    "Use it on a machine of your own only. Whoever uses this login reads along.",
  ],
  "shared.ok": ["Verstanden", "Understood"],
  "alarm.two_histories": [
    "Zwei Fassungen desselben Eintrags sind aufgetaucht. Bitte die Aufsicht fragen.",
    "Two versions of one entry have appeared. Please ask the supervisor.",
  ],
  "alarm.restarted_twice": [
    "Dieses Gerät hat Einträge verloren. Bitte die Aufsicht fragen.",
    "This device has lost entries. Please ask the supervisor.",
  ],
  "alarm.objection": [
    "Es gibt einen Widerspruch. Entscheidet die Aufsicht nicht bis {time}, wird das Gespräch abgeschlossen.",
    "The customer objects. Unless the supervisor decides by {time}, the conversation is closed.",
  ],
  "alarm.unattended": [
    "Das Gespräch ist offen, und niemand darin war in den letzten Tagen zu erreichen. Übergeben Sie es jemand anderem.",
    "The conversation is open, and nobody in it could be reached for some days. Hand it to somebody else.",
  ],
  "alarm.label": ["Warnungen", "Warnings"],
  "alarm.hide": ["Ausblenden", "Hide"],
  "alarm.hide.of": ["Ausblenden: {name}", "Hide: {name}"],
  "alarm.more": ["Weitere Warnungen: {n}", "More warnings: {n}"],
  "failed.right": [
    "Das darf dieser Platz nicht. Fragen Sie den Empfang oder die Aufsicht.",
    "This desk may not do that. Ask the front desk or the supervisor.",
  ],
  "failed.left": [
    "Sie sind nicht in diesem Gespräch. Übernehmen Sie es, oder lassen Sie es sich übergeben.",
    "You are not in this conversation. Take it, or have it handed to you.",
  ],
  "failed.closed": [
    "Das Gespräch ist abgeschlossen. Öffnen Sie es zuerst wieder.",
    "The conversation is closed. Open it again first.",
  ],
  "failed.frozen": [
    "Es gibt einen Widerspruch. Zuerst entscheidet die Aufsicht.",
    "The customer objects. The supervisor decides first.",
  ],
  "failed.ended": [
    "Die Einwilligung ist widerrufen, oder das Gespräch ist gelöscht. Hier geht nichts mehr hinaus.",
    "The customer has withdrawn consent, or the conversation is erased. Nothing goes out here any more.",
  ],
  "failed.consent": [
    "Dafür fehlt die Einwilligung. Es wurde nichts gesendet.",
    "The customer's consent to this is missing. Nothing was sent.",
  ],
  "failed.locked": [
    "Dieses Gespräch ist hier nicht mehr offen. Vielleicht hat das Unternehmen dieses Gerät gesperrt: Fragen Sie die Aufsicht.",
    "This conversation is no longer open here. The company may have suspended this device: ask the supervisor.",
  ],
  "failed.company": [
    "Zurzeit ist nicht bekannt, wer für das Unternehmen handeln darf. Fragen Sie die Aufsicht.",
    "It is not known at present who may act for the company. Ask the supervisor.",
  ],
  "failed.refused": [
    "Ein anderes Gerät nimmt das nicht an. Fragen Sie die Aufsicht.",
    "Another device does not take this. Ask the supervisor.",
  ],
  "failed.busy": [
    "Das ist zu viel auf einmal. Versuchen Sie es gleich noch einmal.",
    "This is too much at once. Try again shortly.",
  ],
  "failed.full": [
    "Dieses Gerät bewahrt nicht mehr davon auf. Entfernen Sie zuerst einige.",
    "This device keeps no more of them. Remove some first.",
  ],
  "failed.input": [
    "Das ist zu lang, oder Zeichen darin gehen hier nicht. Bitte ändern Sie es.",
    "This is too long, or some of its characters cannot be used here. Please change it.",
  ],
  "failed.quicker": ["Jemand war schneller.", "Somebody was quicker."],
  "failed.nobody": [
    "Hier wartet niemand mehr: Jemand anderes hat das Gespräch, oder es ist nicht offen.",
    "Nobody waits here any more: somebody else has the conversation, or it is not open.",
  ],
  "failed.unanswered": [
    "Kein Empfang hat geantwortet. Bitte fragen Sie noch einmal.",
    "No front desk has answered. Please ask again.",
  ],
  "failed.desk": [
    "Kein Empfang hat geantwortet. Die Bitte gilt weiter.",
    "No front desk has answered. The request goes on.",
  ],
  "failed.lost": ["Der Arbeitsplatz ist gerade nicht erreichbar.", "The desk cannot be reached just now."],
  "failed.other": ["Das hat nicht geklappt ({code}).", "That did not work ({code})."],
  "news.title": ["Sealroom", "Sealroom"],
  "news.text": ["Neue Nachricht", "New message"],
  "news.waiting": ["Jemand wartet", "A customer is waiting"],
  "news.taken": ["Ein Gespräch wurde Ihnen übergeben", "A conversation was handed to you"],
  "done.given": ["Das Gespräch ist übergeben.", "The conversation is handed on."],
  "done.asked": ["Gesendet. Ein Empfang entscheidet.", "Sent. A front desk decides."],
  "keep.ephemeral": ["flüchtig, {time}", "short, {time}"],
  "keep.default": ["üblich, {time}", "usual, {time}"],
  "keep.statutory": ["gesetzlich, {time}", "by law, {time}"],
  "keep.proof": ["Nachweis, {time}", "as proof, {time}"],
} as const satisfies Readonly<Record<string, Pair>>;

/** What the table of the room words for customers. An entry of the desk is told as sent when it is on its way. */
const FOR_CLERKS: Readonly<Record<string, Pair>> = {
  "delivery.sent": ["Unterwegs", "On its way"],
  "happened.identified": ["Angemeldet: {name}.", "The customer has signed in: {name}."],
  "happened.rated": ["Bewertung: {count} von 5.", "The customer has rated: {count} of 5."],
  "happened.rated.why": ["Bewertung: {count} von 5. {text}", "The customer has rated: {count} of 5. {text}"],
  "happened.handed-over": ["{name} hat frühere Nachrichten weitergegeben.", "{name} has handed on earlier messages."],
};

const FOR_NOTES: Readonly<Record<string, Pair>> = {
  "composer.label": ["Notiz", "Note"],
  "composer.placeholder": ["Notiz für das Team schreiben", "Write a note for colleagues"],
  "messages.label": ["Notizen", "Notes"],
};

/** The words of the desk alone, in both languages. */
export const DESK_WORDS: Readonly<Record<string, Pair>> = DESK;

export type DeskKey = keyof typeof DESK;

export interface DeskWords {
  (key: DeskKey, values?: Values): string;
  /** The words of the shared components. */
  readonly ui: Words;
  /** The same, where colleagues write notes. */
  readonly notes: Words;
  readonly language: Language;
}

/** The words of a language. */
export function deskWords(wish: string): DeskWords {
  const language = languageOf(wish);
  const column = language === "de" ? 0 : 1;
  const ui = speak(language, "ltr", (key) => (FOR_CLERKS[key] ?? WORDS[key])[column]);
  const notes = speak(language, "ltr", (key) => (FOR_NOTES[key] ?? FOR_CLERKS[key] ?? WORDS[key])[column]);
  const words = (key: DeskKey, values: Values = {}) =>
    DESK[key][column].replace(/\{(\w+)\}/gu, (whole, name: string) => String(values[name] ?? whole));
  return Object.assign(words, { ui, notes, language });
}

const MINUTE_MS = 60_000;

/** Whether it has just begun: nobody counts that in minutes. */
export function isNow(ms: number): boolean {
  return ms < MINUTE_MS;
}

/** So long, as people say it: `12 min`, `3 h`, `2 Tage`; below a minute `< 1 min`. */
export function longOf(ms: number, language: string): string {
  const minutes = Math.max(1, Math.floor(ms / MINUTE_MS));
  const [count, unit] =
    minutes < 60
      ? [minutes, "minute"]
      : minutes < 2_880
        ? [Math.floor(minutes / 60), "hour"]
        : [Math.floor(minutes / 1_440), "day"];
  const unitDisplay = unit === "day" ? "long" : "short";
  const text = new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay }).format(count);
  return isNow(ms) ? `< ${text}` : text;
}
