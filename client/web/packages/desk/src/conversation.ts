/** A room, or its notes, as the list of messages shows it: entries become messages and what happened. */

import type { ConversationState, Happened, Happening, Item, Member, Message } from "@sealroom/ui/backend.ts";
import type { Desk } from "./desk.ts";
import type { Place } from "./drafts.ts";
import type { EntryRow, PersonRow, RoomRow, StateRow } from "./messages.ts";
import type { Uploads } from "./uploads.ts";
import { MAX_FILE_B, roomUploads } from "./uploads.ts";

const PAGE = 50;
/** After so many have come a room is read anew, so that what is shown of it does not grow without end. */
const MOST_COME = 500;
/** As many are marked as read at once. */
const MOST_MARKED = 256;
/** What is said. */
const SAID: readonly string[] = ["text", "file", "form", "answer"];
const HAPPENED: Readonly<Record<string, Happened>> = {
  withdraw: "withdrawn",
  rating: "rated",
  erased: "erased",
  unknown: "unsupported",
};
const ACCESSES: Readonly<Record<string, Happened>> = {
  export: "exported",
  handover: "handed-over",
  read_in: "read-in",
  print: "exported",
};

export interface View {
  customer(row: RoomRow): string;
  /** A device of the company that has no name. */
  nameless(id: string): string;
  /** Whether the page is before a person. */
  isLookedAt(): boolean;
  /** What is kept of what is being written here. */
  drafted(place: Place, text: string): void;
}

export interface Conversation {
  readonly uploads: Uploads;
  state(): ConversationState;
  entries(): ReadonlyMap<string, EntryRow>;
  subscribe(listener: () => void): () => void;
  loadEarlier(): Promise<void>;
  /** Why what was asked for last could not be read; null where it was. */
  failure(): unknown;
  /** Ask for it once more. */
  retry(): Promise<void>;
  /** Everything up to this item was shown. */
  seen(id: string): void;
  /** The page is before a person again. */
  seenAgain(): void;
  close(): void;
}

/** Read a room and go on hearing of it. */
export function openConversation(desk: Desk, room: string, notesOf: string | null, view: View): Conversation {
  const isNotes = notesOf !== null;
  const heard = notesOf ?? room;
  let entries: readonly EntryRow[] = [];
  let unread = new Set<string>();
  let isStart = true;
  let seenTo: string | null = null;
  let come = 0;
  let failed: { readonly problem: unknown; readonly before: string | null } | null = null;
  let shown: ConversationState | null = null;
  let built: { entries: readonly EntryRow[]; items: readonly Item[]; members: readonly Member[] } | null = null;
  const listeners = new Set<() => void>();

  const uploads = roomUploads(desk, room, tell);

  function tell(): void {
    shown = null;
    for (const listener of [...listeners]) listener();
  }

  async function read(before: string | null): Promise<void> {
    const question = { type: "read", room, before, limit: PAGE, notes: isNotes } as const;
    const answer = await desk.ask(question).catch((problem: unknown) => {
      failed = { problem, before };
      tell();
      return null;
    });
    if (answer?.type !== "history") return;
    // The room was read anew meanwhile: what stands before this page is asked for again.
    if (before !== null && entries[0]?.id !== before) return;
    failed = null;
    entries = before === null ? answer.entries : [...answer.entries, ...entries];
    uploads.arrived(answer.entries);
    if (before === null) {
      unread = new Set(answer.unread);
      view.drafted(answer, answer.draft);
    }
    isStart = answer.isStart;
    mark();
    tell();
  }

  /** What is here up to where a person has read is read; what was never loaded is not. */
  function mark(): void {
    if (!view.isLookedAt()) return;
    const end = entries.findLastIndex((one) => one.id === seenTo) + 1;
    const found = entries.slice(0, end).flatMap(({ id }) => (unread.has(id) ? [id] : []));
    const ids = found.slice(0, MOST_MARKED);
    const among = unread;
    for (const id of ids) among.delete(id);
    if (ids.length === 0 || isNotes) return;
    desk.ask({ type: "markRead", room, entries: ids }).catch(() => {
      for (const id of ids) among.add(id);
      tell();
    });
  }

  function take(rows: readonly EntryRow[]): void {
    const known = new Map(entries.map((one, at) => [one.id, at]));
    const next = [...entries];
    for (const row of rows) {
      const at = known.get(row.id);
      if (at !== undefined) next[at] = row;
      else {
        come += 1;
        next.push(row);
        if (!row.author.isThis) unread.add(row.id);
      }
    }
    entries = next;
    uploads.arrived(rows);
    tell();
    if (come < MOST_COME) return;
    come = 0;
    void read(null);
  }

  const stop = desk.hear((message) => {
    if (!isNotes && uploads.take(message)) tell();
    if (message.type !== "entries" || message.room !== heard) return;
    if (message.again) void read(null);
    else take(message.entries);
  });
  const stopState = desk.subscribe(tell);
  void read(null);

  function make(): ConversationState {
    const { connection, rooms } = desk.state();
    const row = rooms.get(room);
    if (built?.entries !== entries) {
      const members = membersOf(entries, row, view, built?.members ?? []);
      built = { entries, members, items: itemsOf(entries, isStart, built?.items ?? []) };
    }
    const isOpen = row?.phase === "open";
    const canWrite = isNotes ? row?.isHere === true : isOpen && row.isHere;
    const self = desk.state().me?.id ?? "";
    return {
      link: connection,
      phase: row === undefined || row.phase === "begun" ? "waiting" : row.phase,
      members: built.members,
      items: isNotes ? built.items : [...built.items, ...uploads.items(self)],
      // What could not be read is asked for again by a person.
      hasEarlier: !isStart && failed === null,
      unread: unread.size,
      canWrite,
      canSendFiles: canWrite && !isNotes,
      maxFileB: MAX_FILE_B,
      alarm: null,
    };
  }

  return {
    uploads,
    state() {
      shown ??= make();
      return shown;
    },
    entries: () => new Map(entries.map((one) => [one.id, one])),
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    loadEarlier: () => read(entries[0]?.id ?? null),
    failure: () => failed?.problem ?? null,
    retry: () => read(failed?.before ?? null),
    seen(id) {
      // A file on its way stands below all entries; some entries are several items.
      const entry = entries.findLast((one) => id === one.id || id.startsWith(`${one.id}-`)) ?? entries.at(-1);
      seenTo = entry?.id ?? null;
      mark();
    },
    seenAgain: mark,
    close() {
      stop();
      stopState();
      listeners.clear();
    },
  };
}

/**
 * Whether something that was said before this device joined is here: handed over, or sent to it by who wrote it
 * (ROOM-35). What opens a room is handed to everybody who joins.
 */
export function hasBefore(entries: readonly EntryRow[]): boolean {
  const joined = entries.findIndex(({ state }) => state?.members.some((one) => one.isThis));
  return entries.some((one, at) => SAID.includes(one.kind) && (at < joined || one.forwardedBy !== null));
}

/** Who has written or is in the room; an unchanged list is the same object. */
function membersOf(
  entries: readonly EntryRow[],
  row: RoomRow | undefined,
  view: View,
  before: readonly Member[],
): readonly Member[] {
  const present = new Set(entries.findLast((one) => one.state !== null)?.state?.members.map((one) => one.id) ?? []);
  const people = new Map<string, PersonRow>();
  for (const one of entries) {
    people.set(one.author.id, one.author);
    for (const member of one.state?.members ?? []) people.set(member.id, member);
  }
  const members = [...people.values()].flatMap((one): Member[] => {
    const isCustomer = one.role === "customer";
    const member: Member = {
      id: one.id,
      name: isCustomer && row !== undefined ? view.customer(row) : (one.name ?? view.nameless(one.id)),
      kind: isCustomer ? "customer" : one.isBot ? "bot" : "person",
      team: one.teams[0] ?? null,
      isSelf: one.isThis,
      isPresent: isCustomer || present.has(one.id),
    };
    return [member, { ...member, id: named(one.id), isSelf: false, isPresent: false }];
  });
  return JSON.stringify(members) === JSON.stringify(before) ? before : members;
}

/** All that is shown; an item that did not change is the same object. */
function itemsOf(entries: readonly EntryRow[], isStart: boolean, before: readonly Item[]): readonly Item[] {
  const known = new Map(before.map((one) => [one.id, one]));
  const items: Item[] = [];
  let last: StateRow | null = null;
  const logins = new Map(entries.filter(isLogin).map((one) => [one.id, one.author.id]));
  const newest = entries.findLast((one) => one.state !== null)?.state?.phase;
  const isOver = newest === "withdrawn" || newest === "erased";
  for (const entry of entries) {
    const made: Item[] =
      entry.kind === "text" || entry.kind === "file" ? [messageOf(entry)] : happeningsOf(entry, last, isStart, isOver);
    for (const one of entry.state?.answers ?? []) {
      const who = logins.get(one);
      if (who !== undefined) made.push(happening(entry, "identified", who, made.length));
    }
    if (entry.state !== null) last = entry.state;
    for (const item of made) {
      if (isErasure(item) && isErasure(items.at(-1))) continue;
      const old = known.get(item.id);
      items.push(old !== undefined && JSON.stringify(old) === JSON.stringify(item) ? old : item);
    }
  }
  return items;
}

/** A login is told with the state that grants it; the end of one is none (CNS-42). */
function isLogin({ kind, what, isHidden }: EntryRow): boolean {
  return kind === "identify" && what === null && !isHidden;
}

/** Each device says that it has erased; one line after the other is one. */
function isErasure(item: Item | undefined): boolean {
  return item?.kind === "happening" && item.what === "erased";
}

function messageOf(entry: EntryRow): Message {
  const { file } = entry;
  return {
    kind: "message",
    id: entry.id,
    author: entry.author.id,
    writtenMs: entry.writtenMs,
    text: entry.text ?? "",
    language: null,
    delivery: entry.progress,
    failure: null,
    replyTo: entry.reply,
    isEdited: entry.firstWording !== null,
    isErased: entry.isHidden && !entry.isSensitive,
    isSensitive: entry.isSensitive,
    isByMachine: entry.byMachine,
    file:
      file === null
        ? null
        : {
            name: file.name,
            mediaType: file.mediaType,
            sizeB: file.sizeB,
            state: file.isHere ? "here" : file.expiresMs < Date.now() ? "gone" : "offered",
            movedB: 0,
            canPreview: true,
            failure: null,
            untilMs: null,
            isUpload: false,
          },
    question: null,
  };
}

function happeningsOf(entry: EntryRow, last: StateRow | null, isStart: boolean, isOver: boolean): Happening[] {
  // What was said with a state goes with all else that was said.
  if (entry.state !== null)
    return changesOf(entry, isOver ? { ...entry.state, text: null } : entry.state, last, isStart);
  const access = entry.kind === "access" ? ACCESSES[entry.what ?? ""] : undefined;
  const what = access ?? HAPPENED[entry.kind];
  return what === undefined ? [] : [happening(entry, what, entry.author.id, 0)];
}

/** A state tells what holds; what happened is what it changes. */
function changesOf(entry: EntryRow, state: StateRow, last: StateRow | null, isStart: boolean): Happening[] {
  if (last === null && !isStart) return [];
  const before = new Set(last?.members.map((one) => one.id) ?? []);
  const now = new Set(state.members.map((one) => one.id));
  const found: (readonly [Happened, string | null])[] = [];
  for (const one of state.members) if (!before.has(one.id)) found.push(["joined", one.id]);
  for (const one of last?.members ?? []) if (!now.has(one.id)) found.push(["left", one.id]);
  const { assigned } = state;
  if (assigned !== null && last !== null && assigned !== last.assigned && before.has(assigned))
    found.push(["assigned", assigned]);
  if (last !== null && last.phase !== state.phase && state.phase === "closed") found.push(["closed", null]);
  if (last !== null && last.phase !== "open" && state.phase === "open") found.push(["reopened", null]);
  const told = { ...entry, detail: state.text };
  return found.map(([what, member], at) => happening(member === null ? told : entry, what, member, at));
}

/** The id under which what happened names somebody: oneself too, by name. */
function named(id: string): string {
  return `named-${id}`;
}

function happening(entry: EntryRow, what: Happened, member: string | null, at: number): Happening {
  const id = at === 0 ? entry.id : `${entry.id}-${at}`;
  const who = member === null ? null : named(member);
  return { kind: "happening", id, atMs: entry.writtenMs, what, member: who, detail: entry.detail, count: entry.count };
}
