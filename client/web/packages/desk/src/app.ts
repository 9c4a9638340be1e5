/** The desk as one element: three panes, menus, keys, what is told for a moment. */

import { icon } from "@sealroom/ui/all_icons.ts";
import { dialogStyle } from "@sealroom/ui/dialog.ts";
import { define, h, redraw, replace, say, set } from "@sealroom/ui/dom.ts";
import { menuStyle, openMenu } from "@sealroom/ui/menu.ts";
import { base, tokens } from "@sealroom/ui/styles/tokens.ts";
import { type AboutPane, aboutPane } from "./about_pane.ts";
import { type RoomActs, roomActs } from "./acts.ts";
import { type AlarmStrip, alarmStrip, rosterText } from "./alarms.ts";
import { manageCanned, openCanned } from "./canned.ts";
import { type Desk, openDesk, type Phase } from "./desk.ts";
import { showFigures, showKeys } from "./dialogs.ts";
import { wordsOf } from "./faults.ts";
import { type KeyName, keyOf } from "./keys.ts";
import type { RoomRow } from "./messages.ts";
import { tellOfNews } from "./notify.ts";
import { type QueuePane, queuePane } from "./queue_pane.ts";
import { type RoomPane, roomPane } from "./room_pane.ts";
import { nameOfRoom, signedIn } from "./rooms.ts";
import { screenOf } from "./screens.ts";
import { keepSettings, readSettings, type Settings } from "./settings.ts";
import { deskStyle } from "./styles/desk.ts";
import { filled } from "./texts.ts";
import { type DeskWords, deskWords } from "./words.ts";

const TOAST_MS = 6_000;
const SCHEMES = { auto: "light dark", light: "light", dark: "dark" } as const;
const NEXT_SCHEME = { auto: "dark", dark: "light", light: "auto" } as const;

class DeskElement extends HTMLElement {
  readonly #root = this.attachShadow({ mode: "open" });
  readonly #desk: Desk = openDesk();
  #settings: Settings = readSettings();
  #words: DeskWords = deskWords(this.#settings.language ?? this.#desk.state().language);
  #room: string | null = null;
  #phase: Phase | null = null;
  #locks = 0;
  #toastTimer = 0;
  readonly #grid = h("div", { class: "desk" });
  readonly #alarms: AlarmStrip = alarmStrip({
    words: () => this.#words,
    nowMs: () => this.#desk.nowMs(),
    nameOf: (id) => this.#nameOf(id),
    openRoom: (id) => this.#open(id, null),
    attempt: (question) => this.#acts.attempt(question),
    leave: () => (this.#room === null ? this.#queue.focus() : this.#middle.focus()),
  });
  readonly #strips = h("div", { role: "status" });
  readonly #stage = h("div", { class: "stage" });
  readonly #toast = h("div", { class: "toast", role: "status" });
  readonly #acts: RoomActs = roomActs({
    desk: this.#desk,
    root: this.#root,
    words: () => this.#words,
    say: (text) => this.#say(text),
    openRoom: (id) => this.#open(id, null),
    write: (id) => this.#middle.write(id),
  });
  readonly #queue: QueuePane = queuePane({
    desk: this.#desk,
    words: () => this.#words,
    isCompact: () => this.#settings.density === "compact",
    openRoom: (id, entry) => this.#open(id, entry),
    openMenu: (anchor) => this.#openMenu(anchor),
    say: (text) => this.#say(text),
  });
  readonly #about: AboutPane = aboutPane({
    desk: this.#desk,
    acts: this.#acts,
    words: () => this.#words,
    close: () => this.#grid.removeAttribute("data-about"),
  });
  readonly #middle: RoomPane = roomPane({
    desk: this.#desk,
    acts: this.#acts,
    words: () => this.#words,
    detail: () => this.#about.detail(),
    say: (text) => this.#say(text),
    leave: () => this.#open(null, null),
    toggleAbout: () => this.#grid.toggleAttribute("data-about"),
    openCanned: (anchor, insert) => openCanned(this.#canned(), anchor, insert),
    fill: (text, row) => this.#fill(text, row),
  });

  connectedCallback(): void {
    this.#root.adoptedStyleSheets = [tokens, base, menuStyle, dialogStyle, deskStyle];
    this.setAttribute("density", "desk");
    this.#grid.append(this.#queue.element, this.#middle.element, this.#about.element);
    this.#root.append(this.#alarms.element, this.#strips, this.#stage, this.#toast);
    this.#desk.subscribe(() => this.#update());
    this.#desk.hear((message) => {
      if (message.type === "notDone") this.#sayNotDone(message.room, message.code);
    });
    tellOfNews(this.#desk, { words: () => this.#words, hasSound: () => this.#settings.hasSound });
    addEventListener("keydown", (event) => this.#onKey(event));
    addEventListener("beforeunload", (event) => {
      if (this.#middle.hasDraft()) event.preventDefault();
    });
    this.#apply();
    this.#update();
  }

  #canned() {
    return { desk: this.#desk, acts: this.#acts, root: this.#root, words: () => this.#words };
  }

  #fill(text: string, row: RoomRow): string {
    const { me, company } = this.#desk.state();
    return filled(text, { name: signedIn(row, this.#desk.state()), agent: me?.name ?? null, company });
  }

  #nameOf(room: string): string | null {
    const row = this.#desk.state().rooms.get(room);
    return row === undefined ? null : nameOfRoom(row, this.#desk.state(), this.#words);
  }

  /** What was asked earlier, of a room that may not be on the screen. */
  #sayNotDone(room: string, code: string): void {
    const name = this.#nameOf(room);
    const text = wordsOf(code, this.#words) ?? this.#words("failed.other", { code });
    this.#say(name === null ? text : `${name}: ${text}`);
  }

  #change(change: Partial<Settings>): void {
    this.#settings = keepSettings(this.#settings, change);
    this.#apply();
    this.#queue.renew();
    this.#middle.renew();
    this.#about.show(this.#room);
    this.#phase = null;
    this.#update();
  }

  #apply(): void {
    this.#words = deskWords(this.#settings.language ?? this.#desk.state().language);
    document.documentElement.lang = this.#words.language;
    this.lang = this.#words.language;
    this.style.setProperty("color-scheme", SCHEMES[this.#settings.scheme]);
    document.documentElement.style.setProperty("color-scheme", SCHEMES[this.#settings.scheme]);
    set(this, "data-density", this.#settings.density);
  }

  #update(): void {
    const { phase, language } = this.#desk.state();
    if (this.#settings.language === null && language !== this.#words.language) {
      this.#apply();
      this.#queue.renew();
    }
    if (phase !== this.#phase) this.#enter(phase);
    if (phase !== "running") return;
    this.#alarms.update(this.#desk.state().alarms);
    this.#showStrips();
    if (this.#room !== null && !this.#desk.state().rooms.has(this.#room)) this.#open(null, null);
    this.#queue.update(this.#room);
    this.#about.update();
    this.#middle.update();
  }

  /** Another phase: of what was shown before nothing is left on the screen. */
  #enter(phase: Phase): void {
    this.#phase = phase;
    if (phase === "running") {
      this.#forgetBeforeLock();
      this.#middle.keep();
      replace(this.#stage, this.#grid);
      return;
    }
    for (const dialog of this.#root.querySelectorAll("dialog")) dialog.close();
    this.#room = null;
    // A connection that is lost for a while leaves what was being written.
    if (phase === "locked" || phase === "expired") this.#middle.forget();
    this.#middle.show(null, null);
    this.#middle.lost();
    this.#about.show(null);
    this.#queue.forget();
    this.#queue.update(null);
    replace(this.#strips);
    this.#alarms.update([]);
    replace(this.#stage, screenOf(phase, this.#desk, this.#words));
  }

  /** A page that was not connected was told of no lock; who unlocked may be somebody else. */
  #forgetBeforeLock(): void {
    const { locks } = this.#desk.state();
    if (locks !== this.#locks) this.#middle.forget();
    this.#locks = locks;
  }

  #showStrips(): void {
    const { connection, entryWaits, me, rosterEndsMs } = this.#desk.state();
    const strips: HTMLElement[] = [];
    const warn = (text: string) => strips.push(h("p", { class: "strip warn" }, icon("offline"), h("span", null, text)));
    if (connection === "offline") warn(this.#words("link.offline"));
    else if (entryWaits) warn(this.#words("link.entry_waits"));
    if (rosterEndsMs !== null) warn(rosterText(rosterEndsMs, this.#words, this.#desk.nowMs()));
    else if (me === null) warn(this.#words("link.not_in_force"));
    if (!this.#settings.isWarned) {
      const ok = h(
        "button",
        { class: "button small", type: "button", onclick: () => this.#change({ isWarned: true }) },
        this.#words("shared.ok"),
      );
      strips.push(h("p", { class: "strip" }, icon("info"), h("span", null, this.#words("shared.text")), ok));
    }
    redraw(this.#strips, ...strips);
  }

  #open(id: string | null, entry: string | null): void {
    if (id !== null && id === this.#room && entry === null) {
      this.#middle.focus();
      return;
    }
    this.#room = id;
    this.#desk.watch(id);
    this.#grid.toggleAttribute("data-room", id !== null);
    this.#grid.removeAttribute("data-about");
    this.#about.show(id);
    this.#middle.show(id, entry);
    this.#queue.update(id);
  }

  #say(text: string): void {
    say(this.#toast, text);
    clearTimeout(this.#toastTimer);
    this.#toastTimer = setTimeout(() => say(this.#toast, ""), TOAST_MS) as unknown as number;
  }

  #openMenu(anchor: HTMLElement): void {
    const words = this.#words;
    const settings = this.#settings;
    const desk = [
      { word: words("canned.title"), icon: "chat" as const, act: () => manageCanned(this.#canned()) },
      {
        word: words("figures.title"),
        icon: "clock" as const,
        act: () => void showFigures(this.#root, this.#desk, words),
      },
      { word: words("keys.title"), icon: "help" as const, act: () => showKeys(this.#root, words) },
    ];
    const canAsk = "Notification" in globalThis && Notification.permission === "default";
    const looks = [
      {
        word: words("menu.language"),
        icon: "page" as const,
        act: () => this.#change({ language: words.language === "de" ? "en" : "de" }),
      },
      {
        word: words("menu.scheme"),
        icon: "eye" as const,
        act: () => this.#change({ scheme: NEXT_SCHEME[settings.scheme] }),
      },
      {
        word: words("menu.density"),
        icon: "unfold" as const,
        act: () => this.#change({ density: settings.density === "compact" ? "comfortable" : "compact" }),
      },
      {
        word: words(settings.hasSound ? "menu.sound.off" : "menu.sound.on"),
        icon: "info" as const,
        act: () => this.#change({ hasSound: !settings.hasSound }),
      },
      ...(canAsk
        ? [{ word: words("menu.notices"), icon: "chat" as const, act: () => void Notification.requestPermission() }]
        : []),
    ];
    const lock = [{ word: words("menu.lock"), icon: "lock" as const, act: () => this.#lock() }];
    openMenu(anchor, words("menu.label"), [desk, looks, lock]);
  }

  /** What is being written goes ahead, and holds up no lock. */
  #lock(): void {
    this.#middle.keep();
    void this.#acts.attempt({ type: "lock" });
  }

  #onKey(event: KeyboardEvent): void {
    const name = this.#desk.state().phase === "running" ? keyOf(event) : null;
    const row = this.#room === null ? undefined : this.#desk.state().rooms.get(this.#room);
    const act = name === null ? undefined : this.#actOf(name, row);
    if (act === undefined) return;
    event.preventDefault();
    act();
  }

  #actOf(name: KeyName, row: RoomRow | undefined): (() => void) | undefined {
    const ofRoom = (act: (row: RoomRow) => Promise<void>) => (row === undefined ? undefined : () => void act(row));
    const acts: Record<KeyName, (() => void) | undefined> = {
      j: () => this.#queue.step(1),
      k: () => this.#queue.step(-1),
      n: () => void this.#acts.claimNext(),
      r: () => this.#middle.focus(),
      c: row?.assigned === null ? ofRoom(this.#acts.claim) : undefined,
      t: row?.isMine ? ofRoom(this.#acts.transfer) : undefined,
      b: row?.isMine ? ofRoom(this.#acts.toQueue) : undefined,
      e: row?.isMine ? ofRoom(this.#acts.close) : undefined,
      i: row?.isHere ? () => this.#middle.turn() : undefined,
      l: ofRoom(this.#acts.labels),
      v: () => this.#queue.nextView(),
      "/": () => this.#queue.search(),
      "?": () => showKeys(this.#root, this.#words),
      escape: row === undefined ? undefined : () => this.#escape(),
    };
    return acts[name];
  }

  /** Out of the field first, then out of the room. */
  #escape(): void {
    const focused = this.#root.activeElement as HTMLElement | null;
    if (focused?.matches("input, seal-composer, seal-messages")) focused.blur();
    else this.#open(null, null);
  }
}

/** Define the element of the desk. */
export function defineDesk(): void {
  define("seal-desk", DeskElement);
  set(document.documentElement, "lang", navigator.language.slice(0, 2));
}
