/** A room's conversation as screens show it: messages, and lines that nobody wrote; what did not change is the same object. */

import { hex } from "@sealroom/core/bytes.ts";
import type { TakenState } from "@sealroom/core/rooms/head.ts";
import type { RoomState } from "@sealroom/core/rooms/state.ts";
import { CLOSED, FROZEN, OPEN } from "@sealroom/core/rooms/state.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import type { FileOfMessage, Happened, Happening, Item, Message, Question } from "@sealroom/ui/backend.ts";
import type { CustomerEvent } from "./engine/events.ts";
import { KIND_RATING } from "./engine/rooms/judging.ts";
import type { Room } from "./engine/rooms/model.ts";
import { fits } from "./engine/rooms/wordings.ts";
import type { FileStatus, UploadView } from "./files/host.ts";
import type { EntryView } from "./views.ts";
import { fieldOf } from "./views.ts";

const TEXT = 3;
const ERASE = 5;
const FILE = 7;
const WITHDRAW = 9;
const ACCESS = 16;
const IDENTIFY = 17;
const FORM = 18;
const ANSWER = 19;
const REFUSAL = 22;
/** Known, and shown by what they do, if at all. */
const SILENT: readonly number[] = [1, 2, 4, 6, 8, 10, 12, 13, 14, 15, IDENTIFY, 19, 21, REFUSAL];
const ACCESSES: readonly (Happened | null)[] = [null, "exported", "handed-over", "read-in", "exported"];
const COMES: readonly Happened[] = ["joined", "assigned", "transferred"];
const CHOICE = 1;
const PARTED: readonly string[] = ["equivocation", "differ"];

/** One question of one choice, as the form that asks it. */
export interface Asked {
  readonly title: string;
  readonly question: number;
  readonly choices: readonly string[];
}

/** What a room shows beside its entries: the states that hold, and failures by entry. */
export interface Around {
  readonly path: readonly TakenState[];
  readonly failures: ReadonlyMap<string, string>;
  /** How far the file of an entry is. */
  readonly fileOf: (entry: string) => FileStatus;
  /** Files on their way out; nothing is said of them yet, so they stand last. */
  readonly uploads: readonly UploadView[];
  readonly self: string;
  readonly noticed: readonly Noticed[];
  readonly room: Pick<Room, "id" | "shownGaps">;
}

/** What was noticed while a room was open, after the entry that was last then. */
export interface Noticed {
  readonly event: Extract<CustomerEvent, { readonly type: "gap" | "finding" }>;
  readonly after: string | null;
  readonly atMs: number;
  readonly number: number;
}

/** Keeps the object of each item that comes out equal. */
export class Items {
  #known = new Map<string, { readonly json: string; readonly item: Item }>();

  of(entries: readonly EntryView[], around: Around): readonly Item[] {
    const found = allItems(entries, around);
    const known = new Map(found.map((item) => [item.id, this.#same(item)] as const));
    this.#known = known;
    return [...known.values()].map(({ item }) => item);
  }

  #same(item: Item): { readonly json: string; readonly item: Item } {
    const json = JSON.stringify(item);
    const known = this.#known.get(item.id);
    return known?.json === json ? known : { json, item: Object.freeze(item) };
  }
}

function allItems(entries: readonly EntryView[], around: Around): readonly Item[] {
  // What was said with a state goes with all else that was said: in a room that is over, and before our erasure of all.
  const isOver = (around.path.at(-1)?.state.phase ?? OPEN) > FROZEN;
  const erasedTo = entries.findLastIndex(({ kind, ours, payload }) => {
    return kind === ERASE && ours && fieldOf(payload, 1) === null;
  });
  const isGone = new Set(entries.slice(0, isOver ? entries.length : Math.max(erasedTo, 0)).map(({ id }) => id));
  const said = (id: string, state: RoomState) => (isGone.has(id) ? { ...state, text: null } : state);
  const steps = new Map(
    around.path.map(({ hash, state }, i) => {
      return [hex(hash), { state: said(hex(hash), state), before: around.path[i - 1] }] as const;
    }),
  );
  const answered = new Set(around.path.flatMap(({ state }) => state.answers.map(hex)));
  const answers = answersOf(entries);
  const logins = new Map(entries.filter(isLogin).map((one) => [one.id, one]));
  const noticed = around.noticed.filter((one) => isNow(one, around.room));
  const noticedAfter = (id: string | null) => noticed.filter(({ after }) => after === id).map(noticedAs);
  const items: Item[] = noticedAfter(null);
  for (const entry of entries) {
    const step = steps.get(entry.id);
    if (step === undefined)
      for (const one of [...itemOf(entry, answers, around), ...refused(entry, logins, answered)]) add(items, one);
    else items.push(...changes(entry, step.state, step.before?.state), ...granted(entry, step.state, logins));
    items.push(...noticedAfter(entry.id));
  }
  return [...items, ...around.uploads.map((one) => uploading(one, around.self))];
}

/**
 * Who comes and is handed history is one line, with how many entries that were; so are two of a company that hand it to
 * the same colleague, one after the other (ROOM-56).
 */
function add(items: Item[], item: Item): void {
  const before = items.at(-1);
  const isOne = item.kind === "happening" && item.what === "handed-over" && before?.kind === "happening";
  const isLike = isOne && (COMES.includes(before.what) || (before.what === item.what && before.detail === item.detail));
  if (isLike && before.member === item.member) items[items.length - 1] = { ...before, count: item.count };
  else items.push(item);
}

// --- messages ---

function itemOf(entry: EntryView, answers: ReadonlyMap<string, Value>, around: Around): readonly Item[] {
  const { kind } = entry;
  if (kind === TEXT || kind === FILE) return [message(entry, around)];
  const asked = kind === FORM ? askedBy(entry) : null;
  if (asked !== null)
    return [{ ...message(entry, around), text: asked.title, question: asking(asked, entry, answers) }];
  return happeningOf(entry);
}

function message(entry: EntryView, { failures, fileOf }: Around): Message {
  const { id, author, delivery } = entry;
  return {
    ...{ kind: "message", id, author, delivery, file: fileOfEntry(entry, fileOf(id)), question: null },
    writtenMs: entry.writtenMs,
    text: entry.text ?? "",
    language: entry.language,
    failure: delivery === "failed" ? (failures.get(id) ?? "relay.denied") : null,
    replyTo: entry.replyTo,
    isEdited: entry.isEdited,
    isErased: entry.isErased,
    isSensitive: entry.isSensitive,
    isByMachine: entry.isByMachine,
  };
}

function fileOfEntry({ kind, payload, isErased }: EntryView, status: FileStatus): FileOfMessage | null {
  if (kind !== FILE) return null;
  const sizeB = Number(fieldOf(payload, 5) ?? 0);
  const said = { name: String(fieldOf(payload, 6) ?? ""), mediaType: String(fieldOf(payload, 7) ?? ""), sizeB };
  const { movedB, code, untilMs } = status;
  const state = isErased ? "gone" : status.state;
  const canPreview = state !== "here" || status.isRight;
  return {
    ...said,
    state,
    movedB: state === "moving" ? movedB : 0,
    canPreview,
    failure: code,
    untilMs,
    isUpload: false,
  };
}

/** A file on its way out, as a message of ours that waits. */
function uploading(one: UploadView, author: string): Message {
  const { id, name, mediaType, sizeB, movedB, code } = one;
  const state = one.state === "failed" ? "failed" : "moving";
  const file: FileOfMessage = {
    ...{ name, mediaType, sizeB, state, movedB, canPreview: false, failure: code, untilMs: null, isUpload: true },
  };
  return {
    ...{ kind: "message", id, author, delivery: null, file, question: null, writtenMs: one.createdMs, text: "" },
    ...{ language: null, failure: null, replyTo: null },
    ...{ isEdited: false, isErased: false, isSensitive: false, isByMachine: false },
  };
}

/** A form of one question with choices; null of any other, which is not shown yet. */
export function askedBy({ payload }: EntryView): Asked | null {
  const questions = fieldOf(payload, 2);
  const [only, second] = Array.isArray(questions) ? (questions as readonly Value[][]) : [];
  if (only === undefined || second !== undefined || only[1] !== CHOICE) return null;
  const [question, , label, , choices] = only;
  const title = String(label ?? fieldOf(payload, 1) ?? "");
  return { title, question: Number(question), choices: (choices as Value[]).map(String) };
}

function asking(asked: Asked, entry: EntryView, answers: ReadonlyMap<string, Value>): Question {
  const given = answers.get(entry.id) as readonly (readonly [number, Value])[] | undefined;
  const number = given?.find(([question]) => question === asked.question)?.[1];
  const chosen = number === undefined ? null : (asked.choices[Number(number)] ?? null);
  return { label: String(fieldOf(entry.payload, 1) ?? ""), choices: asked.choices, chosen };
}

/** The answers that count, by their form: the last one that fits (TRN-44). */
function answersOf(entries: readonly EntryView[]): ReadonlyMap<string, Value> {
  const forms = new Map(entries.filter((one) => one.kind === FORM).map((one) => [one.id, one.payload]));
  const found = new Map<string, Value>();
  for (const { kind, payload } of entries) {
    const named = kind === ANSWER ? fieldOf(payload, 1) : null;
    if (!(named instanceof Uint8Array)) continue;
    const form = forms.get(hex(named)) ?? null;
    const given = fieldOf(payload, 2);
    if (form !== null && fits(form, given)) found.set(hex(named), given);
  }
  return found;
}

// --- lines that nobody wrote ---

/** What is missing still; two entries of one number, while a chain that begins anew is no second version (TRN-07). */
function isNow({ event }: Noticed, { id, shownGaps }: Around["room"]): boolean {
  if (event.room !== hex(id)) return false;
  return event.type === "gap" ? shownGaps.has(`${event.author}:${event.last}`) : PARTED.includes(event.finding);
}

/** The author names a device in its room alone, so no member is told by it. */
function noticedAs({ event, atMs, number }: Noticed): Happening {
  const isGap = event.type === "gap";
  const what = isGap ? "gap" : "differ";
  const count = isGap ? event.last - event.first + 1 : null;
  return { kind: "happening", id: `${what}:${number}`, atMs, what, member: null, detail: null, count };
}

function happening(entry: EntryView, what: Happened, more: Partial<Happening> = {}): Happening {
  return {
    kind: "happening",
    id: entry.id,
    atMs: entry.writtenMs,
    what,
    member: null,
    detail: null,
    count: null,
    ...more,
  };
}

function happeningOf(entry: EntryView): readonly Happening[] {
  const { kind, payload, author } = entry;
  if (kind === ERASE) return fieldOf(payload, 1) === null ? [happening(entry, "erased", { member: author })] : [];
  if (kind === WITHDRAW) return [happening(entry, "withdrawn")];
  if (kind === ACCESS) return access(entry);
  if (kind === KIND_RATING) return [happening(entry, "rated", { count: Number(fieldOf(payload, 1) ?? 0) })];
  return SILENT.includes(kind) ? [] : [happening(entry, "unsupported", { member: author })];
}

function access(entry: EntryView): readonly Happening[] {
  const what = ACCESSES[Number(fieldOf(entry.payload, 1) ?? 0)] ?? null;
  if (what === null) return [];
  const device = fieldOf(entry.payload, 2);
  const reason = fieldOf(entry.payload, 5);
  const member = what === "handed-over" ? hex(device as Uint8Array) : entry.author;
  const detail = typeof reason === "string" ? reason : null;
  return [happening(entry, what, { member, detail, count: Number(fieldOf(entry.payload, 3) ?? 0) })];
}

/** What a state changes: who takes the room up, who comes and goes, whether it is open. */
function changes(entry: EntryView, state: RoomState, before: RoomState | undefined): readonly Happening[] {
  const was = (before?.members ?? []).map(hex);
  const is = state.members.map(hex);
  const from = before?.assigned == null ? null : hex(before.assigned);
  const to = state.assigned === null ? null : hex(state.assigned);
  const given: readonly [Happened, string][] =
    to === null || to === from ? [] : [[from === null ? "assigned" : "transferred", to]];
  const joined = is.filter((id) => !was.includes(id) && id !== to).map((id) => ["joined", id] as const);
  const isGiven = given.length > 0;
  const left = was.filter((id) => !is.includes(id) && !(isGiven && id === from)).map((id) => ["left", id] as const);
  const phases = phaseChange(state.phase, before?.phase ?? OPEN);
  const lines: readonly (readonly [Happened, string | null])[] = [...given, ...joined, ...left, ...phases];
  return lines.map(([what, member], i) => ({
    ...happening(entry, what, { member, detail: member === null ? state.text : null }),
    id: `${entry.id}:${i}`,
  }));
}

/** An `identify` that is null ends a login. */
function isLogin({ kind, payload }: EntryView): boolean {
  return kind === IDENTIFY && payload !== null;
}

/** A login is told with the state that grants it: it may have waited for somebody, or be refused (CNS-42). */
function granted(entry: EntryView, state: RoomState, logins: ReadonlyMap<string, EntryView>): readonly Happening[] {
  const found = state.answers.flatMap((hash) => logins.get(hex(hash)) ?? []);
  return found.map(({ id, author }) => ({
    ...happening(entry, "identified", { member: author }),
    id: `${entry.id}:${id}`,
  }));
}

/** A login that a steward has refused is told once, unless it was granted (CNS-57). */
function refused(
  entry: EntryView,
  logins: ReadonlyMap<string, EntryView>,
  answered: Set<string>,
): readonly Happening[] {
  const named = entry.kind === REFUSAL ? fieldOf(entry.payload, 1) : null;
  const login = named instanceof Uint8Array ? logins.get(hex(named)) : undefined;
  if (login === undefined || answered.has(login.id)) return [];
  answered.add(login.id);
  return [happening(entry, "not-identified", { member: login.author })];
}

function phaseChange(now: number, before: number): readonly (readonly [Happened, null])[] {
  if (now === CLOSED && before !== CLOSED) return [["closed", null]];
  return now === OPEN && before !== OPEN ? [["reopened", null]] : [];
}
