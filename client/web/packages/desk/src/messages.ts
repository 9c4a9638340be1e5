// Made of client/e2ee_client/desk/schema.py by `make spec`.

/** A device of a room. */
export interface PersonRow {
  readonly id: string;
  readonly name: string | null;
  readonly role: "customer" | "bot" | "agent" | "desk" | "supervisor" | "former";
  readonly isBot: boolean;
  readonly isThis: boolean;
  readonly teams: readonly string[];
  readonly languages: readonly string[];
}

/** A room in the list; `is_here`: this device reads and writes in it. Times are Unix milliseconds. */
export interface RoomRow {
  readonly id: string;
  readonly phase: "begun" | "open" | "closed" | "frozen" | "withdrawn" | "erased";
  readonly customer: string | null;
  readonly isHere: boolean;
  readonly isMine: boolean;
  readonly assigned: string | null;
  readonly assignedName: string | null;
  readonly unread: number;
  readonly newNotes: number;
  readonly waitsMs: number | null;
  readonly waitsFor: string | null;
  readonly isForUs: boolean;
  readonly lastMs: number;
  readonly isSensitive: boolean;
  readonly onHold: boolean;
  readonly labels: readonly string[];
}

/** What an entry says of its file; `upload` is its id on its way out from here, as long as it is known. */
export interface FileRow {
  readonly upload: string | null;
  readonly name: string;
  readonly mediaType: string;
  readonly sizeB: number;
  readonly expiresMs: number;
  readonly isHere: boolean;
}

/** What a steward has set: who is in the room and what holds; `answers` are acts and logins it names. */
export interface StateRow {
  readonly phase: "begun" | "open" | "closed" | "frozen" | "withdrawn" | "erased";
  readonly members: readonly PersonRow[];
  readonly assigned: string | null;
  readonly retention: "ephemeral" | "default" | "statutory" | "proof";
  readonly retentionS: number;
  readonly isSensitive: boolean;
  readonly onHold: boolean;
  readonly text: string | null;
  readonly answers: readonly string[];
}

/** An entry of a room. `kind` is its name in the registry, `detail` what else it says in words. */
export interface EntryRow {
  readonly id: string;
  readonly kind: string;
  readonly author: PersonRow;
  readonly writtenMs: number;
  readonly text: string | null;
  readonly firstWording: string | null;
  readonly reply: string | null;
  readonly isHidden: boolean;
  readonly isSensitive: boolean;
  readonly byMachine: boolean;
  readonly forwardedBy: string | null;
  readonly progress: "waiting" | "sent" | "delivered" | "failed" | null;
  readonly file: FileRow | null;
  readonly state: StateRow | null;
  readonly what: string | null;
  readonly count: number | null;
  readonly detail: string | null;
}

/** The newest text of a room, cut to a line, and whom the company's own login names as its customer. */
export interface PreviewRow {
  readonly room: string;
  readonly customer: string | null;
  readonly text: string | null;
  readonly role: "customer" | "bot" | "agent" | "desk" | "supervisor" | "former" | null;
  readonly isHidden: boolean;
}

/** A text that was looked for. */
export interface FoundRow {
  readonly room: string;
  readonly entry: string;
  readonly text: string;
  readonly author: string | null;
  readonly role: "customer" | "bot" | "agent" | "desk" | "supervisor" | "former";
  readonly writtenMs: number;
}

/** What a colleague asks for, or a login that waits, with the number of devices that are new. */
export interface RequestRow {
  readonly id: string;
  readonly device: string | null;
  readonly what: string;
  readonly reason: string | null;
  readonly devices: number;
}

/** Who the customer is by the company's own login; `level` is how it knows: 1 to 3. */
export interface LoginRow {
  readonly subject: string;
  readonly name: string | null;
  readonly number: string | null;
  readonly level: number;
  readonly sinceMs: number;
}

/** What the customer has accepted. */
export interface TermsRow {
  readonly locale: string;
  readonly mode: "notice" | "consent" | "explicit";
  readonly purposes: readonly number[];
}

/** What a person has to know of a room; at `until_ms` an objection has to be decided. */
export interface AlarmRow {
  readonly room: string;
  readonly code: "two_histories" | "restarted_twice" | "objection" | "unattended";
  readonly untilMs: number | null;
}

/** A canned answer; `{name}`, `{agent}` and `{company}` stand in it for what the page fills in. */
export interface AnswerRow {
  readonly id: string;
  readonly shortcut: string;
  readonly title: string;
  readonly text: string;
}

/** A day of this desk, as this device has it: rooms opened and texts of each side. */
export interface DayRow {
  readonly day: string;
  readonly opened: number;
  readonly fromCustomers: number;
  readonly fromUs: number;
}

/** First of all: the page's half of the session. */
export interface Enter {
  readonly type: "enter";
  readonly key: string;
}

/** Somebody uses the page. */
export interface Used {
  readonly type: "used";
}

/** Which room is on the screen; None for none. */
export interface Watch {
  readonly type: "watch";
  readonly room: string | null;
}

/** Ask for everything. */
export interface Begin {
  readonly type: "begin";
  readonly ask: number;
}

/** Unlock by the passphrase of the store. */
export interface Unlock {
  readonly type: "unlock";
  readonly ask: number;
  readonly passphrase: string;
}

/** Lock at once. */
export interface Lock {
  readonly type: "lock";
  readonly ask: number;
}

/** Read the newest entries, or those before one; of the notes of a room with `notes`. */
export interface Read {
  readonly type: "read";
  readonly ask: number;
  readonly room: string;
  readonly before: string | null;
  readonly limit: number;
  readonly notes: boolean;
}

/** Ask for the newest text of rooms. */
export interface Preview {
  readonly type: "preview";
  readonly ask: number;
  readonly rooms: readonly string[];
}

/** Ask what is known of a room and its customer. */
export interface About {
  readonly type: "about";
  readonly ask: number;
  readonly room: string;
}

/** Look through the texts of all rooms. */
export interface Search {
  readonly type: "search";
  readonly ask: number;
  readonly words: string;
  readonly limit: number;
}

/** Ask for figures of the last days. */
export interface Figures {
  readonly type: "figures";
  readonly ask: number;
  readonly days: number;
}

/** Write a text. */
export interface Send {
  readonly type: "send";
  readonly ask: number;
  readonly room: string;
  readonly text: string;
  readonly reply: string | null;
}

/** Word a text of this device anew. */
export interface Edit {
  readonly type: "edit";
  readonly ask: number;
  readonly room: string;
  readonly entry: string;
  readonly text: string;
}

/** Have entries of our side erased. */
export interface Erase {
  readonly type: "erase";
  readonly ask: number;
  readonly room: string;
  readonly entries: readonly string[];
}

/** Mark entries as sensitive. */
export interface MarkSensitive {
  readonly type: "markSensitive";
  readonly ask: number;
  readonly room: string;
  readonly entries: readonly string[];
}

/** Note that a person has seen entries. */
export interface MarkRead {
  readonly type: "markRead";
  readonly ask: number;
  readonly room: string;
  readonly entries: readonly string[];
}

/** Take a room. */
export interface Claim {
  readonly type: "claim";
  readonly ask: number;
  readonly room: string;
}

/** Hand a room to a team or to a colleague; `*` is whoever is free: back to the queue. */
export interface Transfer {
  readonly type: "transfer";
  readonly ask: number;
  readonly room: string;
  readonly team: string | null;
  readonly device: string | null;
  readonly note: string | null;
}

/** Let a colleague read and write. */
export interface Add {
  readonly type: "add";
  readonly ask: number;
  readonly room: string;
  readonly device: string;
}

/** Give a colleague who is in the room what was said before. */
export interface HandOver {
  readonly type: "handOver";
  readonly ask: number;
  readonly room: string;
  readonly device: string;
  readonly count: number;
  readonly reason: string | null;
}

/** Leave a room. */
export interface Leave {
  readonly type: "leave";
  readonly ask: number;
  readonly room: string;
}

/** Close a room. */
export interface Close {
  readonly type: "close";
  readonly ask: number;
  readonly room: string;
  readonly reason: string | null;
}

/** Open a closed room again. */
export interface Reopen {
  readonly type: "reopen";
  readonly ask: number;
  readonly room: string;
}

/** Keep everything of a room from being destroyed, or no longer. */
export interface SetHold {
  readonly type: "setHold";
  readonly ask: number;
  readonly room: string;
  readonly on: boolean;
  readonly reason: string;
}

/** Mark a room as sensitive, or no longer. */
export interface SetSensitive {
  readonly type: "setSensitive";
  readonly ask: number;
  readonly room: string;
  readonly on: boolean;
}

/** Shorten how long a room is kept. */
export interface SetRetention {
  readonly type: "setRetention";
  readonly ask: number;
  readonly room: string;
  readonly kind: "ephemeral" | "default" | "statutory" | "proof";
  readonly seconds: number;
}

/** Grant or refuse what a colleague asks for. */
export interface Decide {
  readonly type: "decide";
  readonly ask: number;
  readonly room: string;
  readonly request: string;
  readonly grant: boolean;
}

/** Decide a customer's objection. */
export interface DecideObjection {
  readonly type: "decideObjection";
  readonly ask: number;
  readonly room: string;
  readonly text: string;
  readonly close: boolean;
}

/** Write a note for colleagues. */
export interface Note {
  readonly type: "note";
  readonly ask: number;
  readonly room: string;
  readonly text: string;
}

/** Keep what is being written in a room, or in its notes, on this device; an empty text keeps nothing. */
export interface KeepDraft {
  readonly type: "keepDraft";
  readonly ask: number;
  readonly room: string;
  readonly notes: boolean;
  readonly text: string;
}

/** Set the labels of a room; they stay on this device. */
export interface SetLabels {
  readonly type: "setLabels";
  readonly ask: number;
  readonly room: string;
  readonly labels: readonly string[];
}

/** Keep a canned answer on this device, in place of the one with its id. */
export interface SaveAnswer {
  readonly type: "saveAnswer";
  readonly ask: number;
  readonly answer: AnswerRow;
}

/** Drop a canned answer. */
export interface DropAnswer {
  readonly type: "dropAnswer";
  readonly ask: number;
  readonly id: string;
}

/** Show an alarm of a room no more, on no page. */
export interface Hide {
  readonly type: "hide";
  readonly ask: number;
  readonly room: string;
  readonly code: "two_histories" | "restarted_twice" | "objection" | "unattended";
}

/** Fetch the file of an entry, for one download. */
export interface FetchFile {
  readonly type: "fetchFile";
  readonly ask: number;
  readonly room: string;
  readonly entry: string;
}

/** Send a file; its bytes follow to the path that is answered. */
export interface SendFile {
  readonly type: "sendFile";
  readonly ask: number;
  readonly room: string;
  readonly name: string;
  readonly sizeB: number;
  readonly strips: boolean;
}

/** Give a file up that is on its way out. */
export interface CancelFile {
  readonly type: "cancelFile";
  readonly ask: number;
  readonly room: string;
  readonly file: string;
}

/** The session holds. `language` is that of the command that serves. */
export interface Welcome {
  readonly type: "welcome";
  readonly version: string;
  readonly language: "de" | "en";
  readonly isLocked: boolean;
}

/** Everything that a list shows; `roster_ends_ms` is as in `Team`, `locks` says how often the desk was locked. */
export interface Whole {
  readonly type: "whole";
  readonly ask: number;
  readonly company: string | null;
  readonly me: PersonRow | null;
  readonly connection: "offline" | "connecting" | "online";
  readonly entryWaits: boolean;
  readonly team: readonly PersonRow[];
  readonly rosterEndsMs: number | null;
  readonly rooms: readonly RoomRow[];
  readonly answers: readonly AnswerRow[];
  readonly alarms: readonly AlarmRow[];
  readonly nowMs: number;
  readonly locks: number;
}

/** Entries in the order of the transcript; with the newest ones, the draft that is kept. */
export interface History {
  readonly type: "history";
  readonly ask: number;
  readonly room: string;
  readonly entries: readonly EntryRow[];
  readonly unread: readonly string[];
  readonly isStart: boolean;
  readonly notes: boolean;
  readonly draft: string;
}

/** The newest texts. */
export interface Previews {
  readonly type: "previews";
  readonly ask: number;
  readonly previews: readonly PreviewRow[];
}

/** What is known of a room and its customer; at `decide_ms` an objection has to be decided, and since `unreached_ms` nothing reaches the customer, whose device list has ended (ID-36). */
export interface Detail {
  readonly type: "detail";
  readonly ask: number;
  readonly room: string;
  readonly members: readonly PersonRow[];
  readonly terms: TermsRow | null;
  readonly login: LoginRow | null;
  readonly requests: readonly RequestRow[];
  readonly logins: readonly RequestRow[];
  readonly notes: string;
  readonly hasNotes: boolean;
  readonly state: StateRow | null;
  readonly decideMs: number | null;
  readonly unreachedMs: number | null;
}

/** What was found, the newest first in each room. */
export interface Found {
  readonly type: "found";
  readonly ask: number;
  readonly found: readonly FoundRow[];
}

/** Figures, of what this device has: medians in milliseconds; None where there is nothing to tell. */
export interface Figured {
  readonly type: "figured";
  readonly ask: number;
  readonly days: readonly DayRow[];
  readonly waiting: number;
  readonly longestWaitMs: number | null;
  readonly firstAnswerMs: number | null;
  readonly answered: number;
}

/** A file is here: `path` serves it once. */
export interface Ticket {
  readonly type: "ticket";
  readonly ask: number;
  readonly path: string;
  readonly name: string;
}

/** A file may come, which is `file` on its way out: `path` takes it once. */
export interface Upload {
  readonly type: "upload";
  readonly ask: number;
  readonly file: string;
  readonly path: string;
}

/** It is done. */
export interface Done {
  readonly type: "done";
  readonly ask: number;
}

/** It was not done; `code` is that of the registry, `hint` says in English what to do. */
export interface Failed {
  readonly type: "failed";
  readonly ask: number;
  readonly code: string;
  readonly hint: string;
  readonly retryable: boolean;
  readonly notBeforeMs: number | null;
}

/** Rooms as they are now, and rooms that are gone. */
export interface Rooms {
  readonly type: "rooms";
  readonly rooms: readonly RoomRow[];
  readonly gone: readonly string[];
}

/** Entries of the room on the screen, new or changed; with `again` its order is another: read it anew. */
export interface Entries {
  readonly type: "entries";
  readonly room: string;
  readonly entries: readonly EntryRow[];
  readonly again: boolean;
}

/** What is kept now of what is being written in a room, or in its notes, by another page of this desk. */
export interface Drafted {
  readonly type: "drafted";
  readonly room: string;
  readonly notes: boolean;
  readonly text: string;
}

/** Who is in force; when the roster that says so ends or has ended, from four days before on (ACC-82). */
export interface Team {
  readonly type: "team";
  readonly me: PersonRow | null;
  readonly team: readonly PersonRow[];
  readonly rosterEndsMs: number | null;
}

/** Whether the relay is connected, and whether what the account publishes has to wait (ID-59). */
export interface Link {
  readonly type: "link";
  readonly connection: "offline" | "connecting" | "online";
  readonly entryWaits: boolean;
}

/** The page shows nothing until it is unlocked. */
export interface Locked {
  readonly type: "locked";
}

/** Too much has happened at once: begin again. */
export interface Again {
  readonly type: "again";
}

/** What a person has to know of rooms, as it is now. */
export interface Alarms {
  readonly type: "alarms";
  readonly alarms: readonly AlarmRow[];
}

/** What was asked of a room earlier was not done; `code` is that of the registry. */
export interface NotDone {
  readonly type: "notDone";
  readonly room: string;
  readonly code: string;
}

/** So much of a file has come or gone; `name` is that of one on its way out. */
export interface Moved {
  readonly type: "moved";
  readonly room: string;
  readonly file: string;
  readonly doneB: number;
  readonly sizeB: number;
  readonly name: string | null;
}

/** A file on its way out was given up; `code` is that of the registry. */
export interface FileLost {
  readonly type: "fileLost";
  readonly room: string;
  readonly file: string;
  readonly code: string;
}

export type Asked =
  | Begin
  | Unlock
  | Lock
  | Read
  | Preview
  | About
  | Search
  | Figures
  | Send
  | Edit
  | Erase
  | MarkSensitive
  | MarkRead
  | Claim
  | Transfer
  | Add
  | HandOver
  | Leave
  | Close
  | Reopen
  | SetHold
  | SetSensitive
  | SetRetention
  | Decide
  | DecideObjection
  | Note
  | KeepDraft
  | SetLabels
  | SaveAnswer
  | DropAnswer
  | Hide
  | FetchFile
  | SendFile
  | CancelFile;

export type FromPage =
  | Enter
  | Used
  | Watch
  | Begin
  | Unlock
  | Lock
  | Read
  | Preview
  | About
  | Search
  | Figures
  | Send
  | Edit
  | Erase
  | MarkSensitive
  | MarkRead
  | Claim
  | Transfer
  | Add
  | HandOver
  | Leave
  | Close
  | Reopen
  | SetHold
  | SetSensitive
  | SetRetention
  | Decide
  | DecideObjection
  | Note
  | KeepDraft
  | SetLabels
  | SaveAnswer
  | DropAnswer
  | Hide
  | FetchFile
  | SendFile
  | CancelFile;

export type ToPage =
  | Welcome
  | Whole
  | History
  | Previews
  | Detail
  | Found
  | Figured
  | Ticket
  | Upload
  | Done
  | Failed
  | Rooms
  | Entries
  | Drafted
  | Team
  | Link
  | Locked
  | Again
  | Alarms
  | NotDone
  | Moved
  | FileLost;
