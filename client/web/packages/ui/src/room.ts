/** The window of a room, as a customer has it: an element that shows what its backend says. */

import type { Message, RoomBackend, RoomState, Unsubscribe } from "./backend.ts";
import { type ComposerElement, defineComposer } from "./composer.ts";
import { define, h, redraw, say, set } from "./dom.ts";
import { failureNote } from "./failure_note.ts";
import { icon } from "./icons.ts";
import type { MessagesElement } from "./messages.ts";
import { memberOf, nameOf } from "./names.ts";
import { part } from "./part.ts";
import { presentLine } from "./present.ts";
import { reachesNobody } from "./reach.ts";
import type { DialogContext } from "./room_dialogs.ts";
import { loadingScreen, noticeScreen } from "./room_screens.ts";
import { roomStyle } from "./styles/room.ts";
import { base, tokens } from "./styles/tokens.ts";
import { type Clock, clockOf } from "./times.ts";
import type { Words } from "./words.ts";

const WRITING: readonly RoomState["phase"][] = ["waiting", "open"];
const CONVERSING: readonly RoomState["phase"][] = ["waiting", "open", "closed", "frozen", "withdrawn", "erased"];

export interface RoomOptions {
  readonly backend: RoomBackend;
  readonly words: Words;
  now(): number;
  /** Close the window; null where it is a page of its own. */
  readonly close: (() => void) | null;
  openAlone(): void;
  reload(): void;
}

type Rest = typeof import("./conversation.ts");
/** What is opened by hand, and asks for nothing but the room. */
export type Opened =
  | ("showMembers" | "showAlarm" | "showNotice" | "showCode" | "saveTranscript")
  | ("startJoin" | "startRecovery" | "beginAnew" | "beginRecovery");

export class RoomElement extends HTMLElement {
  #options: RoomOptions | null = null;
  #clock: Clock = clockOf("en");
  #stop: Unsubscribe | null = null;
  #leaving = new AbortController();
  readonly #mark = h("div", { class: "mark", "aria-hidden": "true" });
  readonly #title = h("h1");
  readonly #present = h("button", { class: "present meta", type: "button" });
  readonly #more = h(
    "button",
    { class: "round", type: "button", "aria-haspopup": "menu", "aria-expanded": "false" },
    icon("more"),
  );
  readonly #close = h("button", { class: "round", type: "button" }, icon("close"));
  readonly #head = h(
    "header",
    { class: "head" },
    this.#mark,
    h("div", { class: "names" }, this.#title, this.#present),
    h("div", { class: "tools" }, this.#more, this.#close),
  );
  readonly #notesBox = h("div", { role: "status" });
  readonly #body = h("div", { class: "body" });
  readonly #main = h("main", null, this.#notesBox, this.#body);
  /** What comes after the page; null until it is here. */
  #rest: Rest | null = null;
  #isFetching = false;
  /** The code of why it did not come. */
  #failure = "";
  #list: HTMLElement | null = null;
  #messages: MessagesElement | null = null;
  #composer: ComposerElement | null = null;
  /** What the page gave before there was a field. */
  #given = "";
  /** Whose list and field are shown. */
  #room: string | null = null;
  /** By their rooms, each with what was typed there. */
  readonly #composers = new Map<string | null, ComposerElement>();

  /** Open a dialog of what comes after the page. */
  readonly #opens = (what: Opened) => (): void => this.#with((rest) => rest[what](this.#context()));

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [tokens, base, roomStyle];
    root.append(this.#head, this.#main);
    this.#present.addEventListener("click", this.#opens("showMembers"));
    this.#more.addEventListener("click", () => this.#openMenu());
    this.#close.addEventListener("click", () => this.#options?.close?.());
  }

  setup(options: RoomOptions): void {
    this.#stop?.();
    this.#options = options;
    const { words } = options;
    this.#clock = clockOf(words.locale);
    this.lang = words.locale;
    this.dir = words.direction;
    set(this.#more, "aria-label", words("room.menu"));
    set(this.#close, "aria-label", words("room.close"));
    this.#close.hidden = options.close === null;
    this.#list = null;
    this.#composers.clear();
    this.#stop = options.backend.subscribe(() => this.#update());
    this.#update();
  }

  disconnectedCallback(): void {
    this.#stop?.();
    this.#stop = null;
  }

  /** Put a text into the field, once there is one, and where nothing was typed (CNS-87); it is not sent. */
  prefill(text: string): void {
    if (this.#composer === null) this.#given = text;
    else if (this.#composer.text === "") this.#composer.text = text;
  }

  /** Have a person decide what the page around asks for (CNS-82); gives whether it was done. */
  async decide(what: "forget" | "export"): Promise<boolean> {
    const { signal } = this.#leaving;
    return (await this.#whole()).decide(this.#context(), what, signal);
  }

  /** The page around has closed the window: what it asks for is not wanted any more (CNS-82). */
  left(): void {
    this.#leaving.abort();
    this.#leaving = new AbortController();
  }

  /** Put the focus where a person goes on: the field, or the first thing to answer. */
  override focus(): void {
    this.#messages?.shown();
    const isWriting = this.#composer !== null && this.#options?.backend.state().canWrite === true;
    if (isWriting && this.#composer?.isConnected) this.#composer.focus();
    else {
      const title = this.#body.querySelector<HTMLElement>("h2[tabindex]");
      (title ?? this.#body.querySelector<HTMLElement>("[tabindex], button, input"))?.focus();
    }
  }

  #context(): DialogContext {
    const { words, backend } = this.#options as RoomOptions;
    return { root: this.shadowRoot as ShadowRoot, words, backend, attempt: (action) => this.#attempt(action) };
  }

  readonly #run = (action: Promise<unknown>): void => void this.#attempt(action);

  /** Run an action; what goes wrong is said with the code of its error. Gives whether it was done. */
  async #attempt(action: Promise<unknown>): Promise<boolean> {
    try {
      await action;
      return true;
    } catch (problem) {
      const code = codeOf(problem);
      this.#with((rest) => rest.showFailure(this.#context(), code), code);
      return false;
    }
  }

  /** Do something with what comes after the page; if it does not come, that is said, or what was to be said by it. */
  #with(act: (rest: Rest) => void, code: string | null = null): void {
    this.#whole().then(act, (problem: unknown) => {
      this.#failure = code ?? codeOf(problem);
      this.#update();
    });
  }

  async #whole(): Promise<Rest> {
    const { words } = this.#options as RoomOptions;
    const [rest] = await Promise.all([part("conversation", () => import("./conversation.ts")), words.whole()]);
    if (this.#rest !== null) return rest;
    this.#rest = rest;
    this.#failure = "";
    const root = this.shadowRoot as ShadowRoot;
    root.adoptedStyleSheets = [...root.adoptedStyleSheets, ...rest.openedStyles];
    this.#update();
    return rest;
  }

  #fetchRest(): void {
    if (this.#rest !== null || this.#isFetching) return;
    this.#isFetching = true;
    this.#with(() => {});
  }

  /** Show the state; a focus that goes with what was shown goes where a person goes on. */
  #update(): void {
    const hadFocus = this.shadowRoot?.activeElement !== null;
    const { backend, words, now, reload } = this.#options as RoomOptions;
    const state = backend.state();
    const before = this.#room;
    this.#showHead(state, words);
    this.#showBody(state);
    const acts = { opens: this.#opens, update: () => this.#update() };
    const context = { words, clock: this.#clock, nowMs: now(), ...acts };
    // A new page ends a room that is not stored.
    const again = state.keeping.mode === "session" ? null : reload;
    const code = state.fault ?? this.#failure;
    const failure = code === "" ? [] : [failureNote(words, code, again)];
    const others = (CONVERSING.includes(state.phase) && this.#rest?.notesView(state, context)) || [];
    redraw(this.#notesBox, ...failure, ...others);
    set(this.#notesBox, "role", state.alarm === null ? "status" : "alert");
    if (!hadFocus || this.shadowRoot?.activeElement !== null) return;
    // Who types is not led on into the field of another room.
    if (before !== null && this.#room !== null && this.#room !== before) this.#present.focus();
    else this.focus();
  }

  #showHead(state: RoomState, words: Words): void {
    const name = state.company?.name ?? words("room.title");
    say(this.#title, name);
    say(this.#mark, initials(name));
    this.#mark.hidden = state.company === null;
    const isConversing = CONVERSING.includes(state.phase);
    this.#present.hidden = !isConversing || state.phase === "withdrawn" || state.phase === "erased";
    this.#more.hidden = !isConversing;
    say(this.#present, presentLine(state.members, words));
    set(this.#main, "aria-label", words("room.label", { company: name }));
  }

  /** One screen for each phase. */
  #showBody(state: RoomState): void {
    if (CONVERSING.includes(state.phase)) {
      this.#showList(state);
      this.#showFoot(state);
    } else redraw(this.#body, ...this.#leaveConversation(state));
  }

  #leaveConversation(state: RoomState): HTMLElement[] {
    // What was typed waits for its room, or for the next one where that is lost (STO-59).
    if (state.phase !== "blocked") this.#composers.clear();
    else if (this.#composer?.isConnected) this.#given ||= this.#composer.draft;
    this.#list = null;
    this.#messages = null;
    this.#composer = null;
    this.#room = null;
    const options = this.#options as RoomOptions;
    const { words } = options;
    const screens = { ...options, opens: this.#opens };
    const notice = noticeScreen(state, screens, this.#run);
    if (notice !== null) return notice;
    if (state.phase === "loading") return [loadingScreen(words)];
    this.#fetchRest();
    return this.#rest === null ? [loadingScreen(words)] : this.#rest.otherScreen(state, screens, this.#run);
  }

  /** The list stands empty until what makes it is here; one can write before. */
  #makeConversation(room: string | null): HTMLElement {
    this.#composer = this.#composers.get(room) ?? this.#makeComposer(room);
    this.#composers.set(room, this.#composer);
    this.#messages = null;
    return document.createElement("seal-messages");
  }

  #makeComposer(room: string | null): ComposerElement {
    const { words, backend } = this.#options as RoomOptions;
    defineComposer();
    const composer = document.createElement("seal-composer") as ComposerElement;
    composer.setup({
      words,
      inspect: (text) => backend.inspect(text),
      send: (text, replyTo) => backend.send(text, replyTo, room),
      edit: (id, text) => backend.edit(id, text),
      sendFile: (file, choice) => backend.sendFile(file, choice, room),
    });
    composer.addEventListener("sent", () => this.#messages?.toEnd());
    return composer;
  }

  /** What was typed for one room is sent in no other (STO-55). */
  #showList(state: RoomState): void {
    if (state.room !== this.#room) {
      this.#room = state.room;
      this.#list = null;
    }
    this.#list ??= this.#makeConversation(state.room);
    this.#fetchRest();
    if (this.#rest === null) return;
    const { words, backend, now } = this.#options as RoomOptions;
    const openMenu = (message: Message, anchor: HTMLElement) => this.#openMessageMenu(message, anchor);
    this.#messages ??= this.#rest.setUpList(this.#list, { words, backend, now, run: this.#run, openMenu });
    this.#messages.intro = this.#rest.introView(state, words);
    this.#messages.update(state);
  }

  #openMessageMenu(message: Message, anchor: HTMLElement): void {
    const { words, backend } = this.#options as RoomOptions;
    const name = (of: Message) => nameOf(memberOf(backend.state().members, of.author), words);
    const actions = {
      reply: (to: Message) => this.#composer?.reply(to, name(to)),
      edit: (of: Message) => this.#composer?.editMessage(of),
    };
    this.#with(({ openMenu, messageMenu }) => {
      openMenu(anchor, words("message.actions"), messageMenu(message, this.#context(), actions));
    });
  }

  #openMenu(): void {
    const { words } = this.#options as RoomOptions;
    this.#with(({ openMenu, roomMenu }) => openMenu(this.#more, words("room.menu"), roomMenu(this.#context())));
  }

  #showFoot(state: RoomState): void {
    const { words, backend, now } = this.#options as RoomOptions;
    const blocked = state.canWrite ? null : words("alarm.blocked");
    this.#composer?.allow(state.canSendFiles, state.maxFileB, blocked);
    // Why what is written here reaches nobody stands in a note.
    const isWriting = WRITING.includes(state.phase) && !reachesNobody(state, now());
    const save = this.#opens("saveTranscript");
    const foot = this.#rest?.footView(state, words, this.#clock, now(), { backend, run: this.#run, save });
    redraw(this.#body, this.#list, isWriting ? this.#composer : (foot ?? null));
    if (isWriting && this.#given !== "") this.prefill(this.#given);
    if (isWriting || state.phase === "erased") this.#given = "";
  }
}

function codeOf(problem: unknown): string {
  return String((problem as { code?: unknown }).code ?? "local");
}

/** Two letters for the mark: of the first and the last word. */
function initials(name: string): string {
  const words = name.split(/\s+/u).filter((word) => /^\p{L}/u.test(word));
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map((word) => [...(word ?? "")][0] ?? "");
  return letters.join("").toLocaleUpperCase();
}

export function defineRoom(): void {
  define("seal-room-view", RoomElement);
}
