/** A dialog of steps, each of which replaces the one before: what the dialogs that few people open have in common. */

import { icon } from "./all_icons.ts";
import { openDialog } from "./dialog.ts";
import type { Child } from "./dom.ts";
import { h, replace, sheet } from "./dom.ts";
import type { Further, FurtherAct, Handle } from "./further.ts";
import type { DialogContext } from "./room_dialogs.ts";
import type { LaterKey, LaterWords } from "./words_later.ts";
import { faultOf, laterWords } from "./words_later.ts";

const stepsStyle: CSSStyleSheet = sheet(`
.steps { display: grid; grid-template-columns: minmax(0, 1fr); gap: 12px; align-content: start; }
.steps:focus-visible { outline: 0; }
.fault { display: flex; gap: 12px; padding: 12px; border-radius: var(--radius-control); background: var(--stop-tint); }
.fault .icon { color: var(--stop); margin-block-start: 2px; }
@media (forced-colors: active) { .fault { border: 1px solid CanvasText; } }
`);

/** A dialog of steps: each replaces the one before, and has the focus. */
export interface Steps {
  /** Of what this dialog has under way. */
  readonly handle: Handle;
  readonly words: LaterWords;
  show(...children: readonly Child[]): void;
  fault(problem: unknown, again: () => void): void;
  isOpen(): boolean;
  close(): void;
  /** What is under way ends, the dialog stays. */
  end(): Promise<void>;
  do<A extends FurtherAct>(act: A, given: Further[A][0]): Promise<Further[A][1]>;
}

/** Open such a dialog, with the style sheet of its own; what it has under way ends with it, whatever closes it. */
export function steps(context: DialogContext, title: LaterKey, own: CSSStyleSheet): Steps {
  const { root, words, backend } = context;
  const missing = [stepsStyle, own].filter((one) => !root.adoptedStyleSheets.includes(one));
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, ...missing];
  const say = laterWords(words);
  const box = h("div", { class: "steps", tabindex: -1, "aria-live": "polite" });
  const handle = crypto.randomUUID();
  const end = () =>
    backend.further("end", handle).then(
      () => {},
      () => {}, // It ends with the tab that leads.
    );
  const dialog = openDialog(
    root,
    { title: say(title), closeWord: words("dialog.done"), content: [box] },
    () => void end(),
  );
  const show = (...children: readonly Child[]) => {
    replace(box, ...children);
    (box.querySelector<HTMLElement>(":is(textarea, input):not([readonly], [type=checkbox])") ?? box).focus();
  };
  return {
    handle,
    words: say,
    show,
    fault: (problem, again) => {
      const code = String((problem as { code?: unknown }).code ?? "local");
      if (!dialog.open) return;
      const [text, rest] = faultOf(say, code);
      const said = h("p", null, text, rest !== "" && h("small", null, rest));
      const line = h("div", { class: "fault", role: "alert" }, icon("stop"), said);
      show(line, acts([say("fault.again"), again, true]));
    },
    isOpen: () => dialog.open,
    close: () => dialog.close(),
    end,
    do: (act, given) => backend.further(act, given),
  };
}

export type Act = readonly [word: string, act: () => void, isMain?: boolean];

export function acts(...all: readonly Act[]): HTMLElement {
  const buttons = all.map(([word, act, isMain = false]) =>
    h("button", { class: isMain ? "button main" : "button", type: "button", onclick: act }, word),
  );
  return h("div", { class: "acts" }, ...buttons);
}
