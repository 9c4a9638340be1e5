/** What stands in the way before there is a room: one sentence, one action, and the other channels. */

import { type IconName, icon } from "./all_icons.ts";
import type { Obstacle, RoomState } from "./backend.ts";
import { channelsView } from "./channels_view.ts";
import { h } from "./dom.ts";
import type { Words } from "./words.ts";

export interface ObstacleActions {
  /** The notice again, and then the code. */
  recover(): void;
  startAnew(): void;
  tryAgain(): void;
  reload(): void;
  openAlone(): void;
}

const LOOKS: Readonly<Record<Obstacle, readonly [IconName, "" | "warn" | "stop"]>> = {
  "storage-lost": ["key", ""],
  "storage-blocked": ["lock", "warn"],
  "storage-ended": ["lock", "warn"],
  "browser-too-old": ["warn", "warn"],
  "page-too-old": ["info", ""],
  "door-missing": ["offline", "warn"],
  "door-expired": ["clock", "warn"],
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
    screen.append(h("h3", null, words("channels.title")), channelsView(state.company, state.notice, words));
  return screen;
}

function actionsOf(obstacle: Obstacle, isPlain: boolean, words: Words, actions: ObstacleActions): HTMLElement | null {
  const one = (word: string, act: () => void, isMain = true) =>
    h("button", { class: isMain ? "button main" : "button", type: "button", onclick: act }, word);
  const button = (word: string, act: () => void) => h("div", { class: "acts" }, one(word, act));
  if (isPlain) return button(words("obstacle.storage-lost.anew"), actions.startAnew);
  if (obstacle === "storage-lost")
    return h(
      "div",
      { class: "acts" },
      one(words("obstacle.storage-lost.anew"), actions.startAnew, false),
      one(words("obstacle.storage-lost.recover"), actions.recover),
    );
  if (obstacle === "page-too-old") return button(words("obstacle.reload"), actions.reload);
  if (obstacle === "other-site") return button(words("obstacle.other-site.open"), actions.openAlone);
  if (obstacle === "browser-too-old") return null;
  return button(words("obstacle.again"), actions.tryAgain);
}
