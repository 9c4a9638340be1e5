/** The list of messages as an element of its own: what is in view is there, what is new is announced. */

import { icon } from "./all_icons.ts";
import type { ConversationState, Item } from "./backend.ts";
import { define, h, redraw, renew, replace, set } from "./dom.ts";
import { menuStyle } from "./menu.ts";
import { memberOf, nameOf } from "./names.ts";
import { type RowActions, type RowContext, rowView, sentenceOf } from "./row_view.ts";
import { guessHeight, isSameRow, type Row, rowsOf } from "./rows.ts";
import { messagesStyle } from "./styles/messages.ts";
import { base, tokens } from "./styles/tokens.ts";
import { type Clock, clockOf, daysBetween } from "./times.ts";
import { Heights } from "./virtual.ts";
import type { Words } from "./words.ts";

const BEYOND_PX = 600;
const NEAR_END_PX = 48;
const NEAR_START_PX = 400;
const MAX_ANNOUNCED = 5;
const MAX_SAID = 400;

interface Anchor {
  readonly id: string;
  readonly offset: number;
}

interface Shown {
  readonly row: Row;
  /** Who was there when it was drawn, and on which day. */
  readonly around: string;
  readonly element: HTMLElement;
}

export interface MessagesOptions {
  readonly words: Words;
  readonly actions: RowActions;
  now(): number;
  loadEarlier(): void;
  seen(id: string): void;
}

export class MessagesElement extends HTMLElement {
  #options: MessagesOptions | null = null;
  #clock: Clock = clockOf("en");
  #rows: readonly Row[] = [];
  #index = new Map<string, number>();
  #heights = new Heights();
  #shown = new Map<string, Shown>();
  #people = "";
  #state: ConversationState | null = null;
  #isAtEnd = true;
  #isFirst = true;
  #frame = 0;
  #missed: string[] = [];
  #lastSeen = "";
  #place = 0;
  #view = 0;
  #isLoading = false;
  #introHeight = 0;
  readonly #intro = h("div", { class: "intro" });
  readonly #above = h("div");
  readonly #list = h("div", { role: "list" });
  readonly #below = h("div");
  readonly #log = h("div", { class: "scroll", role: "log", tabindex: 0, "aria-live": "off" });
  readonly #news = h("div", { class: "unseen", "aria-live": "polite", role: "status" });
  readonly #jump = h("button", { class: "button small jump", type: "button" });
  readonly #sizes = new ResizeObserver((entries) => this.#measured(entries));

  readonly #shownAgain = () => this.shown();

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [tokens, base, menuStyle, messagesStyle];
    this.#log.append(this.#intro, this.#above, this.#list, this.#below);
    this.#jump.hidden = true;
    root.append(this.#log, this.#jump, this.#news);
    this.#log.addEventListener("scroll", () => this.#schedule(), { passive: true });
    this.#log.addEventListener("keydown", (event) => this.#onKey(event));
    this.#jump.addEventListener("click", () => this.toEnd(true));
    this.#sizes.observe(this.#log);
    this.#sizes.observe(this.#intro);
  }

  setup(options: MessagesOptions): void {
    this.#options = options;
    this.#clock = clockOf(options.words.locale);
    this.#log.setAttribute("aria-label", options.words("messages.label"));
    this.#shown.clear();
    this.#list.replaceChildren();
    if (this.#state !== null) this.update(this.#state);
  }

  connectedCallback(): void {
    document.addEventListener("visibilitychange", this.#shownAgain);
  }

  disconnectedCallback(): void {
    document.removeEventListener("visibilitychange", this.#shownAgain);
  }

  /** The window is looked at again. */
  shown(): void {
    this.#render();
  }

  /** What stands above the first message. */
  set intro(element: HTMLElement | null) {
    redraw(this.#intro, element);
    this.#intro.hidden = element === null;
  }

  update(state: ConversationState): void {
    const before = this.#state;
    const anchor = this.#anchor();
    this.#state = state;
    if (this.#options === null) return;
    if (before?.items !== state.items || before.members !== state.members || isGoing(before) !== isGoing(state))
      this.#take(state, before);
    this.#isLoading = false;
    this.#render(anchor);
  }

  /** Scroll to the newest message, and put the focus there if it was asked for by hand. */
  toEnd(isByHand = false): void {
    this.#isAtEnd = true;
    this.#render();
    if (isByHand) this.#log.focus();
  }

  /** Show a message and put the focus on it; nothing if it is not here. */
  jump(id: string): void {
    const row = this.#index.get(id);
    if (row === undefined) return;
    this.#isAtEnd = false;
    this.#place = Math.max(0, this.#top(row) - this.#view / 3);
    this.#render({ id, offset: -this.#view / 3 });
    this.#shown.get(id)?.element.focus({ preventScroll: true });
  }

  /** Rows that are in the document now; for measuring. */
  get rendered(): number {
    return this.#shown.size;
  }

  #take(state: ConversationState, before: ConversationState | null): void {
    const own = state.members.find((member) => member.isSelf)?.id ?? null;
    const known = new Map(this.#rows.map((row, at) => [row.item.id, this.#heights.height(at)]));
    this.#rows = rowsOf(state.items, own, isGoing(state));
    this.#index = new Map(this.#rows.map((row, at) => [row.item.id, at]));
    this.#heights.reset(this.#rows.map((row) => known.get(row.item.id) ?? guessHeight(row)));
    this.#people = JSON.stringify(state.members);
    if (before !== null && !this.#isFirst) this.#announce(state, known, before.items);
    this.#isFirst = this.#isFirst && state.items.length === 0;
  }

  /** Only what is new, and below what was there, is spoken; and that who has come reads what was before, too. */
  #announce(state: ConversationState, known: ReadonlyMap<string, number>, old: readonly Item[]): void {
    const { words } = this.#options as MessagesOptions;
    const last = this.#rows.findLastIndex((row) => known.has(row.item.id));
    const fresh = state.items.slice(last + 1).filter((item) => !isOwn(item, state));
    const silent = new Set(old.filter((item) => item.kind === "happening" && item.count === null).map(({ id }) => id));
    const grown = state.items.filter((item) => item.kind === "happening" && item.count !== null && silent.has(item.id));
    if (fresh.length > 0 && !this.#isAtEnd) this.#missed.push(...fresh.map(({ id }) => id));
    for (const item of [...grown, ...fresh].slice(-MAX_ANNOUNCED))
      this.#news.append(h("p", null, spoken(item, state, words)));
    while (this.#news.childElementCount > MAX_ANNOUNCED) this.#news.firstElementChild?.remove();
  }

  #context(): RowContext {
    const { words, actions, now } = this.#options as MessagesOptions;
    const state = this.#state as ConversationState;
    return { words, clock: this.#clock, nowMs: now(), members: state.members, actions };
  }

  #top(row: number): number {
    return this.#introHeight + this.#heights.top(row);
  }

  /** The first row in view, and how far it is scrolled beyond the upper edge. */
  #anchor(): Anchor | null {
    const row = this.#heights.rowAt(Math.max(0, this.#place - this.#introHeight));
    const id = this.#rows[row]?.item.id;
    return id === undefined ? null : { id, offset: this.#place - this.#top(row) };
  }

  /** Where the view begins: at the end, at the row that is to keep its place, or where it was scrolled to. */
  #start(anchor: Anchor | null): number {
    if (this.#isAtEnd) return this.#heights.total - this.#view;
    const row = anchor === null ? undefined : this.#index.get(anchor.id);
    const top = row === undefined || anchor === null ? this.#place : this.#top(row) + anchor.offset;
    return top - this.#introHeight;
  }

  #schedule(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      // The view as it is: when the field below has become smaller, it was not measured yet.
      const { scrollTop, scrollHeight, clientHeight } = this.#log;
      if (scrollHeight - scrollTop - clientHeight < NEAR_END_PX) this.#isAtEnd = true;
      else if (scrollTop < this.#place - 1) this.#isAtEnd = false;
      this.#place = scrollTop;
      this.#render();
    });
  }

  /** Put the rows in view, and some beyond, into the document; measure them; keep the place. */
  #render(anchor: Anchor | null = null): void {
    if (this.#options === null || this.#state === null || !this.isConnected) return;
    const start = this.#start(anchor);
    const first = this.#heights.rowAt(Math.max(0, start - BEYOND_PX));
    const last = this.#heights.rowAt(Math.max(0, start + this.#view + BEYOND_PX));
    this.#fill(first, last);
    if (this.#isAtEnd) {
      this.#missed = [];
      this.#scrollTo(this.#log.scrollHeight);
    } else if (anchor !== null && start + this.#introHeight !== this.#place) this.#scrollTo(start + this.#introHeight);
    this.#tellSeen(last);
    this.#showJump();
    const hasRoom = this.#state?.hasEarlier === true && !this.#isLoading;
    if (hasRoom && this.#place < NEAR_START_PX) this.#loadEarlier();
  }

  /** Reading the place makes the browser lay out the page, so it is read here and when a person scrolls. */
  #scrollTo(place: number): void {
    this.#log.scrollTop = place;
    this.#place = this.#log.scrollTop;
  }

  #loadEarlier(): void {
    this.#isLoading = true;
    this.#options?.loadEarlier();
  }

  #fill(first: number, last: number): void {
    const context = this.#context();
    const wanted = this.#rows.slice(first, last + 1);
    const kept = this.#withFocus(first, last);
    const around = `${this.#people}${daysBetween(0, context.nowMs)}`;
    const elements = [...wanted, ...kept].map((row) => this.#elementOf(row, context, around));
    const ids = new Set([...wanted, ...kept].map((row) => row.item.id));
    for (const [id, one] of this.#shown)
      if (!ids.has(id)) {
        this.#sizes.unobserve(one.element);
        this.#shown.delete(id);
      }
    this.#above.style.setProperty("height", `${this.#heights.top(first)}px`);
    this.#below.style.setProperty("height", `${this.#heights.total - this.#heights.top(last + 1)}px`);
    replace(this.#list, ...elements.slice(0, wanted.length));
  }

  /** A row with the focus inside stays alive only while it is in view: its focus goes to the list. */
  #withFocus(first: number, last: number): readonly Row[] {
    const focused = this.shadowRoot?.activeElement?.closest<HTMLElement>("[data-id]");
    const at = focused ? this.#index.get(focused.getAttribute("data-id") ?? "") : undefined;
    if (focused && (at === undefined || at < first || at > last)) this.#log.focus({ preventScroll: true });
    return [];
  }

  #elementOf(row: Row, context: RowContext, around: string): HTMLElement {
    const { id } = row.item;
    const before = this.#shown.get(id);
    const isKept = before?.around === around && isSameRow(before.row, row);
    const fresh = isKept ? before.element : rowView(row, context);
    const element = before === undefined || isKept ? fresh : this.#renewed(before.element, fresh);
    const at = this.#index.get(id) as number;
    set(element, "aria-setsize", this.#state?.hasEarlier ? -1 : this.#rows.length);
    set(element, "aria-posinset", at + 1);
    if (isKept) return element;
    if (before === undefined && this.#isAtEnd && at === this.#rows.length - 1) element.classList.add("come");
    if (before === undefined) this.#sizes.observe(element);
    this.#shown.set(id, { row, around, element });
    return element;
  }

  /** The focus of a control that is no more goes to its message. */
  #renewed(element: HTMLElement, fresh: HTMLElement): HTMLElement {
    const hadFocus = element.contains(this.shadowRoot?.activeElement ?? null);
    renew(element, fresh);
    if (hadFocus && this.shadowRoot?.activeElement === null) element.focus({ preventScroll: true });
    return element;
  }

  /** Heights as they are; the first row in view keeps its place. */
  #measured(entries: readonly ResizeObserverEntry[]): void {
    const anchor = this.#anchor();
    let isOther = false;
    for (const entry of entries) {
      const element = entry.target as HTMLElement;
      const at = this.#index.get(element.getAttribute("data-id") ?? "");
      const height = entry.borderBoxSize[0]?.blockSize ?? 0;
      if (element === this.#intro) this.#introHeight = height;
      if (element === this.#log) this.#view = height;
      if (element === this.#log || element === this.#intro) isOther = true;
      if (at === undefined || height === 0 || !element.isConnected) continue;
      isOther ||= Math.abs(this.#heights.height(at) - height) > 0.5;
      this.#heights.set(at, height);
    }
    if (isOther) this.#render(anchor);
  }

  #tellSeen(last: number): void {
    const id = this.#rows[Math.min(last, this.#rows.length - 1)]?.item.id;
    if (id === undefined || !this.#isAtEnd || id === this.#lastSeen || !this.#isLookedAt()) return;
    this.#lastSeen = id;
    this.#options?.seen(id);
  }

  /** The tab is in front, and the frame of the page is not hidden: then it has no height. */
  #isLookedAt(): boolean {
    return document.visibilityState === "visible" && this.#log.clientHeight > 0;
  }

  #showJump(): void {
    const { words } = this.#options as MessagesOptions;
    this.#jump.hidden = this.#isAtEnd;
    if (this.#isAtEnd) return;
    const missed = this.#missed.filter((id) => this.#isMessage(id)).length;
    const word = missed > 0 ? words.count("messages.new", missed) : words("messages.down");
    if (this.#jump.textContent !== word) this.#jump.replaceChildren(icon("down"), word);
  }

  /** Something that somebody wrote, and that was not erased since. */
  #isMessage(id: string): boolean {
    const item = this.#rows[this.#index.get(id) ?? -1]?.item;
    return item?.kind === "message" && !item.isErased;
  }

  /** Arrow keys go from message to message. */
  #onKey(event: KeyboardEvent): void {
    const focused = this.shadowRoot?.activeElement as HTMLElement | null;
    const row = focused?.matches(".row") ? focused : null;
    const step = event.key === "ArrowUp" ? -1 : event.key === "ArrowDown" ? 1 : 0;
    if (step !== 0 && (row !== null || focused === this.#log)) {
      event.preventDefault();
      this.#go(row, step);
    } else if (row !== null && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      row.querySelector<HTMLElement>("[aria-haspopup]")?.click();
    } else if (event.key === "End") this.toEnd(true);
  }

  #go(row: HTMLElement | null, step: number): void {
    const from = row === null ? this.#rows.length : (this.#index.get(row.getAttribute("data-id") ?? "") ?? 0);
    let to = from + step;
    while (this.#rows[to] !== undefined && this.#rows[to]?.item.kind !== "message") to += step;
    const id = this.#rows[to]?.item.id;
    if (id === undefined) return;
    if (this.#shown.get(id) === undefined) this.jump(id);
    const element = this.#shown.get(id)?.element;
    element?.focus();
    element?.scrollIntoView({ block: "nearest" });
  }
}

/** Whether what is written goes at once. */
function isGoing({ link, canWrite }: ConversationState): boolean {
  return link === "online" && canWrite;
}

function isOwn(item: Item, state: ConversationState): boolean {
  return item.kind === "message" && (memberOf(state.members, item.author)?.isSelf ?? false);
}

function spoken(item: Item, state: ConversationState, words: Words): string {
  if (item.kind === "happening") return sentenceOf(item, state.members, words);
  const name = nameOf(memberOf(state.members, item.author), words);
  return words("messages.announce", { name, text: (item.text || item.file?.name || "").slice(0, MAX_SAID) });
}

export function defineMessages(): void {
  define("seal-messages", MessagesElement);
}
