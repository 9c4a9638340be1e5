/**
 * Dialogs: the browser's own, which keeps the focus inside, closes by Esc and gives the focus back. Their head is no
 * `header`: outside an article or a section that would be a second banner of the page.
 */

import { icon } from "./all_icons.ts";
import { type Child, h, sheet } from "./dom.ts";

export const dialogStyle: CSSStyleSheet = sheet(`
dialog { width: min(440px, calc(100vw - 32px)); max-height: min(640px, calc(100dvh - 32px)); padding: 0; border: 0;
  border-radius: 14px; background: var(--surface); color: var(--text); box-shadow: var(--shadow); overflow: hidden; }
dialog[open] { display: flex; flex-direction: column; animation: come var(--come); }
dialog::backdrop { background: rgb(10 14 22 / 45%); }
dialog > .dialog-top { display: flex; align-items: flex-start; gap: 8px; padding: 20px 12px 8px 24px; }
dialog > .dialog-top h2 { flex: 1; padding-block: 8px; }
dialog:dir(rtl) > .dialog-top { padding: 20px 24px 8px 12px; }
dialog > .content { flex: 1; min-height: 0; overflow: auto; padding: 0 24px 16px; display: grid; gap: 12px; align-content: start; }
dialog > .content:last-child { padding-block-end: 24px; }
dialog > .dialog-foot { display: flex; flex-wrap: wrap; justify-content: flex-end; gap: 8px; padding: 8px 24px 24px; }
dialog.long > .dialog-foot { padding-block-start: 16px; border-block-start: 1px solid var(--line); }
dialog > .dialog-foot .button { flex: 1 1 auto; }
@media (max-width: 420px) { dialog > .dialog-foot { flex-direction: column-reverse; } }
@media (forced-colors: active) { dialog { border: 1px solid CanvasText; } }
`);

export interface DialogParts {
  readonly title: string;
  readonly closeWord: string;
  readonly content: readonly Child[];
  readonly actions?: readonly HTMLElement[];
}

let numbers = 0;

/** Show a dialog in this root; `onclose` comes once, whatever closed it. */
export function openDialog(
  root: ParentNode & Node,
  parts: DialogParts,
  onclose: () => void = () => {},
): HTMLDialogElement {
  numbers += 1;
  const id = `dialog-${numbers}`;
  const before = (root as ShadowRoot).activeElement as HTMLElement | null;
  const dialog = h("dialog", { "aria-labelledby": id });
  const leave = h("button", { class: "round", type: "button", "aria-label": parts.closeWord }, icon("close"));
  leave.addEventListener("click", () => dialog.close());
  const content = h("div", { class: "content" }, ...parts.content);
  dialog.append(h("div", { class: "dialog-top" }, h("h2", { id }, parts.title), leave), content);
  if (parts.actions !== undefined && parts.actions.length > 0)
    dialog.append(h("div", { class: "dialog-foot" }, ...parts.actions));
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "Escape") event.stopPropagation();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog && isOutside(event, dialog)) dialog.close();
  });
  const closed = () => {
    dialog.remove();
    if (before?.isConnected) before.focus();
    onclose();
  };
  dialog.addEventListener("close", closed, { once: true });
  root.append(dialog);
  dialog.showModal();
  if (content.scrollHeight > content.clientHeight) {
    content.tabIndex = 0;
    dialog.classList.add("long");
  }
  return dialog;
}

function isOutside(event: MouseEvent, dialog: HTMLElement): boolean {
  const box = dialog.getBoundingClientRect();
  const { clientX: x, clientY: y } = event;
  return x < box.left || x > box.right || y < box.top || y > box.bottom;
}

export interface Question {
  readonly title: string;
  readonly text: string;
  readonly doWord: string;
  readonly cancelWord: string;
  readonly isGrave: boolean;
}

/** Ask before something that cannot be undone; true if the person wants it. */
export function ask(root: ParentNode & Node, question: Question): Promise<boolean> {
  return new Promise((settle) => {
    let wanted = false;
    const cancel = h("button", { class: "button", type: "button" }, question.cancelWord);
    const act = h(
      "button",
      { class: question.isGrave ? "button stop" : "button main", type: "button" },
      question.doWord,
    );
    const content = [h("p", null, question.text)];
    const { title, cancelWord: closeWord } = question;
    const dialog = openDialog(root, { title, closeWord, content, actions: [cancel, act] }, () => settle(wanted));
    cancel.addEventListener("click", () => dialog.close());
    act.addEventListener("click", () => {
      wanted = true;
      dialog.close();
    });
    cancel.focus();
  });
}
