/** The right pane: who the customer is, who reads, how long it is kept, what waits for a decision. */

import { icon } from "@sealroom/ui/all_icons.ts";
import { h, redraw, replace, set } from "@sealroom/ui/dom.ts";
import { clockOf } from "@sealroom/ui/times.ts";
import type { RoomActs } from "./acts.ts";
import type { Desk } from "./desk.ts";
import type { Detail, PersonRow, RequestRow, RoomRow } from "./messages.ts";
import { isOver, nameOfRoom } from "./rooms.ts";
import { type DeskWords, isNow, longOf } from "./words.ts";

export interface AboutOptions {
  readonly desk: Desk;
  readonly acts: RoomActs;
  words(): DeskWords;
  close(): void;
}

export interface AboutPane {
  readonly element: HTMLElement;
  show(room: string | null): void;
  update(): void;
  detail(): Detail | null;
}

/** Make the pane. */
export function aboutPane(options: AboutOptions): AboutPane {
  const { desk, words } = options;
  let room: string | null = null;
  let detail: Detail | null = null;
  let key = "";
  const title = h("h2");
  const close = h("button", { class: "round only-middle", type: "button", onclick: options.close }, icon("close"));
  const facts = h("div", { class: "facts", role: "group", tabindex: 0 });
  const element = h("aside", { class: "pane about" }, h("div", { class: "top" }, title, close), facts);

  async function fetchDetail(): Promise<void> {
    const asked = room;
    if (asked === null) return;
    const answer = await desk.ask({ type: "about", room: asked }).catch(() => null);
    if (answer?.type !== "detail" || asked !== room) return;
    detail = answer;
    show();
  }

  function show(): void {
    const row = room === null ? undefined : desk.state().rooms.get(room);
    const say = words();
    title.textContent = row === undefined ? "" : say("about.title");
    set(element, "aria-label", say("about.title"));
    set(facts, "aria-label", say("about.title"));
    set(close, "aria-label", say("act.hide"));
    redraw(facts, ...(row === undefined ? [] : factsOf(row, detail, options)));
  }

  return {
    element,
    show(next) {
      room = next;
      detail = null;
      key = "";
      replace(facts);
      show();
      void fetchDetail();
    },
    update() {
      const row = room === null ? undefined : desk.state().rooms.get(room);
      const now = JSON.stringify([row, words().language, Math.floor(desk.nowMs() / 60_000)]);
      if (now === key) return;
      key = now;
      show();
      void fetchDetail();
    },
    detail: () => detail,
  };
}

function factsOf(row: RoomRow, detail: Detail | null, options: AboutOptions): HTMLElement[] {
  const { desk, acts } = options;
  const words = options.words();
  const parts = [customerView(row, detail, desk, words)];
  const requests = [...(detail?.requests ?? []), ...(detail?.logins ?? [])];
  if (row.phase === "frozen") parts.unshift(objectionView(row, detail, desk.nowMs(), acts, words));
  if (requests.length > 0)
    parts.unshift(section(words("about.requests"), ...requests.map((one) => requestView(one, row, options))));
  const members = detail?.members ?? [];
  if (members.length > 0) parts.push(section(words("about.people"), peopleView(members, words)));
  if (isOver(row)) return parts;
  parts.push(labelsView(row, acts, words));
  const state = detail?.state ?? null;
  if (state !== null) {
    const time = clockOf(words.language).span(state.retentionS);
    const shorten = h(
      "button",
      { class: "plain", type: "button", onclick: () => void acts.shorten(row, state) },
      words("act.retention"),
    );
    const held = row.onHold && h("p", { class: "waits" }, icon("lock"), words("row.held"));
    parts.push(section(words("about.kept"), h("p", null, words(`keep.${state.retention}`, { time })), held, shorten));
  }
  return parts;
}

function section(title: string, ...children: readonly (Node | false)[]): HTMLElement {
  return h("section", { "data-key": title }, h("h3", null, title), ...children);
}

function customerView(row: RoomRow, detail: Detail | null, desk: Desk, words: DeskWords): HTMLElement {
  const list = h("dl");
  const fact = (name: string, value: string) => list.append(h("dt", null, name), h("dd", { dir: "auto" }, value));
  const login = detail?.login ?? null;
  fact(
    words("about.identity"),
    login === null ? words("about.unknown") : words(`login.${login.level === 3 ? 3 : login.level === 2 ? 2 : 1}`),
  );
  if (login !== null) fact(words("about.number"), login.number ?? login.subject);
  const terms = detail?.terms ?? null;
  if (terms !== null) {
    const name = new Intl.DisplayNames(words.language, { type: "language" }).of(terms.locale);
    fact(words("about.language"), name ?? terms.locale);
  }
  fact(words("about.accepted"), terms === null ? words("about.nothing") : words(`about.mode.${terms.mode}`));
  if (row.waitsMs !== null && row.assigned === null) {
    const waitedMs = desk.nowMs() - row.waitsMs;
    fact(words("about.waits"), isNow(waitedMs) ? words("about.waits.now") : longOf(waitedMs, words.language));
  }
  const unreachedMs = detail?.unreachedMs ?? null;
  const time = unreachedMs !== null && clockOf(words.language).day(unreachedMs, desk.nowMs());
  const unreached = time && h("p", { class: "waits" }, icon("offline"), words("about.unreached", { time }));
  const heading = h("p", { class: "heading", dir: "auto" }, nameOfRoom(row, desk.state(), words));
  return h("section", null, heading, unreached, list);
}

function peopleView(members: readonly PersonRow[], words: DeskWords): HTMLElement {
  const glyph = (one: PersonRow) => (one.isBot ? "bot" : one.role === "supervisor" ? "eye" : "person");
  const items = members.map((one) => {
    const name = one.isThis ? words.ui("message.you") : (one.name ?? one.id.slice(0, 8));
    return h(
      "li",
      null,
      icon(glyph(one)),
      h("span", { dir: "auto" }, name),
      h("span", { class: "meta" }, words(`role.${one.role}`)),
    );
  });
  return h("ul", { class: "people" }, ...items);
}

function labelsView(row: RoomRow, acts: RoomActs, words: DeskWords): HTMLElement {
  const chips = row.labels.map((one) => h("span", { class: "chip", dir: "auto" }, one));
  const edit = h(
    "button",
    { class: "plain", type: "button", onclick: () => void acts.labels(row) },
    words("canned.edit"),
  );
  return section(words("about.labels"), chips.length > 0 && h("div", { class: "chips" }, ...chips), edit);
}

function requestView(one: RequestRow, row: RoomRow, { desk, acts, words }: AboutOptions): HTMLElement {
  const say = words();
  const known = ["add", "transfer", "leave", "close", "reopen", "login"] as const;
  const what = known.find((kind) => kind === one.what) ?? "other";
  const name = desk.state().team.find((person) => person.id === one.device)?.name ?? "";
  const decide = (grant: boolean) => () => void acts.attempt({ type: "decide", room: row.id, request: one.id, grant });
  return h(
    "div",
    { class: "decide", "data-key": one.id },
    h("p", { dir: "auto" }, say(`request.${what}`, { name }), one.reason === null ? "" : ` – ${one.reason}`),
    h(
      "div",
      { class: "acts" },
      h("button", { class: "button small main", type: "button", onclick: decide(true) }, say("act.grant")),
      h("button", { class: "button small", type: "button", onclick: decide(false) }, say("act.refuse")),
    ),
  );
}

function objectionView(
  row: RoomRow,
  detail: Detail | null,
  nowMs: number,
  acts: RoomActs,
  words: DeskWords,
): HTMLElement {
  const decideMs = detail?.decideMs ?? null;
  const time = decideMs === null ? null : clockOf(words.language).moment(decideMs, nowMs);
  const decide = (close: boolean, text: string) => () =>
    void acts.attempt({ type: "decideObjection", room: row.id, text, close });
  return h(
    "div",
    { class: "decide", "data-key": "objection" },
    h("p", null, words("objection.title")),
    time !== null && h("p", null, words("objection.until", { time })),
    h(
      "div",
      { class: "acts" },
      h(
        "button",
        { class: "button small", type: "button", onclick: decide(false, words("objection.open")) },
        words("objection.open"),
      ),
      h(
        "button",
        { class: "button small", type: "button", onclick: decide(true, words("objection.close")) },
        words("objection.close"),
      ),
    ),
  );
}
