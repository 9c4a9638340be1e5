/** The screens before there is a conversation: loading, notice, refused, and what stands in the way. */

import type { Company, RoomBackend, RoomState } from "./backend.ts";
import { channelsView } from "./channels_view.ts";
import { h } from "./dom.ts";
import { noticeView } from "./notice_view.ts";
import { obstacleView } from "./obstacle_view.ts";
import type { Words } from "./words.ts";

export interface ScreenOptions {
  readonly backend: RoomBackend;
  readonly words: Words;
  openAlone(): void;
  reload(): void;
}

/** The screen of a phase; `run` carries an action out and says what goes wrong. */
export function screenOf(
  state: RoomState,
  { backend, words, reload, openAlone }: ScreenOptions,
  run: (action: Promise<unknown>) => void,
): HTMLElement[] {
  const { company, notice } = state;
  if (state.phase === "notice" && company !== null && notice !== null)
    return noticeView(company, notice, words, {
      accept: (purposes) => run(backend.accept(purposes)),
      refuse: () => run(backend.refuse()),
      showIn: (locale) => run(backend.showNotice(locale)),
    });
  if (state.phase === "refused" && company !== null)
    return [refusedScreen(company, words, () => run(backend.reconsider()))];
  if (state.phase === "loading") return [loadingScreen(words)];
  const actions = {
    recover: (code: string) => backend.recover(code),
    startAnew: () => run(backend.startAnew()),
    tryAgain: () => run(backend.tryAgain()),
    reload,
    openAlone,
  };
  return [obstacleView(state, words, actions)];
}

function refusedScreen(company: Company, words: Words, again: () => void): HTMLElement {
  const title = words("refused.title");
  const button = h("button", { class: "button", type: "button", onclick: again }, words("refused.again"));
  return h(
    "div",
    { class: "screen", tabindex: 0, role: "region", "aria-label": title },
    h("h2", { tabindex: -1 }, title),
    h("p", null, words("refused.text")),
    channelsView(company, words),
    h("div", { class: "acts" }, button),
  );
}

function loadingScreen(words: Words): HTMLElement {
  const bones = [1, 2, 3].map(() => h("div", { class: "bone" }));
  return h("div", { class: "screen", role: "status" }, h("p", { class: "unseen" }, words("loading")), ...bones);
}
