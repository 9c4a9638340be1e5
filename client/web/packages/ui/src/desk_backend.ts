/** What the desk's screens need from the agent's own process; the conversation itself is in `backend.ts`. */

import type { Conversation, ConversationState, Link, Member, Notice, SavedFile, Unsubscribe } from "./backend.ts";

/** A colleague; `isInForce` may act now. */
export interface Colleague {
  readonly id: string;
  readonly name: string;
  readonly kind: "person" | "bot";
  readonly teams: readonly string[];
  readonly isSelf: boolean;
  readonly isInForce: boolean;
}

/** Who the customer is: nobody known, or whom the company's own login named. */
export interface Customer {
  /** What the desk calls them: the login's name, or a short pseudonym. */
  readonly name: string;
  readonly isIdentified: boolean;
  readonly number: string | null;
  readonly identifiedMs: number | null;
  readonly language: string | null;
  readonly devices: number;
  /** A device was added since the last login; a supervisor looks before it is trusted. */
  readonly hasNewDevice: boolean;
}

/** One line of the queue. */
export interface RoomRow {
  readonly id: string;
  readonly customer: Customer;
  readonly status: "waiting" | "open" | "closed" | "frozen" | "withdrawn" | "erased";
  readonly team: string | null;
  /** The id of a colleague. */
  readonly assigned: string | null;
  /** Since when the customer waits for a word; null: the word is with the customer. */
  readonly waitingSinceMs: number | null;
  readonly lastMs: number;
  /** The start of the last message; empty where it is sensitive or erased. */
  readonly preview: string;
  readonly isPreviewOwn: boolean;
  readonly unread: number;
  readonly labels: readonly string[];
  readonly isSensitive: boolean;
  readonly isHeld: boolean;
  readonly hasAlarm: boolean;
}

/** `{name}`, `{agent}` and `{company}` are filled in on this device. */
export interface CannedAnswer {
  readonly id: string;
  readonly shortcut: string;
  readonly title: string;
  readonly text: string;
  readonly language: string | null;
}

export interface SearchHit {
  readonly roomId: string;
  readonly itemId: string;
  readonly atMs: number;
  readonly excerpt: string;
}

/** What one's rank allows; an action that is not allowed is not shown. */
export interface Rights {
  readonly assign: boolean;
  readonly close: boolean;
  readonly reopen: boolean;
  readonly clearSensitive: boolean;
  readonly hold: boolean;
  readonly readIn: boolean;
  readonly export: boolean;
}

/** Numbers of this day, computed on this device. */
export interface Figures {
  readonly waiting: number;
  readonly open: number;
  readonly longestWaitMs: number;
  readonly medianFirstAnswerMs: number | null;
  readonly closedToday: number;
}

export interface DeskState {
  readonly link: Link;
  /** The page and the process: `lost` means that the process ended. */
  readonly process: "starting" | "locked" | "running" | "lost";
  readonly company: string;
  readonly colleagues: readonly Colleague[];
  readonly teams: readonly string[];
  readonly labels: readonly string[];
  readonly rights: Rights;
  readonly rooms: readonly RoomRow[];
  readonly hasMoreRooms: boolean;
  readonly canned: readonly CannedAnswer[];
  readonly figures: Figures;
  /** The time of the process, to show waiting times by. */
  readonly nowMs: number;
  /** What a person at the desk has to see to: codes of the table of words. */
  readonly notices: readonly ("roster-expires" | "roster-expired" | "suspended" | "store-full" | "desk-offline")[];
}

/** A mark of what was told to the customer about erasing. */
export interface Erasure {
  readonly state: "none" | "asked" | "done" | "held";
  readonly untilMs: number | null;
}

export interface DeskRoomState extends ConversationState {
  readonly row: RoomRow;
  readonly isMember: boolean;
  readonly colleagues: readonly Member[];
  readonly retention: {
    readonly class: "ephemeral" | "default" | "statutory";
    readonly ttlS: number;
    readonly erasesMs: number | null;
  };
  readonly holdReason: string | null;
  readonly erasure: Erasure;
  readonly notice: Pick<Notice, "number" | "mode" | "locale"> | null;
  readonly acceptedMs: number | null;
  readonly isStale: boolean;
  readonly rating: { readonly stars: number; readonly text: string | null } | null;
  /** The notes of colleagues, in a room of their own that the customer is not in; null: not made yet. */
  readonly notes: NotesBackend | null;
  /** Who read, exported, handed over, in order; the newest 200. */
  readonly accesses: readonly {
    readonly atMs: number;
    readonly by: string;
    readonly what: "export" | "hand-over" | "read-in" | "print";
    readonly text: string | null;
  }[];
}

export type NotesBackend = Conversation<ConversationState>;

/** One room as an agent has it. */
export interface DeskRoomBackend extends Conversation<DeskRoomState> {
  claim(): Promise<void>;
  assign(colleague: string): Promise<void>;
  /** To a team or a colleague; the note goes to the notes of colleagues, never to the customer. */
  transfer(to: { readonly team: string } | { readonly colleague: string }, note: string | null): Promise<void>;
  backToQueue(note: string | null): Promise<void>;
  /** Read and write in a room that one is not a member of; shown to the customer. */
  join(reason: string): Promise<void>;
  leave(): Promise<void>;
  close(): Promise<void>;
  reopen(): Promise<void>;
  setLabels(labels: readonly string[]): Promise<void>;
  clearSensitive(): Promise<void>;
  hold(reason: string): Promise<void>;
  endHold(): Promise<void>;
  shortenRetention(ttlS: number): Promise<void>;
  eraseAll(): Promise<void>;
  openNotes(): Promise<void>;
  exportTranscript(reason: string): Promise<SavedFile>;
  /** What the customer has to prove who they are, and what the person at the desk was told. */
  askToIdentify(): Promise<void>;
  settleAlarm(choice: "trust" | "end"): Promise<void>;
}

/** The agent's own process. */
export interface DeskBackend {
  state(): DeskState;
  subscribe(listener: () => void): Unsubscribe;
  unlock(passphrase: string): Promise<void>;
  lock(): Promise<void>;
  /** The same object for the same id while it is in use. */
  room(id: string): DeskRoomBackend;
  loadMoreRooms(): Promise<void>;
  /** Search what this device holds; at most 100 hits, newest first. */
  search(query: string): Promise<readonly SearchHit[]>;
  saveCanned(answer: CannedAnswer): Promise<void>;
  removeCanned(id: string): Promise<void>;
}
