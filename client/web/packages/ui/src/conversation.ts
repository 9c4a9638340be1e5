/** The part of a room that it does not need until a text can be sent: the list, and what is opened by hand. */

import { icon } from "./all_icons.ts";
import type { Message, RoomBackend, RoomState } from "./backend.ts";
import type { ComposerElement } from "./composer.ts";
import { dialogStyle, openDialog } from "./dialog.ts";
import { h, offer } from "./dom.ts";
import { decideExport, startRecovery } from "./further_parts.ts";
import { menuStyle } from "./menu.ts";
import { defineMessages, type MessagesElement } from "./messages.ts";
import { confirmed, type DialogContext } from "./room_dialogs.ts";
import type { Run } from "./room_screens.ts";
import { openedStyle } from "./styles/opened.ts";
import type { Words } from "./words.ts";

export { saveTranscript, showCode, startJoin, startRecovery } from "./further_parts.ts";
export { openMenu } from "./menu.ts";
export { otherScreen } from "./other_screens.ts";
export { showAlarm, showMembers, showNotice } from "./room_dialogs.ts";
export { footView } from "./room_foot.ts";
export { messageMenu, roomMenu } from "./room_menu.ts";
export { notesView } from "./room_notes.ts";

/** For the root in which menus and dialogs open. */
export const openedStyles: readonly CSSStyleSheet[] = [menuStyle, dialogStyle, openedStyle];

export interface ListOptions {
  readonly words: Words;
  readonly backend: RoomBackend;
  readonly run: Run;
  now(): number;
  openMenu(message: Message, anchor: HTMLElement): void;
}

/** Make an element that stands where the list will be into the list. */
export function setUpList(element: HTMLElement, { words, backend, run, now, openMenu }: ListOptions): MessagesElement {
  defineMessages();
  customElements.upgrade(element);
  const messages = element as MessagesElement;
  addEventListener("beforeunload", (event) => {
    const field = (element.getRootNode() as ShadowRoot).querySelector<ComposerElement>("seal-composer");
    // What was being written goes with the page; in a window that was closed a person has left it.
    if (element.clientHeight > 0 && field?.draft.trim()) event.preventDefault();
  });
  messages.setup({
    words,
    now,
    loadEarlier: () => run(backend.loadEarlier()),
    seen: (id) => backend.seen(id),
    actions: {
      openMenu,
      jump: (id) => messages.jump(id),
      retry: (id) => run(backend.retry(id)),
      answer: (id, choice) => run(backend.answer(id, choice)),
      saveFile: (id) => run(backend.saveFile(id).then(offer)),
      cancelFile: (id) => run(backend.cancelFile(id)),
      fetchFile: (id) => run(backend.fetchFile(id)),
      preview: (id) => backend.preview(id),
    },
  });
  return messages;
}

/** Who can read here, and before the first word an invitation to write. */
export function introView({ company, canWrite, items }: RoomState, words: Words): HTMLElement {
  const isEmpty = canWrite && !items.some((item) => item.kind === "message");
  const name = company?.name ?? words("someone");
  const readers = h("p", { class: "readers meta" }, icon("lock"), words("room.readers", { company: name }));
  return h("div", { class: "welcome" }, isEmpty && h("p", { class: "title" }, words("room.start")), readers);
}

/** Something that was asked for went wrong: the code of its error stands below, for who is asked for help. */
export function showFailure({ root, words }: DialogContext, code: string): void {
  const content = [h("p", null, words("failed.text"), h("small", null, code))];
  openDialog(root, { title: words("failed.title"), closeWord: words("dialog.done"), content });
}

/** How long a question waits for a room that is being opened. */
const LOADING_MS = 5_000;

let isDeciding = false;

/** What the page around asks for is decided in the room's own dialog, one at a time, while it is shown (CNS-82). */
export async function decide(context: DialogContext, what: "forget" | "export", signal: AbortSignal): Promise<boolean> {
  if (isDeciding) throw Object.assign(new Error("the person is asked already"), { code: "local.busy" });
  isDeciding = true;
  const close = () => closeLast(context.root);
  try {
    await loaded(context.backend, AbortSignal.any([signal, AbortSignal.timeout(LOADING_MS)]));
    if (signal.aborted) return false;
    signal.addEventListener("abort", close);
    return await (what === "export"
      ? decideExport(context, signal)
      : confirmed(context, "forget", () => context.backend.forget()));
  } finally {
    signal.removeEventListener("abort", close);
    isDeciding = false;
  }
}

/** In a frame that is hidden a browser says only later that a dialog was closed. */
function closeLast(root: ShadowRoot): void {
  const dialog = [...root.querySelectorAll("dialog")].at(-1);
  dialog?.close();
  dialog?.dispatchEvent(new Event("close"));
}

/** What a question says depends on the room, which may still be opened, or not come to be. */
function loaded(backend: RoomBackend, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const look = () => {
      if (backend.state().phase === "loading" && !signal.aborted) return;
      stop();
      done();
    };
    const stop = backend.subscribe(look);
    signal.addEventListener("abort", look);
    look();
  });
}

/** Begin anew: what is left on this device goes first, and that is asked. */
export function beginAnew(context: DialogContext): void {
  void confirmed(context, "anew", () => context.backend.startAnew());
}

/** Go on by the code, where what is left on this device is of no use. */
export function beginRecovery(context: DialogContext): void {
  void confirmed(context, "recover", () => context.backend.startAnew().then(() => startRecovery(context)));
}
