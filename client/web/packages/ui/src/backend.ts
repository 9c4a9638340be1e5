/**
 * What the screens of a room need from whoever holds the keys. The desk's part is in `packages/desk/src/desk.ts`.
 *
 * Every value is JSON but for blobs, frozen, and replaced as a whole when it changes. Texts are plain text, never
 * HTML; they may hold anything that a person wrote, so they become text nodes and nothing else. Whoever implements
 * this calls its listeners in a later turn of the event loop, at most once for all that changed in one.
 */

import type { Further, FurtherAct } from "./further.ts";

/** Stops the reports that it was given for. */
export type Unsubscribe = () => void;

/** Where an own message stands, in the words that a person sees. */
export type Delivery = "waiting" | "sent" | "delivered" | "failed";

/** The connection; `connecting` is shown only when it lasts. `full`: the device takes nothing before it has room. */
export type Link = "online" | "connecting" | "offline" | "full";

/** Somebody in a room, as the signed state of the room names them; who left stays, for the names of messages. */
export interface Member {
  readonly id: string;
  readonly name: string;
  readonly kind: "customer" | "person" | "bot";
  readonly team: string | null;
  readonly isSelf: boolean;
  readonly isPresent: boolean;
}

/**
 * A file of a message: what its sender says of it, and how much of it is here, or has gone out.
 * `canPreview`: it is of the type that it says, or that will be looked at when it is here.
 */
export interface FileOfMessage {
  readonly name: string;
  readonly mediaType: string;
  readonly sizeB: number;
  readonly state: "offered" | "moving" | "here" | "failed" | "gone";
  readonly movedB: number;
  readonly canPreview: boolean;
  /** A code of the registry, where its transfer failed. */
  readonly failure: string | null;
  /** It is not here, and can be fetched until then, which is soon. */
  readonly untilMs: number | null;
  /** It is on its way out: nobody else knows of it yet. */
  readonly isUpload: boolean;
  /** Where it failed, whether it can be tried again from here; where nothing is said, it can. */
  readonly canRetry?: boolean;
}

/** What a person chose beside a file. */
export interface FileChoice {
  /** Remove what an image says of where, when and by what it was taken. */
  readonly removeMetadata: boolean;
}

/** A question with choices; `chosen` is what was answered, or null. One choice is answered by one click. */
export interface Question {
  readonly label: string;
  readonly choices: readonly string[];
  readonly chosen: string | null;
}

/** One text or file of the conversation; `text` is empty once it was erased. */
export interface Message {
  readonly kind: "message";
  readonly id: string;
  /** The id of a member. */
  readonly author: string;
  readonly writtenMs: number;
  readonly text: string;
  /** BCP 47, where the author said it. */
  readonly language: string | null;
  /** Of one's own messages only. */
  readonly delivery: Delivery | null;
  /** A code of the registry, where it failed. */
  readonly failure: string | null;
  /** The id of another message, which may not be here. */
  readonly replyTo: string | null;
  readonly isEdited: boolean;
  readonly isErased: boolean;
  readonly isSensitive: boolean;
  /** The bot, or a person by its help, let it be written by a machine. */
  readonly isByMachine: boolean;
  readonly file: FileOfMessage | null;
  readonly question: Question | null;
}

/** What happened in a room beside messages; each has its sentence in the table of words. */
export type Happened =
  | "joined"
  | "left"
  | "assigned"
  | "transferred"
  | "closed"
  | "reopened"
  | "handed-over"
  | "read-in"
  | "exported"
  | "erased"
  | "withdrawn"
  | "identified"
  | "not-identified"
  | "rated"
  | "gap"
  | "differ"
  | "unsupported";

/** A line of the conversation that nobody wrote. */
export interface Happening {
  readonly kind: "happening";
  readonly id: string;
  readonly atMs: number;
  readonly what: Happened;
  /** The id of the member that it is about, or null. */
  readonly member: string | null;
  /** A name, team or reason that belongs to it. */
  readonly detail: string | null;
  /** Stars of a rating, or how many earlier entries were handed over to who comes. */
  readonly count: number | null;
}

export type Item = Message | Happening;

/** A way to reach the company without this page. */
export interface Channel {
  readonly kind: "phone" | "email" | "post" | "page";
  readonly value: string;
  readonly label: string;
}

/** Office hours, evaluated on this device; `isOpen` is null where the company gave words only. */
export interface Hours {
  readonly text: string;
  readonly isOpen: boolean | null;
  readonly opensMs: number | null;
}

/** The company, as it names itself; `origin` is what its keys were checked against. */
export interface Company {
  readonly name: string;
  readonly origin: string;
  readonly channels: readonly Channel[];
  readonly hours: Hours | null;
  /** Words or digits by which a person compares keys, one group an element. */
  readonly fingerprint: readonly string[];
  /** `page`: the page named the account; `origin`: it is known by the certificate of the origin only. */
  readonly trust: "page" | "origin";
}

/** The notice of CNS-02, in one language. */
export interface Notice {
  readonly number: number;
  readonly issuedMs: number;
  readonly mode: "notice" | "consent" | "explicit";
  readonly locale: string;
  readonly locales: readonly string[];
  /** The text by its locale, with line feeds. */
  readonly text: string;
  readonly controller: { readonly name: string; readonly address: string; readonly email: string };
  readonly officer: string | null;
  readonly purposes: readonly { readonly number: number; readonly basis: string; readonly isRequired: boolean }[];
  /** The operator of the relay first. */
  readonly recipients: readonly string[];
  readonly thirdCountries: readonly string[];
  readonly keptS: readonly {
    readonly class: "ephemeral" | "default" | "statutory" | "proof";
    readonly ttlS: number;
  }[];
  readonly authority: string;
  readonly imprintUrl: string;
  readonly privacyUrl: string;
  readonly hasBot: boolean;
  readonly minimumAge: number | null;
  readonly decidesAlone: boolean;
}

/** Which part of a life a room is in; the screen follows from it. */
export type Phase =
  /** The store is read, the door is fetched. */
  | "loading"
  /** The notice is to be answered; nothing is stored, nothing asked of the relay. */
  | "notice"
  | "refused"
  /** Accepted; nobody of the company has taken it up yet. One may write. */
  | "waiting"
  | "open"
  | "closed"
  /** The customer objected: nothing goes out until it is lifted. */
  | "frozen"
  | "withdrawn"
  | "erased"
  /** Something is in the way before there is a room; `obstacle` says what. */
  | "blocked";

/** What is in the way, and what a person can do about it is in the table of words. */
export type Obstacle =
  | "storage-lost"
  | "storage-blocked"
  | "storage-ended"
  | "browser-too-old"
  | "page-too-old"
  | "door-missing"
  | "door-expired"
  | "door-wrong"
  | "other-site"
  | "company-unavailable";

/** Keys that are not those that were known: no text is taken until it is settled, and none goes to them (CNS-85). */
export interface Alarm {
  readonly kind: "identity" | "two-histories";
  readonly sinceMs: number;
  readonly before: readonly string[];
  readonly now: readonly string[];
}

/** How long this device finds the room again. */
export interface Keeping {
  readonly mode: "session" | "device" | "recoverable";
  readonly untilMs: number | null;
}

/** What a guard on this device found in a text, by kind and place. */
export interface Finding {
  readonly kind: "iban" | "card" | "tax-id" | "health-insurance" | "pension-insurance" | "words";
  readonly start: number;
  readonly end: number;
}

/** A file for the person: the screen offers it as a download. */
export interface SavedFile {
  readonly name: string;
  readonly blob: Blob;
}

/** What the company's web server signs a login token over: `text` is what it is handed (CNS-55), the rest is hexadecimal. */
export interface IdentityChallenge {
  readonly text: string;
  readonly company: string;
  readonly customer: string;
  readonly room: string;
}

/** What was refused, with a code of the registry of errors; an action rejects with it. */
export interface Refusal extends Error {
  readonly code: string;
  readonly isRetryable: boolean;
}

/** The conversation, as room and desk show it alike. */
export interface ConversationState {
  readonly link: Link;
  readonly phase: Phase;
  readonly members: readonly Member[];
  /** What is here, oldest first. An element that did not change is the same object. */
  readonly items: readonly Item[];
  readonly hasEarlier: boolean;
  /** Messages of others that were not seen on this device; reading is told to nobody. */
  readonly unread: number;
  readonly canWrite: boolean;
  readonly canSendFiles: boolean;
  readonly maxFileB: number;
  readonly alarm: Alarm | null;
}

export interface Conversation<State extends ConversationState> {
  state(): State;
  subscribe(listener: () => void): Unsubscribe;
  /** Bring earlier items; done when they are in the state. */
  loadEarlier(): Promise<void>;
  /** Everything up to this item was shown. */
  seen(id: string): void;
  /** What the guard finds; nothing leaves the device. */
  inspect(text: string): Promise<readonly Finding[]>;
  /** Done when the message is stored here, not when it has gone out; for the room in which it was typed. */
  send(text: string, replyTo: string | null, room?: string | null): Promise<void>;
  retry(id: string): Promise<void>;
  edit(id: string, text: string): Promise<void>;
  erase(id: string): Promise<void>;
  answer(id: string, choice: string): Promise<void>;
  markSensitive(id: string): Promise<void>;
  /** Done when the file is sealed and stored here; from then on it is an item of the conversation. */
  sendFile(file: File, choice: FileChoice, room?: string | null): Promise<void>;
  /** Stop a file on its way; what was moved is dropped. */
  cancelFile(id: string): Promise<void>;
  /** Fetch what is not here, to be looked at; what fails stands at the file. */
  fetchFile(id: string): Promise<void>;
  /** Fetch what is not here and give it for saving. */
  saveFile(id: string): Promise<SavedFile>;
  /** The image of a message whose file is here and can be previewed. */
  preview(id: string): Promise<Blob>;
}

/** What a customer's screen shows. */
export interface RoomState extends ConversationState {
  /** Which one of the person's rooms is shown; null before there is one. */
  readonly room: string | null;
  readonly obstacle: Obstacle | null;
  /** A code, where what others write cannot be read before the page is loaded anew (STO-43). */
  readonly fault: string | null;
  /** Null while loading, and where the door is missing. */
  readonly company: Company | null;
  /** What is to be answered, or what was; null before the door is here. */
  readonly notice: Notice | null;
  /** A newer notice is to be answered by then, in a room that is open; else null. */
  readonly staleUntilMs: number | null;
  /** Of the notice that was accepted, which may be an older one; null where no consent stands. */
  readonly acceptedMode: Notice["mode"] | null;
  readonly keeping: Keeping;
  /** Whether this person has more than one device: this one lets others in, is a further one, or is out. */
  readonly account: "none" | "key" | "other" | "replaced";
  /** By then the person's first device has to be opened, or this one can write nothing more (ID-65). */
  readonly listUntilMs?: number;
  /**
   * Whether this device has a recovery code, and the person has shown to have it on paper; `used` where it is out since
   * somebody has recovered the account.
   */
  readonly code: "none" | "shown" | "kept" | "used";
  /** The company asks how it was: a closed room that was not rated. */
  readonly canRate: boolean;
  readonly canReopen: boolean;
  /**
   * After a withdrawal or an order of erasure: `unsent` while the order is here alone; else what the company has said,
   * `confirmed` by one of its devices at least, and `held` while one keeps something. Where all was erased here: whether
   * it was `told` to do so, too, or this device was `alone`.
   */
  readonly erasure: "none" | "unsent" | "asked" | "confirmed" | "held" | "told" | "alone";
  readonly heldUntilMs: number | null;
}

/** The customer's side of one room. */
export interface RoomBackend extends Conversation<RoomState> {
  /** The notice in another of its languages. */
  showNotice(locale: string): Promise<void>;
  /** Accept what was shown: where that is not the notice of the state any more, nothing is (`client.notice_changed`). */
  accept(purposes: readonly number[], shown: Notice): Promise<void>;
  refuse(): Promise<void>;
  /** From `refused`, by the person's wish only. */
  reconsider(): Promise<void>;
  withdraw(): Promise<void>;
  /** Order the erasure of all, and drop it here. */
  forget(): Promise<void>;
  /** These are of the room that was shown, whichever is by now (STO-55). */
  freeze(room?: string | null): Promise<void>;
  unfreeze(room?: string | null): Promise<void>;
  close(room?: string | null): Promise<void>;
  reopen(room?: string | null): Promise<void>;
  rate(stars: number, text: string | null, room?: string | null): Promise<void>;
  /** As a file that others can verify by the company's account, or as a page to read. */
  exportTranscript(form?: "json" | "html"): Promise<SavedFile>;
  /** Tell the company who one is, by the token that the company's own login gives. */
  identify(sign: (challenge: IdentityChallenge) => Promise<string>): Promise<void>;
  /** After `storage-lost`, or where a room is over. */
  startAnew(): Promise<void>;
  /** `trust`: the person compared the keys over another way, which settles this alarm alone; `end`: the room ends here. */
  settleAlarm(choice: "trust" | "end", kind: Alarm["kind"]): Promise<void>;
  /** Try again what stands in the way. */
  tryAgain(): Promise<void>;
  /** What most people never ask for, by name. */
  further<A extends FurtherAct>(act: A, given: Further[A][0]): Promise<Further[A][1]>;
}
