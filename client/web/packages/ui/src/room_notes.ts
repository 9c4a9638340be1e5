/** Notes at the top of a room: what is wrong or worth knowing now, the most important first, two at most. */

import { type IconName, icon } from "./all_icons.ts";
import type { Hours, Item, RoomState } from "./backend.ts";
import { channelLink } from "./channel_link.ts";
import { h } from "./dom.ts";
import { reachesNobody } from "./reach.ts";
import type { Opened } from "./room.ts";
import { atMsOf } from "./rows.ts";
import type { Clock } from "./times.ts";
import type { Words } from "./words.ts";
import { laterWords } from "./words_later.ts";

const MAX_NOTES = 2;
/** After so long it is said that a text does not leave. */
const STUCK_MS = 10 * 60_000;

export interface NoteContext {
  readonly words: Words;
  readonly clock: Clock;
  readonly nowMs: number;
  readonly opens: (what: Opened) => () => void;
  /** Show the notes anew. */
  readonly update: () => void;
}

interface Note {
  readonly id: string;
  readonly tone: "" | "warn" | "stop";
  readonly icon: IconName;
  readonly text: string;
  readonly action: HTMLElement | null;
  readonly canDismiss: boolean;
}

/** The ids of notes that a person has hidden on this page. */
const dismissed = new Set<string>();
let stuckTimer: ReturnType<typeof setTimeout> | undefined;

/** The notes of this state, each with its id as its key. */
export function notesView(state: RoomState, context: NoteContext): HTMLElement[] {
  const notes = notesOf(state, context).filter((note) => !dismissed.has(note.id));
  return notes.slice(0, MAX_NOTES).map((note) => noteView(note, context));
}

function noteView(note: Note, { words, update }: NoteContext): HTMLElement {
  const label = words("banner.dismiss");
  const dismiss = () => {
    dismissed.add(note.id);
    update();
  };
  const leave =
    note.canDismiss &&
    h("button", { class: "round", type: "button", "aria-label": label, onclick: dismiss }, icon("close"));
  return h(
    "div",
    { class: `note ${note.tone}`, "data-key": note.id },
    icon(note.icon),
    h("div", null, h("span", null, note.text), note.action),
    leave,
  );
}

function notesOf(state: RoomState, context: NoteContext): Note[] {
  const found = [alarmNote, replacedNote, listNote, linkNote, stuckNote, staleNote, hoursNote, sessionNote, codeNote];
  const notes = found.map((note) => note(state, context)).filter((note) => note !== null);
  // What has not left waits for nobody there yet.
  return notes.some(({ id }) => id === "stuck") ? notes.filter(({ id }) => id !== "waiting") : notes;
}

function button(word: string, act: () => void): HTMLElement {
  return h("button", { class: "button small", type: "button", onclick: act }, word);
}

function alarmNote({ alarm, company }: RoomState, { words, opens }: NoteContext): Note | null {
  if (alarm === null) return null;
  const text = words(`alarm.${alarm.kind}`, { company: company?.name ?? words("someone") });
  const action = button(words("alarm.open"), opens("showAlarm"));
  return { id: "alarm", tone: "stop", icon: "stop", text, action, canDismiss: false };
}

/** Another device has the account: in every part of a room's life, with the way on (ACC-67). */
function replacedNote(state: RoomState, { words, opens }: NoteContext): Note | null {
  if (state.account !== "replaced") return null;
  const say = laterWords(words);
  const company = state.company?.name ?? words("someone");
  const isByCode = state.code === "used";
  const text = say(isByCode ? "replaced.code" : "replaced.other", { company });
  const anew = button(say("replaced.anew"), opens("beginAnew"));
  const call = isByCode ? callButton(state) : null;
  const action = call === null ? anew : h("div", { class: "acts" }, anew, call);
  return { id: "replaced", tone: isByCode ? "stop" : "warn", icon: "warn", text, action, canDismiss: false };
}

/** The list of devices ends, or has, unless the first one is opened; while that is looked up, nothing is said (ID-65). */
function listNote({ listUntilMs, account, link }: RoomState, { words, clock, nowMs, opens }: NoteContext): Note | null {
  if (listUntilMs === undefined || account === "replaced") return null;
  const isOver = nowMs > listUntilMs;
  if (isOver && link === "connecting") return null;
  const say = laterWords(words);
  const text = say(isOver ? "list.over" : "list.ends", { when: clock.day(listUntilMs, nowMs) });
  const action = isOver ? button(say("replaced.anew"), opens("beginAnew")) : null;
  return { id: isOver ? "list-over" : "list-ends", tone: "warn", icon: "warn", text, action, canDismiss: !isOver };
}

const fullNote = { id: "full", tone: "stop", icon: "warn", action: null, canDismiss: false } as const;

/** What the company has still to be told, or to answer. */
const OPEN_ORDERS: readonly RoomState["erasure"][] = ["unsent", "asked", "held"];

/** What is erased waits for no connection, but an order to erase does (STO-54). */
function linkNote(state: RoomState, { words }: NoteContext): Note | null {
  const { link } = state;
  const isOver = state.phase === "erased" && !OPEN_ORDERS.includes(state.erasure);
  if (link === "online" || state.account === "replaced" || isOver) return null;
  if (link === "full") return { ...fullNote, text: laterWords(words)("full") };
  const tone = link === "offline" ? "warn" : "";
  return { id: link, tone, icon: "offline", text: words(`banner.${link}`), action: null, canDismiss: false };
}

/**
 * A text that does not leave although there is a connection: by no statement of a relay, only by how long it waits. A
 * clock that is wrong makes it so, and a company of which no device can be written to (SES-43, CNS-94); files take
 * their time.
 */
function stuckNote(state: RoomState, { words, nowMs, update }: NoteContext): Note | null {
  clearTimeout(stuckTimer);
  const isWriting = state.phase === "waiting" || state.phase === "open";
  if (state.link !== "online" || state.alarm !== null || !isWriting || reachesNobody(state, nowMs)) return null;
  const waiting = state.items.filter((item) => item.kind === "message" && item.delivery === "waiting" && !item.file);
  if (waiting.length === 0) return null;
  // What was written by another clock than that of now has waited for nobody knows how long.
  const longestMs = Math.max(...waiting.map((item) => Math.abs(nowMs - atMsOf(item))));
  if (longestMs < STUCK_MS) {
    stuckTimer = setTimeout(update, STUCK_MS - longestMs);
    return null;
  }
  const text = words("banner.stuck", { company: state.company?.name ?? words("someone") });
  return { id: "stuck", tone: "warn", icon: "clock", text, action: callButton(state), canDismiss: true };
}

function staleNote({ staleUntilMs }: RoomState, { words, clock, nowMs, opens }: NoteContext): Note | null {
  if (staleUntilMs === null) return null;
  const isOver = nowMs > staleUntilMs;
  const text = words(isOver ? "notice.due" : "notice.changed", { when: clock.moment(staleUntilMs, nowMs) });
  return {
    id: "stale",
    tone: "warn",
    icon: "shield",
    text,
    action: button(words("notice.show"), opens("showNotice")),
    canDismiss: false,
  };
}

/** Whether the person has written something: a greeting alone waits for nobody. */
const hasWritten = (items: readonly Item[]): boolean => items.some((item) => item.kind === "message" && item.delivery);

function hoursNote(state: RoomState, { words, clock, nowMs }: NoteContext): Note | null {
  const hours = state.company?.hours ?? null;
  if (state.phase !== "waiting" && state.phase !== "open") return null;
  if (hours?.isOpen === false) {
    const text = closedText(hours, words, clock, nowMs);
    return { id: "hours", tone: "", icon: "clock", text, action: callButton(state), canDismiss: true };
  }
  if (state.phase === "open" || !hasWritten(state.items)) return null;
  return { id: "waiting", tone: "", icon: "clock", text: words("banner.waiting"), action: null, canDismiss: true };
}

function closedText(hours: Hours, words: Words, clock: Clock, nowMs: number): string {
  if (hours.opensMs === null) return words("banner.closed-hours.words", { hours: hours.text });
  return words("banner.closed-hours", { when: clock.moment(hours.opensMs, nowMs) });
}

function callButton({ company }: RoomState): HTMLElement | null {
  const phone = company?.channels.find((channel) => channel.kind === "phone");
  const link = phone === undefined ? null : channelLink(phone);
  if (phone === undefined || link === null) return null;
  return h("a", { class: "button small", href: link }, icon("phone"), phone.value);
}

function sessionNote(state: RoomState, { words }: NoteContext): Note | null {
  const isRunning = state.phase === "waiting" || state.phase === "open";
  if (state.keeping.mode !== "session" || !isRunning) return null;
  return { id: "session", tone: "", icon: "info", text: words("banner.session"), action: null, canDismiss: true };
}

/** As long as the person has not shown to have the code on paper, and once something was written (ACC-68). */
function codeNote(state: RoomState, { words, opens }: NoteContext): Note | null {
  if (state.code !== "shown" || state.account === "replaced" || !hasWritten(state.items)) return null;
  const action = button(words("banner.code.show"), opens("showCode"));
  return { id: "code", tone: "", icon: "key", text: words("banner.code"), action, canDismiss: true };
}
