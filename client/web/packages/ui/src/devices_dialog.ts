/** A person's devices: which there are, letting one in, and coming in as one (ACC-50 to ACC-53). */

import { icon } from "./all_icons.ts";
import { ask } from "./dialog.ts";
import { h, sheet } from "./dom.ts";
import type { OwnDevice } from "./further.ts";
import { qrOf } from "./qr.ts";
import type { DialogContext } from "./room_dialogs.ts";
import type { Steps } from "./steps.ts";
import { acts, steps } from "./steps.ts";
import { clockOf } from "./times.ts";

const devicesStyle: CSSStyleSheet = sheet(`
.qr { display: block; width: min(280px, 100%); margin-inline: auto; border-radius: var(--radius-control); background: #ffffff; }
.code { min-height: 5.5em; font-family: ui-monospace, "SF Mono", Consolas, "Liberation Mono", monospace; font-size: 0.8125rem;
  overflow-wrap: anywhere; direction: ltr; resize: vertical; }
.digits { padding: 16px; border-radius: var(--radius-control); background: var(--surface-2); text-align: center; font-size: 2rem;
  line-height: 1.2; font-weight: 600; font-variant-numeric: tabular-nums; letter-spacing: 0.08em; direction: ltr; }
.devices { display: grid; gap: 4px; }
.devices li { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 12px; padding-block: 8px; border-block-end: 1px solid var(--line); }
.devices li > div { flex: 1 1 12em; min-width: 0; }
@media (forced-colors: active) { .qr { forced-color-adjust: none; } .digits { border: 1px solid CanvasText; } }
`);

const QUIET = 4;
const SVG = "http://www.w3.org/2000/svg";

function digitsView(digits: string): HTMLElement {
  return h("p", { class: "digits" }, `${digits.slice(0, 3)}\u2009${digits.slice(3)}`);
}

// --- which there are ---

export function showDevices(context: DialogContext): void {
  const at = steps(context, "devices.title", devicesStyle);
  void list(context, at);
}

async function list(context: DialogContext, at: Steps): Promise<void> {
  const { words } = at;
  try {
    const devices = await at.do("devices", null);
    const mayAdd = context.backend.state().account === "key";
    const add = () => {
      at.close();
      startLink(context);
    };
    at.show(
      h("p", null, words("devices.text")),
      h(
        "ul",
        { class: "devices" },
        ...devices.map((one) =>
          one.removedMs === null ? deviceView(context, at, one, mayAdd) : goneView(context, at, one),
        ),
      ),
      mayAdd ? acts([words("devices.add"), add, true]) : h("p", { class: "meta" }, words("devices.elsewhere")),
    );
  } catch (problem) {
    at.fault(problem, () => void list(context, at));
  }
}

function deviceView(context: DialogContext, at: Steps, device: OwnDevice, mayRemove: boolean): HTMLElement {
  const { words } = at;
  const when = clockOf(context.words.locale).day(device.createdMs, 0);
  const state = device.isLeaving ? "devices.leaving" : device.isReachable ? null : "devices.coming";
  const remove = mayRemove && !device.isThis && !device.isLeaving;
  const name = words(device.isThis ? "devices.this" : "devices.other");
  return h(
    "li",
    null,
    h(
      "div",
      null,
      h("p", { class: "heading" }, name),
      h("p", { class: "meta" }, words("devices.since", { when }), state === null ? "" : ` · ${words(state)}`),
    ),
    remove &&
      h(
        "button",
        { class: "button small stop", type: "button", onclick: () => takeOut(context, at, device) },
        words("devices.remove"),
      ),
  );
}

/** A device that somebody has added and taken out again, while this one did not look (ACC-80). */
function goneView(context: DialogContext, { words }: Steps, { id, createdMs, removedMs }: OwnDevice): HTMLElement {
  const clock = clockOf(context.words.locale);
  const [added, removed] = [clock.day(createdMs, 0), clock.day(removedMs ?? 0, 0)];
  const company = context.backend.state().company?.name ?? "";
  return h(
    "li",
    null,
    h(
      "div",
      null,
      h("p", { class: "heading" }, words("devices.unknown", { digits: id })),
      h("p", null, words("devices.unknown.text", { added, removed, company })),
    ),
  );
}

async function takeOut(context: DialogContext, at: Steps, { id }: OwnDevice): Promise<void> {
  const { words } = at;
  const isWanted = await ask(context.root, {
    title: words("devices.remove.title"),
    text: words("devices.remove.text"),
    doWord: words("devices.remove"),
    cancelWord: context.words("ask.cancel"),
    isGrave: true,
  });
  if (!isWanted) return;
  try {
    await at.do("remove", id);
    await list(context, at);
  } catch (problem) {
    at.fault(problem, () => void list(context, at));
  }
}

// --- letting one in ---

export function startLink(context: DialogContext): void {
  const at = steps(context, "link.title", devicesStyle);
  void linking(context, at);
}

async function linking(context: DialogContext, at: Steps): Promise<void> {
  const { words } = at;
  const again = () => void linking(context, at);
  try {
    at.show(h("p", { role: "status" }, words("link.making")));
    const text = await at.do("link", at.handle);
    showText(context, at, text);
    const digits = await at.do("link-digits", at.handle);
    if (!at.isOpen()) return;
    let isStopped = false;
    const stop = async () => {
      isStopped = true;
      await at.end();
      at.show(h("p", null, words("link.stopped")), acts([words("fault.again"), again, true]));
    };
    const confirm = () => void confirmed(at, again);
    at.show(
      h("h3", null, words("link.compare")),
      digitsView(digits),
      h("p", null, words("link.compare.text")),
      acts([words("link.other"), () => void stop()], [words("link.same"), confirm, true]),
    );
    await at.do("link-over", at.handle).catch((problem: unknown) => {
      if (!isStopped) throw problem;
    });
  } catch (problem) {
    at.fault(problem, again);
  }
}

async function confirmed(at: Steps, again: () => void): Promise<void> {
  const { words } = at;
  at.show(h("p", { role: "status" }, words("link.adding")));
  try {
    await at.do("link-confirm", at.handle);
    at.show(h("p", { role: "status" }, icon("check"), " ", words("link.added")));
  } catch (problem) {
    at.fault(problem, again);
  }
}

function showText({ words: roomWords }: DialogContext, at: Steps, text: string): void {
  const { words } = at;
  const field = h("textarea", { class: "field code", readonly: true, rows: 4, "aria-label": words("link.text") });
  field.value = text;
  const said = h("span", { role: "status", class: "meta" });
  const copy = async () => {
    field.select();
    await navigator.clipboard.writeText(text).catch(() => document.execCommand("copy"));
    said.textContent = roomWords("copied");
  };
  at.show(
    h("p", null, words("link.how")),
    h("p", { class: "heading" }, words("link.once")),
    qrView(text, words("link.picture")),
    field,
    acts([words("link.copy"), () => void copy()]),
    said,
  );
}

/** Dark on light whatever the theme is, with the quiet edge that a reader needs. */
export function qrView(text: string, label: string): SVGSVGElement {
  const rows = qrOf(text);
  const path = rows.flatMap((row, y) =>
    [...row].flatMap((value, x) => (value === 1 ? [`M${x + QUIET} ${y + QUIET}h1v1h-1z`] : [])),
  );
  const size = rows.length + 2 * QUIET;
  const picture = document.createElementNS(SVG, "svg");
  const shape = document.createElementNS(SVG, "path");
  const attributes = {
    viewBox: `0 0 ${size} ${size}`,
    role: "img",
    "aria-label": label,
    class: "qr",
    "shape-rendering": "crispEdges",
  };
  for (const [name, value] of Object.entries(attributes)) picture.setAttribute(name, value);
  shape.setAttribute("fill", "#000000");
  shape.setAttribute("d", path.join(""));
  picture.append(shape);
  return picture;
}

// --- coming in ---

export function startJoin(context: DialogContext): void {
  enterCode(steps(context, "join.title", devicesStyle));
}

function enterCode(at: Steps): void {
  const { words } = at;
  const code = h("textarea", {
    ...{
      class: "field code",
      id: "link-code",
      rows: 4,
      autocomplete: "off",
      autocapitalize: "off",
      spellcheck: "false",
    },
  });
  const go = h("button", { class: "button main", type: "submit" }, words("join.go"));
  const form = h(
    "form",
    { class: "pair more" },
    h("label", { for: "link-code", class: "heading" }, words("join.code")),
    code,
    h("div", { class: "acts" }, go),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void offered(at, code.value);
  });
  at.show(h("p", null, words("join.how")), form);
}

async function offered(at: Steps, text: string): Promise<void> {
  const { words } = at;
  const again = () => enterCode(at);
  try {
    const { company, origin } = await at.do("offer", { handle: at.handle, text });
    at.show(
      h("h3", null, words("join.own.title")),
      h("p", null, words("join.own.text", { company, origin })),
      acts([words("join.own.no"), at.close], [words("join.own.yes"), () => void joined(at, again)]),
    );
  } catch (problem) {
    at.fault(problem, again);
  }
}

async function joined(at: Steps, again: () => void): Promise<void> {
  const { words } = at;
  at.show(h("p", { role: "status" }, words("join.waiting")));
  try {
    const digits = await at.do("join", at.handle);
    at.show(h("h3", null, words("join.digits")), digitsView(digits), h("p", null, words("join.digits.text")));
    await at.do("join-done", at.handle);
    at.show(h("p", { role: "status" }, icon("check"), " ", words("join.done")));
  } catch (problem) {
    at.fault(problem, again);
  }
}
