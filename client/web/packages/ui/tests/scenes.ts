/** Every state that a customer's window can be in, by name. */

import type { Item, RoomState } from "../src/backend.ts";
import {
  closedHours,
  companyOf,
  happeningOf,
  manyOf,
  membersOf,
  messageOf,
  NOW_MS,
  noticeOf,
  type Tongue,
  talkOf,
} from "./scene_parts.ts";

const DAY_MS = 86_400_000;

function base(tongue: Tongue): RoomState {
  return {
    link: "online",
    phase: "open",
    members: membersOf(tongue),
    items: [],
    room: "room",
    hasEarlier: false,
    unread: 0,
    canWrite: true,
    canSendFiles: true,
    maxFileB: 67_108_864,
    alarm: null,
    obstacle: null,
    fault: null,
    company: companyOf(tongue),
    notice: noticeOf(tongue),
    staleUntilMs: null,
    acceptedMode: "consent",
    keeping: { mode: "device", untilMs: NOW_MS + 7 * DAY_MS },
    canRate: false,
    canReopen: false,
    code: "none",
    erasure: "none",
    heldUntilMs: null,
    account: "key",
  };
}

type Maker = (tongue: Tongue) => Partial<RoomState>;

const nobody = (tongue: Tongue) => membersOf(tongue).filter((member) => member.isSelf);
const hello = (tongue: Tongue, more: Parameters<typeof messageOf>[3] = {}) =>
  messageOf(
    "me",
    3,
    tongue === "de"
      ? "Guten Tag, haben Sie diese Woche noch einen Termin frei?"
      : "Hello, do you have an appointment this week?",
    more,
  );
const blocked =
  (obstacle: NonNullable<RoomState["obstacle"]>): Maker =>
  () => ({ phase: "blocked", obstacle, canWrite: false, notice: null });

/** Spoken of in every language and theme by the pictures. */
export const SCENES: Readonly<Record<string, Maker>> = {
  loading: () => ({ phase: "loading", company: null, notice: null, canWrite: false }),
  notice: () => ({ phase: "notice", canWrite: false, acceptedMode: null }),
  explicit: (tongue) => ({
    phase: "notice",
    canWrite: false,
    acceptedMode: null,
    notice: noticeOf(tongue, "explicit"),
  }),
  refused: () => ({ phase: "refused", canWrite: false, acceptedMode: null }),
  empty: (tongue) => ({ phase: "waiting", members: nobody(tongue) }),
  waiting: (tongue) => ({ phase: "waiting", members: nobody(tongue), items: [hello(tongue, { delivery: "sent" })] }),
  open: (tongue) => ({ items: talkOf(tongue) }),
  hours: (tongue) => ({
    phase: "waiting",
    members: nobody(tongue),
    company: companyOf(tongue, closedHours(tongue)),
    items: [hello(tongue)],
  }),
  offline: (tongue) => ({
    link: "offline",
    items: [
      ...talkOf(tongue),
      messageOf("me", 0, tongue === "de" ? "Eine Frage noch." : "One more question.", { delivery: "waiting" }),
    ],
  }),
  full: (tongue) => ({ link: "full", items: talkOf(tongue) }),
  stuck: (tongue) => ({
    items: [...talkOf(tongue), { ...hello(tongue), delivery: "waiting", writtenMs: NOW_MS - DAY_MS }],
  }),
  failed: (tongue) => ({
    items: [...talkOf(tongue).slice(0, 6), hello(tongue, { delivery: "failed", failure: "local.full" })],
  }),
  files: (tongue) => ({ items: filesOf(tongue) }),
  choices: (tongue) => ({ items: choicesOf(tongue) }),
  session: (tongue) => ({ items: talkOf(tongue).slice(0, 5), keeping: { mode: "session", untilMs: null } }),
  stale: (tongue) => ({ items: talkOf(tongue), staleUntilMs: NOW_MS + 3 * DAY_MS }),
  alarm: (tongue) => ({
    items: talkOf(tongue),
    canWrite: false,
    alarm: {
      kind: "identity",
      sinceMs: NOW_MS,
      before: companyOf(tongue).fingerprint,
      now: ["A01B", "77E2", "5C9D", "1F08", "B3B4", "E6A9", "204C", "91D7"],
    },
  }),
  closed: (tongue) => ({
    phase: "closed",
    canWrite: false,
    canRate: true,
    canReopen: true,
    items: [...talkOf(tongue), happeningOf("closed", 1, "yildiz")],
  }),
  code: (tongue) => ({ items: talkOf(tongue), code: "shown", keeping: { mode: "recoverable", untilMs: null } }),
  taken: (tongue) => ({ items: talkOf(tongue), canWrite: false, account: "replaced", code: "used" }),
  replaced: (tongue) => ({ items: talkOf(tongue), canWrite: false, account: "replaced" }),
  frozen: (tongue) => ({ phase: "frozen", canWrite: false, items: talkOf(tongue) }),
  withdrawn: (tongue) => ({
    phase: "withdrawn",
    canWrite: false,
    erasure: "asked",
    items: [...talkOf(tongue), happeningOf("withdrawn", 1, "me")],
  }),
  held: (_tongue) => ({
    phase: "withdrawn",
    canWrite: false,
    erasure: "held",
    heldUntilMs: NOW_MS + 300 * DAY_MS,
    items: [happeningOf("withdrawn", 1, "me")],
  }),
  lost: (tongue) => ({ ...blocked("storage-lost")(tongue), keeping: { mode: "recoverable", untilMs: null } }),
  anew: blocked("storage-lost"),
  private: blocked("storage-blocked"),
  ended: blocked("storage-ended"),
  old: blocked("browser-too-old"),
  outdated: blocked("page-too-old"),
  missing: () => ({ phase: "blocked", obstacle: "door-missing", canWrite: false, notice: null, company: null }),
  clock: () => ({ phase: "blocked", obstacle: "door-expired", canWrite: false, notice: null, company: null }),
  wrong: () => ({ phase: "blocked", obstacle: "door-wrong", canWrite: false, notice: null, company: null }),
  foreign: () => ({ phase: "blocked", obstacle: "other-site", canWrite: false, notice: null, company: null }),
  unavailable: blocked("company-unavailable"),
  many: () => ({ items: manyOf(10_000) }),
};

function filesOf(tongue: Tongue): Item[] {
  const file = (name: string, more: Partial<NonNullable<ReturnType<typeof messageOf>["file"]>>) => ({
    file: {
      name,
      mediaType: "application/pdf",
      sizeB: 4_213_000,
      state: "here" as const,
      movedB: 4_213_000,
      canPreview: false,
      failure: null,
      untilMs: null,
      isUpload: false,
      ...more,
    },
  });
  return [
    messageOf("yildiz", 30, tongue === "de" ? "Bitte unterschreiben Sie das Formular." : "Please sign the form."),
    messageOf("yildiz", 30, "", file("Einverständnis.pdf", { state: "offered", movedB: 0, sizeB: 84_200 })),
    messageOf("me", 9, "", {
      ...file("Foto vom Formular.jpg", { mediaType: "image/png", canPreview: true, sizeB: 1_204_000 }),
      delivery: "delivered",
    }),
    messageOf(
      "yildiz",
      6,
      "",
      file("Aufnahme-mit-einem-sehr-langen-Namen-ohne-Leerzeichen-2026-11-29.pdf", { state: "gone" }),
    ),
    messageOf("me", 2, "", { ...file("Unterlagen.zip", { state: "failed", movedB: 1_300_000 }), delivery: "waiting" }),
    messageOf("me", 1, "", { ...file("Bescheid.pdf", { state: "moving", movedB: 2_600_000 }), delivery: "waiting" }),
  ];
}

function choicesOf(tongue: Tongue): Item[] {
  const isGerman = tongue === "de";
  const label = isGerman ? "Worum geht es?" : "What is it about?";
  const choices = isGerman
    ? ["Rezept", "Termin", "Rechnung", "Etwas anderes"]
    : ["Prescription", "Appointment", "Bill", "Something else"];
  return [messageOf("bot", 1, label, { isByMachine: true, question: { label, choices, chosen: null } })];
}

/** The state of a scene. */
export function sceneOf(name: string, tongue: Tongue): RoomState {
  const make = SCENES[name];
  if (make === undefined) throw new Error(`no scene ${name}`);
  return { ...base(tongue), ...make(tongue) };
}
