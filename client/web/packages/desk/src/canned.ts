/** Canned answers: chosen at the field, kept and changed in a dialog; they stay on this device. */

import { icon } from "@sealroom/ui/all_icons.ts";
import { ask, openDialog } from "@sealroom/ui/dialog.ts";
import { h } from "@sealroom/ui/dom.ts";
import { openMenu } from "@sealroom/ui/menu.ts";
import type { RoomActs } from "./acts.ts";
import type { Desk } from "./desk.ts";
import { askForm, bounded, labelled, type Root } from "./forms.ts";
import type { AnswerRow } from "./messages.ts";
import { onOneLine } from "./texts.ts";
import type { DeskWords } from "./words.ts";

/** Of the parts of a canned answer, in bytes. */
const TITLE_B = 80;
const SHORTCUT_B = 24;
const TEXT_B = 16_384;

export interface CannedContext {
  readonly desk: Desk;
  readonly acts: RoomActs;
  readonly root: Root;
  words(): DeskWords;
}

/** A menu of the answers at a button. */
export function openCanned(context: CannedContext, anchor: HTMLElement, insert: (text: string) => void): void {
  const words = context.words();
  const { answers } = context.desk.state();
  const items = answers.map((one) => ({
    word: `${one.title}  /${one.shortcut}`,
    icon: "chat" as const,
    act: () => insert(one.text),
  }));
  const manage = { word: words("canned.manage"), icon: "edit" as const, act: () => manageCanned(context) };
  openMenu(anchor, words("canned.title"), [items, [manage]]);
}

/** The list of all, with what changes it. */
export function manageCanned(context: CannedContext): void {
  const { desk, acts, root } = context;
  const words = context.words();
  const { answers } = desk.state();
  const list = h("ul", { class: "form" });
  const add = h("button", { class: "button", type: "button" }, icon("plus"), words("canned.new"));
  const dialog = openDialog(root, {
    title: words("canned.title"),
    closeWord: words("act.hide"),
    content: [list, add],
  });
  /** A lock closes dialogs, and none comes after it. */
  const again = () => {
    if (desk.state().phase === "running") manageCanned(context);
  };
  const go = async (answer: AnswerRow | null) => {
    dialog.close();
    const wanted = await editCanned(context, answer);
    if (wanted !== null) await acts.attempt({ type: "saveAnswer", answer: wanted });
    again();
  };
  const drop = async ({ id, title }: AnswerRow) => {
    dialog.close();
    const question = { title: words("canned.drop.ask"), text: title, doWord: words("canned.drop"), isGrave: true };
    const isSure = await ask(root, { ...question, cancelWord: words("act.cancel") });
    if (isSure) await acts.attempt({ type: "dropAnswer", id });
    again();
  };
  add.addEventListener("click", () => void go(null));
  if (answers.length === 0) list.append(h("li", { class: "meta" }, words("canned.none")));
  for (const one of answers) {
    const change = h(
      "button",
      { class: "button small", type: "button", onclick: () => void go(one) },
      words("canned.edit"),
    );
    const remove = h(
      "button",
      { class: "button small stop", type: "button", onclick: () => void drop(one) },
      words("canned.drop"),
    );
    list.append(
      h(
        "li",
        null,
        h("p", { class: "heading", dir: "auto" }, one.title),
        h("p", { class: "meta", dir: "auto" }, one.text.slice(0, 160)),
        h("div", { class: "acts" }, change, remove),
      ),
    );
  }
}

function editCanned({ root, words }: CannedContext, before: AnswerRow | null): Promise<AnswerRow | null> {
  const say = words();
  const title = h("input", { class: "field", required: true, maxlength: 40, autocomplete: "off", dir: "auto" });
  const shortcut = h("input", { class: "field", required: true, maxlength: 12, pattern: "\\S+", autocomplete: "off" });
  const text = h("textarea", { class: "field", required: true, maxlength: 4_000, dir: "auto" });
  bounded(title, say, TITLE_B);
  bounded(shortcut, say, SHORTCUT_B);
  bounded(text, say, TEXT_B);
  title.value = before?.title ?? "";
  shortcut.value = before?.shortcut ?? "";
  text.value = before?.text ?? "";
  const id = before?.id ?? newId();
  const fields = [
    labelled(say("canned.name"), title),
    labelled(say("canned.shortcut"), shortcut),
    labelled(say("canned.text"), text),
  ];
  return askForm(root, say, say(before === null ? "canned.new" : "canned.edit"), say("act.save"), fields, () => ({
    id,
    title: onOneLine(title.value),
    shortcut: onOneLine(shortcut.value),
    text: text.value.toWellFormed(),
  }));
}

function newId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
