/** People, notice and messages of the scripted rooms, in German and in English. */

import type { Company, Happening, Item, Member, Message, Notice } from "../src/backend.ts";

/** Sunday, 29 November 2026, 14:05 in Berlin: what the scripted clock says. */
export const NOW_MS = Date.UTC(2026, 10, 29, 13, 5);
const MINUTE = 60_000;

export type Tongue = "de" | "en";

export function companyOf(tongue: Tongue, hours: Company["hours"] = openHours(tongue)): Company {
  const isGerman = tongue === "de";
  return {
    name: isGerman ? "Praxis Dr. Weber" : "Dr Weber's practice",
    origin: "https://chat.praxis-weber.example",
    channels: [
      { kind: "phone", value: "+49 30 555 0142", label: isGerman ? "Empfang" : "Front desk" },
      { kind: "email", value: "praxis@praxis-weber.example", label: "" },
      { kind: "post", value: "Lindenstraße 12, 10969 Berlin", label: "" },
      { kind: "page", value: "https://praxis-weber.example/kontakt", label: "" },
    ],
    hours,
    fingerprint: ["4F2A", "91C0", "7D3E", "B856", "02AF", "6E11", "C9D4", "38B7"],
    trust: "page",
  };
}

function openHours(tongue: Tongue): Company["hours"] {
  const text = tongue === "de" ? "Montag bis Freitag, 8 bis 17 Uhr" : "Monday to Friday, 8 am to 5 pm";
  return { text, isOpen: true, opensMs: null };
}

export function closedHours(tongue: Tongue): Company["hours"] {
  const hours = openHours(tongue);
  return hours && { ...hours, isOpen: false, opensMs: Date.UTC(2026, 10, 30, 7, 0) };
}

export function noticeOf(tongue: Tongue, mode: Notice["mode"] = "consent"): Notice {
  const isGerman = tongue === "de";
  return {
    number: 3,
    issuedMs: Date.UTC(2026, 9, 12),
    mode,
    locale: tongue,
    locales: ["de", "en"],
    text: isGerman
      ? "Wir beantworten hier Fragen zu Terminen, Rezepten und Rechnungen.\n\nWas Sie schreiben, liegt verschlossen auf den Geräten der Praxis. Wir löschen es 90 Tage nach Abschluss."
      : "Here we answer questions about appointments, prescriptions and bills.\n\nWhat you write is locked on the devices of the practice. We erase it 90 days after closing.",
    controller: {
      name: isGerman ? "Praxis Dr. Weber" : "Dr Weber's practice",
      address: "Lindenstraße 12, 10969 Berlin",
      email: "praxis@praxis-weber.example",
    },
    officer: "Dr. Ada König, datenschutz@praxis-weber.example",
    purposes: [
      { number: 1, basis: isGerman ? "Ihre Fragen beantworten" : "To answer your questions", isRequired: true },
      {
        number: 2,
        basis: isGerman
          ? "Eine E-Mail, sobald eine Antwort da ist (ohne Inhalt)"
          : "An e-mail when there is an answer (without content)",
        isRequired: false,
      },
    ],
    recipients: ["Nordlicht Netz GmbH"],
    thirdCountries: [],
    keptS: [
      { class: "default", ttlS: 90 * 86_400 },
      { class: "proof", ttlS: 3 * 31_536_000 },
    ],
    authority: isGerman ? "Berliner Beauftragte für Datenschutz" : "Berlin Commissioner for Data Protection",
    imprintUrl: "https://praxis-weber.example/impressum",
    privacyUrl: "https://praxis-weber.example/datenschutz",
    hasBot: true,
    minimumAge: 16,
    decidesAlone: false,
  };
}

export function membersOf(tongue: Tongue): readonly Member[] {
  const isGerman = tongue === "de";
  const present = { isPresent: true };
  return [
    { id: "me", name: isGerman ? "Sie" : "You", kind: "customer", team: null, isSelf: true, ...present },
    {
      id: "bot",
      name: isGerman ? "Praxishilfe" : "Practice helper",
      kind: "bot",
      team: null,
      isSelf: false,
      ...present,
    },
    {
      id: "yildiz",
      name: isGerman ? "Frau Yıldız" : "Ms Yıldız",
      kind: "person",
      team: isGerman ? "Empfang" : "Front desk",
      isSelf: false,
      ...present,
    },
  ];
}

let numbers = 0;

export function messageOf(author: string, minutesAgo: number, text: string, more: Partial<Message> = {}): Message {
  numbers += 1;
  return {
    kind: "message",
    id: `m${numbers}`,
    author,
    writtenMs: NOW_MS - minutesAgo * MINUTE,
    text,
    language: null,
    delivery: author === "me" ? "delivered" : null,
    failure: null,
    replyTo: null,
    isEdited: false,
    isErased: false,
    isSensitive: false,
    isByMachine: false,
    file: null,
    question: null,
    ...more,
  };
}

export function happeningOf(
  what: Happening["what"],
  minutesAgo: number,
  member: string | null,
  detail: string | null = null,
): Happening {
  numbers += 1;
  return {
    kind: "happening",
    id: `h${numbers}`,
    atMs: NOW_MS - minutesAgo * MINUTE,
    what,
    member,
    detail,
    count: null,
  };
}

/** A conversation of two days, with everything that can stand in one. */
export function talkOf(tongue: Tongue): readonly Item[] {
  const say = (german: string, english: string) => (tongue === "de" ? german : english);
  const question = messageOf(
    "me",
    1480,
    say(
      "Guten Tag, ich brauche ein Folgerezept für Ramipril 5 mg.",
      "Hello, I need a repeat prescription for Ramipril 5 mg.",
    ),
  );
  const asked = messageOf(
    "yildiz",
    24,
    say(
      "Gern. Möchten Sie es abholen, oder sollen wir es als E-Rezept auf Ihre Karte laden?",
      "Of course. Would you like to collect it, or shall we load it onto your card?",
    ),
  );
  return [
    question,
    messageOf(
      "bot",
      1479,
      say("Ich leite Ihre Frage an den Empfang weiter.", "I am passing your question on to the front desk."),
      { isByMachine: true },
    ),
    messageOf("bot", 1479, say("Worum geht es?", "What is it about?"), {
      question: {
        label: say("Worum geht es?", "What is it about?"),
        choices: [say("Rezept", "Prescription"), say("Termin", "Appointment"), say("Rechnung", "Bill")],
        chosen: say("Rezept", "Prescription"),
      },
    }),
    happeningOf("joined", 26, "yildiz"),
    messageOf("yildiz", 25, say("Guten Tag, hier ist der Empfang.", "Hello, this is the front desk.")),
    asked,
    messageOf(
      "me",
      12,
      say(
        "Auf die Karte bitte. Und könnten Sie mir den letzten Laborbefund schicken?",
        "Onto the card, please. And could you send me the last lab report?",
      ),
      { replyTo: asked.id },
    ),
    messageOf(
      "yildiz",
      8,
      say("Das Rezept ist unterwegs. Hier ist der Befund.", "The prescription is on its way. Here is the report."),
      { isEdited: true },
    ),
    messageOf("yildiz", 8, "", {
      isSensitive: true,
      file: {
        name: say("Laborbefund-2026-11-20.pdf", "Lab-report-2026-11-20.pdf"),
        mediaType: "application/pdf",
        sizeB: 241_300,
        state: "here",
        movedB: 241_300,
        canPreview: false,
        failure: null,
        untilMs: null,
        isUpload: false,
      },
    }),
    messageOf("me", 2, say("Vielen Dank, das ging schnell.", "Thank you, that was quick.")),
  ];
}

/** Many messages, for measuring. */
export function manyOf(count: number): readonly Item[] {
  const words = "Termin Rezept Befund bitte gern morgen heute Uhr Karte Rechnung Überweisung vielen Dank".split(" ");
  return Array.from({ length: count }, (_, at) => {
    const length = 2 + ((at * 7) % 31);
    const text = Array.from({ length }, (__, word) => words[(at * 3 + word * 5) % words.length]).join(" ");
    return messageOf(at % 5 < 2 ? "me" : "yildiz", (count - at) * 4, text);
  });
}
