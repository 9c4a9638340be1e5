/** What stands in place of the desk: locked, ended, an address that is void, a moment of waiting. */

import { icon } from "@sealroom/ui/all_icons.ts";
import { h } from "@sealroom/ui/dom.ts";
import { clockOf } from "@sealroom/ui/times.ts";
import type { Desk, Phase } from "./desk.ts";
import { DeskFailure } from "./link.ts";
import type { DeskWords } from "./words.ts";

/** The screen of a phase. */
export function screenOf(phase: Exclude<Phase, "running">, desk: Desk, words: DeskWords): HTMLElement {
  if (phase === "locked") return lockView(desk, words);
  if (phase === "starting") return h("div", { class: "screen" }, h("p", { role: "status" }, words("starting.text")));
  return h(
    "main",
    { class: "screen" },
    h("h1", null, words(`${phase}.title`)),
    h("p", { role: "status" }, words(`${phase}.text`)),
  );
}

function lockView(desk: Desk, words: DeskWords): HTMLElement {
  const field = h("input", {
    class: "field",
    type: "password",
    required: true,
    autocomplete: "current-password",
    maxlength: 1_000,
    id: "passphrase",
  });
  const fault = h("p", { class: "fault", role: "alert" });
  const act = h("button", { class: "button main", type: "submit" }, icon("lock"), words("lock.open"));
  const label = h("label", { for: "passphrase" }, words("lock.field"));
  const form = h("form", null, label, field, fault, act);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    act.disabled = true;
    fault.textContent = "";
    try {
      await desk.ask({ type: "unlock", passphrase: field.value });
    } catch (problem) {
      fault.textContent = wrongText(problem, words);
    }
    act.disabled = false;
    field.value = "";
    if (field.isConnected) field.focus();
  });
  queueMicrotask(() => field.focus());
  return h("main", { class: "screen" }, h("h1", null, words("lock.title")), h("p", null, words("lock.text")), form);
}

function wrongText(problem: unknown, words: DeskWords): string {
  if (problem instanceof DeskFailure && problem.notBeforeMs !== null)
    return words("lock.wait", { time: clockOf(words.language).time(problem.notBeforeMs) });
  const code = problem instanceof DeskFailure ? problem.code : "page";
  return code === "store.wrong_key" ? words("lock.wrong") : words("failed.other", { code });
}
