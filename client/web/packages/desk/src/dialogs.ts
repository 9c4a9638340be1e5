/** Dialogs that only tell: the keys, and the figures. */

import { openDialog } from "@sealroom/ui/dialog.ts";
import { h } from "@sealroom/ui/dom.ts";
import { regional } from "@sealroom/ui/times.ts";
import type { Desk } from "./desk.ts";
import type { Root } from "./forms.ts";
import { KEYS } from "./keys.ts";
import type { Figured } from "./messages.ts";
import { type DeskWords, longOf } from "./words.ts";

const DAYS = 7;

/** The list of keys. */
export function showKeys(root: Root, words: DeskWords): void {
  const list = h("dl", { class: "keys" });
  for (const one of KEYS) list.append(h("dt", null, h("kbd", null, one.shown)), h("dd", null, words(one.word)));
  const hint = h("p", { class: "meta" }, words("keys.hint"));
  openDialog(root, { title: words("keys.title"), closeWord: words("act.hide"), content: [list, hint] });
}

/** Figures of the last days, computed by the process on this device. */
export async function showFigures(root: Root, desk: Desk, words: DeskWords): Promise<void> {
  const answer = await desk.ask({ type: "figures", days: DAYS }).catch(() => null);
  if (answer?.type !== "figured") return;
  const long = (ms: number | null) => (ms === null ? "–" : longOf(ms, words.language));
  const facts = h("dl", { class: "keys" });
  const fact = (name: string, value: string) => facts.append(h("dt", null, name), h("dd", null, value));
  fact(words("figures.waiting"), String(answer.waiting));
  fact(words("figures.longest"), long(answer.longestWaitMs));
  fact(words("figures.first"), `${long(answer.firstAnswerMs)} (${answer.answered})`);
  const content = [h("p", { class: "meta" }, words("figures.text")), facts, dayTable(answer, words)];
  openDialog(root, { title: words("figures.title"), closeWord: words("act.hide"), content });
}

function dayTable(figured: Figured, words: DeskWords): HTMLElement {
  const day = new Intl.DateTimeFormat(regional(words.language), { weekday: "short", day: "2-digit", month: "2-digit" });
  const heads = (["day", "opened", "theirs", "ours"] as const).map((one) =>
    h("th", { scope: "col" }, words(`figures.${one}`)),
  );
  const rows = figured.days.map((one) =>
    h(
      "tr",
      null,
      h("td", null, day.format(new Date(`${one.day}T12:00:00`))),
      h("td", null, String(one.opened)),
      h("td", null, String(one.fromCustomers)),
      h("td", null, String(one.fromUs)),
    ),
  );
  return h("table", null, h("thead", null, h("tr", null, ...heads)), h("tbody", null, ...rows));
}
