/** The foot of a room in which nothing can be written: why, and what can be done. */

import type { RoomBackend, RoomState } from "./backend.ts";
import { type Child, h } from "./dom.ts";
import { ratingView } from "./rating_view.ts";
import { reachesNobody } from "./reach.ts";
import type { Run } from "./room_screens.ts";
import type { Clock } from "./times.ts";
import type { WordKey, Words } from "./words.ts";

export interface FootActions {
  readonly backend: RoomBackend;
  readonly run: Run;
  save(): void;
}

/** Null where one can write. */
export function footView(
  state: RoomState,
  words: Words,
  clock: Clock,
  nowMs: number,
  { backend, run, save }: FootActions,
): HTMLElement | null {
  // There it would take the store away, which a note asks before.
  const again = reachesNobody(state, nowMs)
    ? []
    : [button(words("withdrawn.again"), () => run(backend.startAnew()), false)];
  if (state.phase === "closed") {
    const acts = [button(words("menu.export"), save, false)];
    if (state.canReopen) acts.push(button(words("closed.reopen"), () => run(backend.reopen(state.room)), false));
    else acts.push(...again);
    const rating = state.canRate && ratingView(words, (stars, text) => run(backend.rate(stars, text, state.room)));
    return foot(words("closed.title"), null, acts, rating);
  }
  if (state.phase === "frozen") {
    const go = button(words("frozen.unfreeze"), () => run(backend.unfreeze(state.room)), true);
    return foot(words("frozen.title"), words("frozen.text"), [go]);
  }
  if (state.phase !== "withdrawn" && state.phase !== "erased") return null;
  return foot(words(endTitle(state)), erasureText(state, words, clock, nowMs), again);
}

/** What the company may still have, or does not know of, is not called erased (STO-54). */
function endTitle({ phase, erasure }: RoomState): WordKey {
  if (erasure === "unsent") return "withdrawn.unsent";
  return phase === "erased" && erasure !== "asked" && erasure !== "held" ? "erased.title" : "withdrawn.title";
}

function erasureText(state: RoomState, words: Words, clock: Clock, nowMs: number): string | null {
  if (state.erasure === "told" || state.erasure === "alone") return words(`erased.${state.erasure}`);
  if (state.erasure === "none" && state.phase === "erased") return null;
  const company = state.company?.name ?? words("someone");
  if (state.erasure === "unsent") return words("withdrawn.unsent.text", { company });
  if (state.erasure === "confirmed") return words("withdrawn.confirmed", { company });
  if (state.erasure === "held" && state.heldUntilMs !== null)
    return words("withdrawn.held", { company, when: clock.day(state.heldUntilMs, nowMs) });
  return words("withdrawn.text", { company });
}

function foot(title: string, text: string | null, acts: readonly HTMLElement[], rating: Child = null): HTMLElement {
  const said = h(
    "div",
    { role: "status" },
    h("h2", { class: "heading", tabindex: -1 }, title),
    text !== null && h("p", { class: "meta" }, text),
  );
  return h("section", { class: "foot", "aria-label": title }, said, rating, h("div", { class: "acts" }, ...acts));
}

function button(word: string, act: () => void, isMain: boolean): HTMLElement {
  return h("button", { class: isMain ? "button main" : "button", type: "button", onclick: act }, word);
}
