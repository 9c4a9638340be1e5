/** Dialogs with fields: each gives what a person wants, or null. */

import { openDialog } from "@sealroom/ui/dialog.ts";
import { type Child, h } from "@sealroom/ui/dom.ts";
import type { PersonRow } from "./messages.ts";
import { onOneLine, sizeOf } from "./texts.ts";
import type { DeskWords } from "./words.ts";

export type Root = ParentNode & Node;

/** A dialog with a form; `read` gives its value, or null where something is missing. */
export function askForm<T>(
  root: Root,
  words: DeskWords,
  title: string,
  doWord: string,
  fields: readonly Child[],
  read: () => T | null,
): Promise<T | null> {
  return new Promise((settle) => {
    let wanted: T | null = null;
    const cancel = h("button", { class: "button", type: "button" }, words("act.cancel"));
    const act = h("button", { class: "button main", type: "submit", form: "desk-form" }, doWord);
    const form = h("form", { class: "form", id: "desk-form" }, ...fields);
    const parts = { title, closeWord: words("act.cancel"), content: [form], actions: [cancel, act] };
    const dialog = openDialog(root, parts, () => settle(wanted));
    cancel.addEventListener("click", () => dialog.close());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      wanted = read();
      if (wanted !== null) dialog.close();
    });
    form.querySelector<HTMLElement>("input, textarea, select")?.focus();
  });
}

/** A field with its label. */
export function labelled(text: string, field: HTMLElement): HTMLElement {
  return h("label", null, text, field);
}

/** Have a field say what is wrong with it before it is sent: too many bytes, or only spaces where it is needed. */
export function bounded(field: HTMLInputElement | HTMLTextAreaElement, words: DeskWords, mostB: number): void {
  const check = () => {
    const text = onOneLine(field.value);
    const isEmpty = field.required && text === "";
    field.setCustomValidity(isEmpty ? words("ask.empty") : sizeOf(field.value) > mostB ? words("ask.long") : "");
  };
  field.addEventListener("input", check);
  queueMicrotask(check);
}

export interface Transfer {
  readonly team: string | null;
  readonly device: string | null;
  readonly note: string | null;
}

/** To whom a room is handed, with a note for colleagues. */
export function askTransfer(root: Root, words: DeskWords, team: readonly PersonRow[]): Promise<Transfer | null> {
  const select = h("select", { class: "field", required: true });
  const teams = [...new Set(team.flatMap((one) => one.teams))].sort((a, b) => a.localeCompare(b));
  const option = (value: string, text: string) => h("option", { value }, text);
  // Agents first: the device of the company is always on, and often nobody sits at it.
  const people = team.filter((other) => !other.isThis && !other.isBot);
  for (const one of people.sort((a, b) => Number(a.role !== "agent") - Number(b.role !== "agent")))
    select.append(option(`device:${one.id}`, `${one.name ?? one.id.slice(0, 8)} (${words(`role.${one.role}`)})`));
  for (const one of teams) select.append(option(`team:${one}`, words("ask.team", { name: one })));
  select.append(option("team:*", words("ask.anybody")));
  const note = h("textarea", { class: "field", maxlength: 4_000, dir: "auto" });
  const fields = [labelled(words("ask.to"), select), labelled(words("ask.note"), note)];
  return askForm(root, words, words("act.transfer"), words("act.transfer"), fields, () => {
    const [kind, ...rest] = select.value.split(":");
    const to = rest.join(":");
    const text = note.value.trim();
    return {
      team: kind === "team" ? to : null,
      device: kind === "device" ? to : null,
      note: text === "" ? null : text,
    };
  });
}

/** A colleague of a list. */
export function askColleague(
  root: Root,
  words: DeskWords,
  title: string,
  people: readonly PersonRow[],
): Promise<string | null> {
  const select = h("select", { class: "field", required: true });
  for (const one of people)
    select.append(h("option", { value: one.id }, `${one.name ?? one.id.slice(0, 8)} (${words(`role.${one.role}`)})`));
  return askForm(root, words, title, title, [labelled(words("ask.to"), select)], () => select.value || null);
}

/** One line; null where it is missing and needed. */
export async function askLine(
  root: Root,
  words: DeskWords,
  given: {
    readonly title: string;
    readonly label: string;
    readonly doWord: string;
    readonly value?: string;
    readonly isNeeded: boolean;
    readonly mostB: number;
  },
): Promise<string | null> {
  const field = h("input", { class: "field", required: given.isNeeded, dir: "auto", autocomplete: "off" });
  field.value = given.value ?? "";
  bounded(field, words, given.mostB);
  const fields = [labelled(given.label, field)];
  return askForm(root, words, given.title, given.doWord, fields, () => onOneLine(field.value));
}

/** A number of days. */
export async function askDays(root: Root, words: DeskWords, now: number): Promise<number | null> {
  const field = h("input", { class: "field", type: "number", min: 0, max: Math.max(0, now), step: 1, required: true });
  field.value = String(Math.min(now, 7));
  return askForm(
    root,
    words,
    words("act.retention"),
    words("act.save"),
    [labelled(words("ask.days"), field)],
    () => field.valueAsNumber,
  );
}
