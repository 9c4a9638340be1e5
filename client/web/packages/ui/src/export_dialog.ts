/** Saving the conversation: to read, or as a file that others can verify; gives whether it was saved. */

import { openDialog } from "./dialog.ts";
import { h, offer } from "./dom.ts";
import type { DialogContext } from "./room_dialogs.ts";
import type { LaterKey } from "./words_later.ts";
import { laterWords } from "./words_later.ts";

export function showExport({ root, words, backend, attempt }: DialogContext): Promise<boolean> {
  const say = laterWords(words);
  const closed = Promise.withResolvers<boolean>();
  const save = (form: "html" | "json") => () => {
    closed.resolve(attempt(backend.exportTranscript(form).then(offer)));
    dialog.close();
  };
  const way = (key: "read" | "proof", act: () => void) =>
    h(
      "div",
      { class: "pair" },
      h("p", null, say(`export.${key}` as LaterKey)),
      h("button", { class: "button", type: "button", onclick: act }, say(`export.${key}.do` as LaterKey)),
    );
  const content = [
    way("read", save("html")),
    way("proof", save("json")),
    h("p", { class: "meta" }, say("export.care")),
  ];
  const parts = { title: say("export.title"), closeWord: words("dialog.done"), content };
  const dialog = openDialog(root, parts, () => closed.resolve(false));
  return closed.promise;
}
