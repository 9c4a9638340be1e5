/** The one note that a room can show by what its page has at once. */

import { h } from "./dom.ts";
import { icon } from "./icons.ts";
import type { Words } from "./words.ts";

/** What was to come after this page did not come: some browsers ask for it again in a new page only. */
export function failureNote(words: Words, code: string, reload: (() => void) | null): HTMLElement {
  const text = h("span", null, words("failed.text"), h("small", null, code));
  const word = words("obstacle.reload");
  const action = reload && h("button", { class: "button small", type: "button", onclick: reload }, word);
  return h("div", { class: "note stop" }, icon("stop"), h("div", null, text, action));
}
