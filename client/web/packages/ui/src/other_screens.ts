/** The screens of who has refused, and of what stands in the way. */

import type { Company, Notice, RoomState } from "./backend.ts";
import { channelsView } from "./channels_view.ts";
import { h } from "./dom.ts";
import { obstacleView } from "./obstacle_view.ts";
import type { Run, ScreenOptions } from "./room_screens.ts";
import type { Words } from "./words.ts";

export function otherScreen(
  state: RoomState,
  { backend, words, reload, openAlone, opens }: ScreenOptions,
  run: Run,
): HTMLElement[] {
  const { company, notice } = state;
  if (state.phase === "refused" && company !== null)
    return [refusedScreen(company, notice, words, () => run(backend.reconsider()))];
  const actions = {
    recover: opens("beginRecovery"),
    startAnew: opens("beginAnew"),
    tryAgain: () => run(backend.tryAgain()),
    reload,
    openAlone,
  };
  return [obstacleView(state, words, actions)];
}

function refusedScreen(company: Company, notice: Notice | null, words: Words, again: () => void): HTMLElement {
  const title = words("refused.title");
  const button = h("button", { class: "button", type: "button", onclick: again }, words("refused.again"));
  return h(
    "div",
    { class: "screen", tabindex: 0, role: "region", "aria-label": title },
    h("h2", { tabindex: -1 }, title),
    h("p", null, words("refused.text")),
    channelsView(company, notice, words),
    h("div", { class: "acts" }, button),
  );
}
