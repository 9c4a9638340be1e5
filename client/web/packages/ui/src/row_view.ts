/** The element of one row: a message or what happened. */

import { type IconName, icon } from "./all_icons.ts";
import type { Happening, Item, Member, Message } from "./backend.ts";
import { type Child, h } from "./dom.ts";
import { fileView } from "./file_view.ts";
import { excerpt, memberOf, nameOf } from "./names.ts";
import type { Row } from "./rows.ts";
import { atStart, type Clock } from "./times.ts";
import type { WordKey, Words } from "./words.ts";

/** What a person can do with a message; what is null is not offered. */
export interface RowActions {
  openMenu(message: Message, anchor: HTMLElement): void;
  jump(id: string): void;
  retry(id: string): void;
  answer(id: string, choice: string): void;
  saveFile(id: string): void;
  cancelFile(id: string): void;
  fetchFile(id: string): void;
  preview(id: string): Promise<Blob>;
}

export interface RowContext {
  readonly words: Words;
  readonly clock: Clock;
  readonly nowMs: number;
  readonly members: readonly Member[];
  readonly actions: RowActions;
}

const DELIVERY_ICON = { waiting: "clock", sent: "check", delivered: "twice", failed: "stop" } as const;

export function rowView(row: Row, context: RowContext): HTMLElement {
  const { item } = row;
  const day = row.isNewDay && dayLine(row, context);
  if (item.kind === "message") return messageView(row, item, day, context);
  return h("div", { class: "row", role: "listitem", "data-id": item.id }, day, eventView(item, context));
}

function dayLine(row: Row, { clock, nowMs, words }: RowContext): HTMLElement {
  const ms = row.item.kind === "message" ? row.item.writtenMs : row.item.atMs;
  return h("div", { class: "day meta" }, h("span", null, atStart(clock.day(ms, nowMs), words.locale)));
}

function messageView(row: Row, message: Message, day: Child, context: RowContext): HTMLElement {
  const author = memberOf(context.members, message.author);
  const kind = `row ${author?.isSelf ? "own" : "other"}${row.isFirst ? " first" : ""}`;
  return h(
    "div",
    { class: kind, role: "listitem", "data-id": message.id, tabindex: -1 },
    day,
    whoView(row, message, author, context),
    h("div", { class: "line" }, bubble(message, row.quoted, context), sideView(row, message, author, context)),
    row.hasState && stateView(message, row.isGoing, context),
  );
}

/** Name, kind and team once a group; for screen readers on every message. */
function whoView(row: Row, message: Message, author: Member | undefined, context: RowContext): HTMLElement {
  const { words, clock } = context;
  const name = nameOf(author, words);
  const time = clock.time(message.writtenMs);
  if (!row.isFirst) return h("div", { class: "unseen" }, words("message.said", { name, time }));
  const isOwn = author?.isSelf ?? false;
  const isBot = author?.kind === "bot";
  const hasTeam = author !== undefined && author.team !== null && !isOwn;
  const shown = h("time", { class: row.hasTime ? "" : "unseen" }, time);
  return h(
    "div",
    { class: "who meta" },
    h("b", { class: isOwn ? "unseen" : "", dir: "auto" }, name),
    isBot && h("span", { class: "bot" }, icon("bot"), words("message.bot")),
    hasTeam && h("span", { dir: "auto" }, author.team as string),
    shown,
  );
}

function bubble(message: Message, quoted: Item | undefined, context: RowContext): HTMLElement {
  const { words } = context;
  const element = h("div", { class: "bubble", lang: message.language });
  if (message.isErased) element.append(h("p", { class: "gone" }, words("message.erased")));
  else {
    if (message.replyTo !== null) element.append(quoteView(message.replyTo, quoted, context));
    if (message.file !== null) element.append(fileView(message.id, message.file, context));
    if (message.text !== "") element.append(h("p", { class: "text", dir: "auto" }, message.text));
    if (message.question !== null) element.append(questionView(message, context));
    const tags = tagsOf(message, context);
    if (tags.length > 0) element.append(h("div", { class: "tags meta" }, ...tags));
  }
  return element;
}

function quoteView(id: string, quoted: Item | undefined, { words, actions }: RowContext): HTMLElement {
  const isThere = quoted?.kind === "message" && !quoted.isErased;
  const text = isThere ? excerpt(quoted) : words("message.unknown-reply");
  return h(
    "button",
    { class: "quote", type: "button", "data-key": id, onclick: () => actions.jump(id) },
    h("span", { dir: "auto" }, text),
  );
}

function questionView(message: Message, { words, actions }: RowContext): HTMLElement {
  const { label, choices, chosen } = message.question as NonNullable<Message["question"]>;
  const group = h("div", { role: "group", "aria-label": label, lang: message.language ?? words.locale });
  if (label !== message.text) group.append(h("p", { class: "text", dir: "auto" }, label));
  if (chosen !== null) group.append(h("p", { class: "chosen" }, icon("check"), h("span", { dir: "auto" }, chosen)));
  else {
    const answer = (choice: string) => () => actions.answer(message.id, choice);
    const buttons = choices.map((choice) =>
      h("button", { class: "button small", type: "button", dir: "auto", onclick: answer(choice) }, choice),
    );
    group.append(h("div", { class: "choices" }, ...buttons));
  }
  return group;
}

function tagsOf(message: Message, { words, members }: RowContext): HTMLElement[] {
  const tag = (name: IconName, key: WordKey) => h("span", { class: "tag" }, icon(name), words(key));
  const tags: HTMLElement[] = [];
  if (message.isEdited) tags.push(tag("edit", "message.edited"));
  if (message.isSensitive) tags.push(tag("lock", "message.sensitive"));
  if (message.isByMachine && memberOf(members, message.author)?.kind !== "bot")
    tags.push(tag("bot", "message.machine"));
  return tags;
}

/** Time and actions beside the bubble: on focus and hover. */
function sideView(row: Row, message: Message, author: Member | undefined, context: RowContext): HTMLElement {
  const { words, clock, actions } = context;
  const time = clock.time(message.writtenMs);
  const label = `${words("message.actions")}: ${words("message.said", { name: nameOf(author, words), time })}`;
  const more = h(
    "button",
    {
      class: "round",
      type: "button",
      "aria-label": label,
      "aria-haspopup": "menu",
      "aria-expanded": "false",
      onclick: (event: Event) => actions.openMenu(message, event.currentTarget as HTMLElement),
    },
    icon("more"),
  );
  const shown = row.hasTime ? null : h("time", { class: "meta", "aria-hidden": "true" }, time);
  return h("div", { class: "side" }, message.isErased ? null : more, shown);
}

function stateView(message: Message, isGoing: boolean, { words, actions }: RowContext): HTMLElement {
  const delivery = message.delivery ?? "sent";
  const said = words(isGoing ? "delivery.sending" : `delivery.${delivery}`);
  const word = h("span", { class: "word" }, icon(DELIVERY_ICON[delivery]), said);
  const again =
    delivery === "failed" &&
    h("button", { class: "plain", type: "button", onclick: () => actions.retry(message.id) }, words("delivery.retry"));
  return h("div", { class: `state meta ${delivery}` }, word, again);
}

const EVENT_ICON: Partial<Record<Happening["what"], IconName>> = {
  joined: "person",
  left: "person",
  assigned: "person",
  transferred: "people",
  closed: "check",
  reopened: "chat",
  "handed-over": "eye",
  "read-in": "eye",
  exported: "save",
  erased: "erase",
  withdrawn: "shield",
  identified: "key",
  "not-identified": "key",
  gap: "warn",
  differ: "warn",
};

function eventView(event: Happening, { words, members }: RowContext): HTMLElement {
  const isWarning = event.what === "gap" || event.what === "differ";
  return h(
    "div",
    { class: isWarning ? "event meta warn" : "event meta" },
    icon(EVENT_ICON[event.what] ?? "info"),
    h("span", null, sentenceOf(event, members, words)),
  );
}

/** The sentence of what happened; the team of who joined stands in brackets. */
export function sentenceOf(event: Happening, members: readonly Member[], words: Words): string {
  const member = memberOf(members, event.member);
  const own = event.what === "identified" || event.what === "transferred" ? event.detail : null;
  const name = own ?? nameOf(member, words);
  const withTeam = event.what === "joined" && member?.team ? `${name} (${member.team})` : name;
  const { what, detail } = event;
  const values = { count: event.count ?? "", text: detail ?? "" };
  if (detail !== null && (what === "closed" || what === "reopened" || what === "rated"))
    return words(`happened.${what}.why`, values);
  const reads = event.count !== null && (what === "joined" || what === "assigned" || what === "transferred");
  return words(reads ? `happened.${what}.reads` : `happened.${what}`, { ...values, name: withTeam });
}
