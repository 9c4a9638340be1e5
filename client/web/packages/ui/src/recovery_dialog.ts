/** The recovery code of a person: written down, typed back, and typed where every device is lost (ACC-62, ACC-65, ACC-68, ACC-72). */

import { icon } from "./all_icons.ts";
import type { Notice } from "./backend.ts";
import { codeIn, headOf } from "./code_paper.ts";
import { h, sheet } from "./dom.ts";
import type { CodeSheet } from "./further.ts";
import { noticeView } from "./notice_view.ts";
import type { DialogContext } from "./room_dialogs.ts";
import type { Steps } from "./steps.ts";
import { acts, steps } from "./steps.ts";

const recoveryStyle: CSSStyleSheet = sheet(`
.paper { display: grid; gap: 8px; padding: 12px; border: 1px solid var(--line-strong); border-radius: var(--radius-control); }
.paper p { overflow-wrap: anywhere; }
.sheet { display: grid; grid-template-columns: repeat(auto-fit, minmax(6em, 1fr)); gap: 8px; direction: ltr; }
.sheet li { display: grid; gap: 2px; padding: 8px 12px; border-radius: var(--radius-control); background: var(--surface-2); }
.sheet b, .field.typed { font-family: ui-monospace, "SF Mono", Consolas, "Liberation Mono", monospace; letter-spacing: 0.08em; }
.sheet b { font-size: 1.25rem; font-weight: 600; }
.field.typed { direction: ltr; text-transform: uppercase; }
.field[aria-invalid="true"] { border-color: var(--stop); }
.wrong { color: var(--stop); }
textarea.typed { resize: none; }
.steps > .screen { padding: 0; overflow: visible; overflow-wrap: anywhere; }
.steps > .answer { position: sticky; inset-block-end: -24px; margin-block-end: -24px; padding: 12px 0 24px; background: var(--surface); }
@media (forced-colors: active) { .sheet li { border: 1px solid CanvasText; } }
`);
/** Digits of a code with room for what people put between them, and for the line above them. */
const LONGEST = 512;

const NO_HELP = { autocomplete: "off", autocapitalize: "characters", autocorrect: "off", spellcheck: "false" };

interface Field {
  readonly view: HTMLElement;
  readonly input: HTMLInputElement | HTMLTextAreaElement;
  /** Say what is wrong with it, and go there. */
  refuse(text: string): void;
}

/** A field of one line, or of two for a whole code, in which Enter sends as well. */
function field(id: string, label: string, rows = 1): Field {
  const fault = h("p", { class: "meta wrong", id: `${id}-fault`, role: "alert" });
  const about = { class: "field typed", id, maxlength: LONGEST, "aria-describedby": fault.id, ...NO_HELP };
  const input = rows > 1 ? h("textarea", { ...about, rows }) : h("input", { ...about, type: "text" });
  input.addEventListener("keydown", (event) => {
    if (!(event instanceof KeyboardEvent) || event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    input.form?.requestSubmit();
  });
  const refuse = (text: string) => {
    fault.textContent = text;
    input.setAttribute("aria-invalid", "true");
    input.focus();
  };
  input.addEventListener("input", () => {
    fault.textContent = "";
    input.removeAttribute("aria-invalid");
  });
  return {
    view: h("div", { class: "pair" }, h("label", { for: id, class: "heading" }, label), input, fault),
    input,
    refuse,
  };
}

function form(
  fields: readonly Field[],
  word: string,
  back: HTMLElement | null,
  send: () => Promise<void>,
): HTMLElement {
  const go = h("button", { class: "button main", type: "submit" }, word);
  const views = fields.map(({ view }) => view);
  const made = h("form", { class: "pair more" }, ...views, h("div", { class: "acts" }, back, go));
  made.addEventListener("submit", (event) => {
    event.preventDefault();
    void send();
  });
  return made;
}

// --- written down, and typed back ---

export function showCode(context: DialogContext): void {
  void written(context, steps(context, "code.title", recoveryStyle));
}

async function written(context: DialogContext, at: Steps): Promise<void> {
  const { words } = at;
  try {
    const code = await at.do("code", null);
    const said = h("span", { role: "status", class: "meta" });
    const copy = async () => {
      await navigator.clipboard.writeText(`${headOf(code)}\n${code.groups.join("-")}`);
      said.textContent = context.words("copied");
    };
    at.show(
      h("p", null, words("code.text")),
      h("p", { class: "heading" }, words("code.care")),
      sheetView(at, code),
      code.isKept && h("p", { class: "meta" }, icon("check"), " ", words("code.kept")),
      acts(
        [words("code.copy"), () => void context.attempt(copy())],
        [words("code.written"), () => typedBack(context, at, code), true],
      ),
      said,
    );
  } catch (problem) {
    at.fault(problem, () => void written(context, at));
  }
}

function sheetView(at: Steps, { company, origin, groups }: CodeSheet): HTMLElement {
  const { words } = at;
  const rows = groups.map((group, i) =>
    h("li", null, h("span", { class: "meta" }, words("code.group", { n: String(i + 1) })), h("b", null, group)),
  );
  const list = h("ul", { class: "sheet", "aria-label": words("code.title") }, ...rows);
  return h("div", { class: "paper" }, whoseView(at, { company, origin }), list);
}

/** What stands above a code, and above the field for one (ACC-72). */
function whoseView({ words }: Steps, { company, origin }: Pick<CodeSheet, "company" | "origin">): HTMLElement {
  const name = h("p", { class: "heading" }, words("code.for", { company }));
  return h("div", null, name, h("p", { class: "meta" }, origin));
}

/** Without the code before one's eyes: who types two groups has it on paper. */
function typedBack(context: DialogContext, at: Steps, { asked }: CodeSheet): void {
  const { words } = at;
  const fields = asked.map((n) => field(`group-${n}`, words("code.group", { n: String(n) })));
  const send = async () => {
    try {
      const wrong = await at.do(
        "code-back",
        fields.map(({ input }) => input.value),
      );
      if (wrong === null) at.show(h("p", { role: "status" }, icon("check"), " ", words("code.done")));
      else fields[asked.indexOf(wrong)]?.refuse(words("code.wrong", { n: String(wrong) }));
    } catch (problem) {
      at.fault(problem, () => void written(context, at));
    }
  };
  const again = () => void written(context, at);
  const back = h("button", { class: "button", type: "button", onclick: again }, words("code.again"));
  at.show(h("p", null, words("code.back")), form(fields, words("code.check"), back, send));
}

// --- typed where every device is lost ---

export function startRecovery(context: DialogContext): void {
  const at = steps(context, "recover.title", recoveryStyle);
  // A tab that is left waits no longer either, and says so before it lets its channel go.
  addEventListener("pagehide", () => void at.end(), { capture: true, once: true });
  entered(context, at, "");
}

/** Nothing leaves the device before the code is one and the notice was accepted. */
function entered(context: DialogContext, at: Steps, typed: string): void {
  const { words } = at;
  const { company } = context.backend.state();
  const whose = company && { company: company.name, origin: company.origin };
  const code = field("recovery-code", words("recover.code"), 2);
  code.input.value = typed;
  let warned: string | null = null;
  const send = async () => {
    const { code: value, whose: other } = codeIn(code.input.value, whose === null ? "" : headOf(whose));
    // A company may have got another name or page since: who has read that goes on by the same button.
    if (other !== null && other !== warned) {
      warned = other;
      code.refuse(words("recover.other", { whose: other }));
      return;
    }
    try {
      const { isCode, group } = await at.do("code-read", value);
      if (isCode) noticed(context, at, value);
      else code.refuse(group === null ? words("recover.wrong") : words("recover.group", { n: String(group) }));
    } catch (problem) {
      at.fault(problem, () => entered(context, at, value));
    }
  };
  const which = whose && h("p", null, words("recover.for"));
  const paper = whose && h("div", { class: "paper" }, whoseView(at, whose));
  at.show(h("p", null, words("recover.how")), which, paper, form([code], words("recover.go"), null, send));
}

/** The notice again, whatever the person has read behind this dialog: what is accepted is what was shown. */
function noticed(context: DialogContext, at: Steps, code: string): void {
  const { backend, words } = context;
  const { company, notice } = backend.state();
  if (company === null || notice === null) {
    at.fault({ code: "door.missing" }, () => entered(context, at, code));
    return;
  }
  const showIn = async (locale: string) => {
    await backend.showNotice(locale);
    noticed(context, at, code);
  };
  const view = noticeView(company, notice, words, {
    accept: (purposes) => void recovered(context, at, code, { purposes, shown: notice }),
    refuse: at.close,
    showIn: (locale) => void context.attempt(showIn(locale)),
    others: [],
  });
  // The notice behind this dialog is a region of the page with the name that this one would have.
  view[0]?.setAttribute("aria-label", at.words("recover.title"));
  at.show(h("p", { class: "heading" }, at.words("recover.notice")), ...view);
}

interface Accepted {
  readonly purposes: readonly number[];
  readonly shown: Notice;
}

async function recovered(context: DialogContext, at: Steps, code: string, accepted: Accepted): Promise<void> {
  const { words } = at;
  at.show(h("p", { role: "status" }, words("recover.waiting")));
  try {
    await at.do("recover", { handle: at.handle, code, ...accepted });
    at.show(
      h("p", { role: "status" }, icon("check"), " ", words("recover.done")),
      h("p", null, words("recover.before")),
      h("p", null, words("recover.devices")),
      acts([words("recover.write"), at.close, true]),
    );
  } catch (problem) {
    const isChanged = (problem as { code?: unknown }).code === "client.notice_changed";
    at.fault(problem, () => (isChanged ? noticed : entered)(context, at, code));
  }
}
