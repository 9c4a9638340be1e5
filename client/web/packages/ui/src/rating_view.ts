/** How it was: five choices with a number and a word each, and a line of text that is free. */

import { h } from "./dom.ts";
import type { Words } from "./words.ts";

const STARS = [1, 2, 3, 4, 5] as const;
const MAX_TEXT = 500;

export function ratingView(words: Words, rate: (stars: number, text: string | null) => void): HTMLElement {
  const field = h("textarea", { class: "field", rows: 2, maxlength: MAX_TEXT, id: "rate-text" });
  const label = h("label", { for: "rate-text", class: "meta" }, words("rate.text"));
  const send = h("button", { class: "button main", type: "submit" }, words("rate.send"));
  const more = h("div", { class: "pair more" }, label, field, h("div", { class: "acts" }, send));
  more.hidden = true;
  const choices = STARS.map((stars) =>
    h(
      "label",
      null,
      h("input", { type: "radio", name: "stars", value: stars, required: true }),
      String(stars),
      h("span", { class: "unseen" }, words(`rate.${stars}`)),
    ),
  );
  const ends = [h("span", null, words("rate.1")), h("span", null, words("rate.5"))];
  const group = h(
    "fieldset",
    null,
    h("legend", { class: "heading" }, words("rate.title")),
    h("div", { class: "stars" }, ...choices),
    h("div", { class: "ends meta", "aria-hidden": "true" }, ...ends),
  );
  const form = h("form", { class: "pair" }, group, more);
  form.addEventListener("change", () => {
    more.hidden = false;
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = form.querySelector<HTMLInputElement>("input:checked");
    if (chosen !== null) rate(Number(chosen.value), field.value.trim() || null);
  });
  return form;
}
