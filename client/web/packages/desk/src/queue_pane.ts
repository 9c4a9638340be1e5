/** The left pane: views, search, and the list of rooms. */

import { icon } from "@sealroom/ui/all_icons.ts";
import { h, redraw, replace, say, set } from "@sealroom/ui/dom.ts";
import { failureText } from "./acts.ts";
import type { Desk } from "./desk.ts";
import { type List, listOf } from "./list.ts";
import type { FoundRow, PreviewRow, RoomRow } from "./messages.ts";
import { isWaiting, labelsOf, nameOfRoom, pressing, roomsOf, type View } from "./rooms.ts";
import { shortTime } from "./short_time.ts";
import { onOneLine, startOf } from "./texts.ts";
import { type DeskWords, isNow, longOf } from "./words.ts";

const MAIN_VIEWS = ["waiting", "mine", "all"] as const;
const MAX_FOUND = 100;
/** Of what is sought, in bytes. */
const WORDS_B = 200;
const AGAIN_MS = 1_000;
const MOST_COUNTED = 99;
const MINUTE_MS = 60_000;
/** Of a row, as its style has it. */
const ROW_REM = 4.75;
const COMPACT_REM = 3.25;

export interface QueueOptions {
  readonly desk: Desk;
  words(): DeskWords;
  isCompact(): boolean;
  openRoom(id: string, entry: string | null): void;
  openMenu(anchor: HTMLElement): void;
  say(text: string): void;
}

export interface QueuePane {
  readonly element: HTMLElement;
  update(selected: string | null): void;
  renew(): void;
  /** Forget what was sought and found: it is of rooms, and outlives no lock. */
  forget(): void;
  step(by: number): void;
  focus(): void;
  search(): void;
  nextView(): void;
}

interface Line {
  readonly row: RoomRow;
  readonly preview: PreviewRow | undefined;
  readonly minute: number;
}

/** Make the pane. */
export function queuePane(options: QueueOptions): QueuePane {
  const { desk, words } = options;
  let view: View = "waiting";
  let isChosen = false;
  let selected: string | null = null;
  let found: readonly FoundRow[] | null = null;
  let sought = "";
  let again = 0;
  const title = h("h1");
  const who = h("p", { class: "meta", dir: "auto" });
  const menu = h(
    "button",
    { class: "round", type: "button", "aria-haspopup": "menu", "aria-expanded": "false" },
    icon("more"),
  );
  const views = h("div", { class: "views", role: "group" });
  const field = h("input", {
    class: "field",
    type: "search",
    enterkeyhint: "search",
    autocomplete: "off",
    maxlength: 100,
  });
  const more = h("select");
  const below = h("div", { class: "body" });
  const element = h(
    "nav",
    { class: "pane queue" },
    h("div", { class: "top" }, h("div", { class: "names" }, title, who), menu),
    views,
    h("div", { class: "find" }, field, more),
    below,
  );
  let list: List<Line> | null = null;

  menu.addEventListener("click", () => options.openMenu(menu));
  more.addEventListener("change", () => {
    if (more.value !== "") choose(more.value as View);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") void look();
    else if (event.key === "ArrowDown") {
      event.preventDefault();
      below.querySelector<HTMLElement>(".hit, .list")?.focus();
    } else if (event.key === "Escape" && (found !== null || field.value !== "")) {
      event.preventDefault();
      endSearch();
    }
  });
  field.addEventListener("input", () => {
    if (field.value.trim() === "" && found !== null) endSearch();
  });
  setInterval(() => list !== null && update(selected), MINUTE_MS / 4);

  function choose(next: View): void {
    view = next;
    isChosen = true;
    found = null;
    sought = "";
    update(selected);
  }

  async function look(): Promise<void> {
    sought = startOf(onOneLine(field.value), WORDS_B);
    await seek().catch((problem: unknown) => options.say(failureText(problem, words())));
  }

  async function seek(): Promise<void> {
    const text = sought;
    if (text === "") return;
    const answer = await desk.ask({ type: "search", words: text, limit: MAX_FOUND });
    if (answer.type !== "found" || sought !== text) return;
    found = answer.found;
    update(selected);
  }

  // What was found may have been erased, or withdrawn: it is sought anew, once for what comes together.
  desk.hear((message) => {
    const isFound = ({ id }: RoomRow) => found?.some((one) => one.room === id);
    if (again !== 0 || message.type !== "rooms" || !message.rooms.some(isFound)) return;
    again = setTimeout(() => {
      again = 0;
      seek().catch(() => {});
    }, AGAIN_MS) as unknown as number;
  });

  function forget(): void {
    field.value = "";
    sought = "";
    found = null;
  }

  function endSearch(): void {
    forget();
    update(selected);
  }

  function makeList(): List<Line> {
    return listOf<Line>({
      label: words()("queue.label"),
      height: () => remPx() * (options.isCompact() ? COMPACT_REM : ROW_REM),
      idOf: (line) => line.row.id,
      isSame: (a, b) => a.row === b.row && a.preview === b.preview && (a.minute === b.minute || a.row.waitsMs === null),
      view: (line) => lineView(line, desk, words()),
      choose: (line) => options.openRoom(line.row.id, null),
      inView: (lines) => desk.wantPreviews(lines.map((line) => line.row.id)),
    });
  }

  function update(now: string | null): void {
    selected = now;
    const state = desk.state();
    // Nobody who waits: what is one's own is what a person goes on with.
    if (!isChosen && view === "waiting" && roomsOf(state, "waiting").length === 0) view = "mine";
    if (!isChosen && view === "mine" && roomsOf(state, "waiting").length > 0) view = "waiting";
    say(title, state.company || words()("desk.title"));
    say(who, state.me?.name ?? "");
    showViews();
    if (found !== null) {
      redraw(below, foundView(found, options, endSearch));
      return;
    }
    const minute = Math.floor(desk.nowMs() / MINUTE_MS);
    const rows = roomsOf(state, view);
    if (rows.length === 0) {
      list = null;
      redraw(
        below,
        noneView(view, words(), () => choose("all")),
      );
      return;
    }
    list ??= makeList();
    replace(below, list.element);
    list.update(
      rows.map((row) => ({ row, preview: state.previews.get(row.id), minute })),
      selected,
    );
  }

  function showViews(): void {
    const state = desk.state();
    const say_ = words();
    set(menu, "aria-label", say_("menu.label"));
    set(element, "aria-label", say_("queue.label"));
    set(views, "aria-label", say_("queue.view"));
    set(field, "aria-label", say_("queue.search"));
    set(field, "placeholder", say_("queue.search"));
    set(more, "aria-label", say_("queue.view"));
    const buttons = MAIN_VIEWS.map((one) => {
      const count = roomsOf(state, one).length;
      const pressed = String(view === one && found === null);
      const number =
        one === "all" ? null : h("span", { class: "count" }, count > MOST_COUNTED ? `${MOST_COUNTED}+` : String(count));
      return h(
        "button",
        { type: "button", "data-key": one, "aria-pressed": pressed, onclick: () => choose(one) },
        say_(`queue.${one}`),
        count > 0 && number,
      );
    });
    redraw(views, ...buttons);
    showMore(labelsOf(state), say_);
  }

  function showMore(labels: readonly string[], say_: DeskWords): void {
    const option = (value: string, text: string) => h("option", { value, "data-key": value }, text);
    redraw(
      more,
      option("", say_("queue.view")),
      option("unread", say_("queue.unread")),
      option("closed", say_("queue.closed")),
      ...labels.map((one) => option(`label:${one}`, one)),
    );
    const value = (MAIN_VIEWS as readonly string[]).includes(view) ? "" : view;
    if (more.value !== value) more.value = value;
  }

  return {
    element,
    update,
    forget,
    renew() {
      list = null;
      update(selected);
    },
    step: (by) => list?.step(by),
    focus: () => (list ?? field).focus(),
    search() {
      field.focus();
      field.select();
    },
    nextView: () =>
      choose(MAIN_VIEWS[((MAIN_VIEWS as readonly string[]).indexOf(view) + 1) % MAIN_VIEWS.length] as View),
  };
}

/** What a person has set as the size of text, in pixels. */
function remPx(): number {
  return Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
}

function lineView({ row, preview }: Line, desk: Desk, words: DeskWords): HTMLElement {
  const isNew = row.isHere && row.unread > 0;
  return h(
    "div",
    { class: isNew || isWaiting(row) ? "item unread" : "item" },
    h("span", { class: "name", dir: "auto" }, nameOfRoom(row, desk.state(), words)),
    h("span", { class: "time" }, shortTime(row.lastMs, desk.nowMs(), words.language)),
    h("span", { class: "preview", dir: "auto" }, previewText(row, preview, words)),
    row.unread > 0
      ? h("span", { class: "count", "aria-label": words("row.unread", { n: row.unread }) }, String(row.unread))
      : h("span"),
    h("span", { class: "third" }, ...thirdLine(row, desk.nowMs(), words)),
  );
}

function thirdLine(row: RoomRow, nowMs: number, words: DeskWords): Node[] {
  const parts: Node[] = [];
  if (row.waitsMs !== null && row.assigned === null) {
    const waitedMs = nowMs - row.waitsMs;
    const press = pressing(waitedMs);
    const text = isNow(waitedMs)
      ? words("row.waits.now")
      : words("row.waits", { time: longOf(waitedMs, words.language) });
    parts.push(h("span", { class: `waits ${press}` }, icon(press === "" ? "clock" : "warn"), text));
  } else if (row.phase !== "open") parts.push(h("span", null, words(`phase.${row.phase}`)));
  else
    parts.push(h("span", { dir: "auto" }, row.isMine ? words("row.mine") : (row.assignedName ?? words("row.nobody"))));
  if (row.newNotes > 0) parts.push(h("span", { class: "waits long" }, icon("edit"), words("row.notes")));
  if (row.isSensitive) parts.push(h("span", { class: "waits" }, icon("shield"), words("row.sensitive")));
  for (const label of row.labels.slice(0, row.newNotes > 0 ? 0 : 2))
    parts.push(h("span", { class: "chip", dir: "auto" }, label));
  return parts;
}

function previewText(row: RoomRow, preview: PreviewRow | undefined, words: DeskWords): string {
  if (!row.isHere) return row.phase === "begun" ? words("row.new") : "";
  if (preview?.isHidden || row.isSensitive) return words("row.hidden");
  const text = preview?.text ?? "";
  return preview?.role === "customer" || text === "" ? text : `› ${text}`;
}

function noneView(view: View, words: DeskWords, all: () => void): HTMLElement {
  const text = view === "waiting" ? words("queue.none.waiting") : words("queue.none");
  const act = h("button", { class: "button small", type: "button", onclick: all }, words("queue.none.act"));
  return h(
    "div",
    { class: "none" },
    icon(view === "waiting" ? "check" : "chat"),
    h("p", null, text),
    view !== "all" && act,
  );
}

function foundView(found: readonly FoundRow[], options: QueueOptions, end: () => void): HTMLElement {
  const words = options.words();
  const rooms = options.desk.state().rooms;
  const clear = h("button", { class: "plain", type: "button", onclick: end }, words("queue.clear"));
  const head = h(
    "div",
    { class: "strip" },
    h("span", null, found.length === 0 ? words("queue.none.search") : words("queue.found")),
    clear,
  );
  const items = found.map((one) => {
    const row = rooms.get(one.room);
    const name = row === undefined ? "" : nameOfRoom(row, options.desk.state(), words);
    return h(
      "li",
      { "data-key": `${one.room} ${one.entry}` },
      h(
        "button",
        { class: "hit", type: "button", onclick: () => options.openRoom(one.room, one.entry) },
        h("span", { class: "meta" }, `${name} · ${shortTime(one.writtenMs, options.desk.nowMs(), words.language)}`),
        h("span", { dir: "auto" }, one.text.slice(0, 200)),
      ),
    );
  });
  return h(
    "div",
    { class: "body" },
    head,
    h("div", { class: "scroll", tabindex: 0 }, h("ul", { class: "hits" }, ...items)),
  );
}
