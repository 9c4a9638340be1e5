/** What stands in the way before there is a room: one sentence, one action, and the other channels. */

import type { Obstacle, RoomState } from "./backend.ts";
import { channelsView } from "./channels_view.ts";
import { h } from "./dom.ts";
import { type IconName, icon } from "./icons.ts";
import type { Words } from "./words.ts";

export interface ObstacleActions {
  recover(code: string): Promise<void>;
  startAnew(): void;
  tryAgain(): void;
  reload(): void;
  openAlone(): void;
}

const LOOKS: Readonly<Record<Obstacle, readonly [IconName, "" | "warn" | "stop"]>> = {
  "storage-lost": ["key", ""],
  "storage-blocked": ["lock", "warn"],
  "browser-too-old": ["warn", "warn"],
  "page-too-old": ["info", ""],
  "door-missing": ["offline", "warn"],
  "door-wrong": ["stop", "stop"],
  "other-site": ["stop", "stop"],
  "company-unavailable": ["clock", "warn"],
};

export function obstacleView(state: RoomState, words: Words, actions: ObstacleActions): HTMLElement {
  const obstacle = state.obstacle ?? "door-missing";
  const [glyph, tone] = LOOKS[obstacle];
  // Without a code there is one way on.
  const isPlain = obstacle === "storage-lost" && state.keeping.mode !== "recoverable";
  const screen = h(
    "div",
    { class: "screen middle", tabindex: 0, role: "region", "aria-label": words(`obstacle.${obstacle}.title`) },
    h("div", { class: `badge ${tone}` }, icon(glyph)),
    h("h2", { tabindex: -1 }, words(`obstacle.${obstacle}.title`)),
    h("p", { class: "lead" }, words(isPlain ? "obstacle.storage-lost.plain" : `obstacle.${obstacle}.text`)),
    actionsOf(obstacle, isPlain, words, actions),
  );
  if (state.company !== null && obstacle !== "storage-lost" && obstacle !== "page-too-old")
    screen.append(h("h3", null, words("channels.title")), channelsView(state.company, words));
  return screen;
}

function actionsOf(obstacle: Obstacle, isPlain: boolean, words: Words, actions: ObstacleActions): HTMLElement | null {
  const button = (word: string, act: () => void) =>
    h("div", { class: "acts" }, h("button", { class: "button main", type: "button", onclick: act }, word));
  if (isPlain) return button(words("obstacle.storage-lost.anew"), actions.startAnew);
  if (obstacle === "storage-lost") return recoverView(words, actions);
  if (obstacle === "page-too-old") return button(words("obstacle.reload"), actions.reload);
  if (obstacle === "other-site") return button(words("obstacle.other-site.open"), actions.openAlone);
  if (obstacle === "browser-too-old") return null;
  return button(words("obstacle.again"), actions.tryAgain);
}

function recoverView(words: Words, actions: ObstacleActions): HTMLElement {
  const fault = h("p", { class: "meta", role: "alert" });
  const code = h("input", {
    class: "field",
    id: "code",
    autocomplete: "off",
    autocapitalize: "characters",
    spellcheck: "false",
    dir: "ltr",
  });
  const form = h(
    "form",
    { class: "pair" },
    h("label", { for: "code", class: "heading" }, words("obstacle.storage-lost.code")),
    code,
    fault,
    h(
      "div",
      { class: "acts" },
      h("button", { class: "button", type: "button", onclick: actions.startAnew }, words("obstacle.storage-lost.anew")),
      h("button", { class: "button main", type: "submit" }, words("obstacle.storage-lost.recover")),
    ),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    fault.textContent = "";
    actions.recover(code.value.trim()).catch(() => {
      fault.textContent = words("obstacle.storage-lost.wrong");
      code.focus();
    });
  });
  return form;
}
