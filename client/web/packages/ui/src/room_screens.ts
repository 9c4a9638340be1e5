/** The screens before there is a conversation that a person meets first: loading and notice. */

import type { RoomBackend, RoomState } from "./backend.ts";
import { h } from "./dom.ts";
import { noticeView } from "./notice_view.ts";
import type { Opened } from "./room.ts";
import type { Words } from "./words.ts";

export interface ScreenOptions {
  readonly backend: RoomBackend;
  readonly words: Words;
  openAlone(): void;
  opens(what: Opened): () => void;
  reload(): void;
}

export type Run = (action: Promise<unknown>) => void;

/** The notice while it is to be answered; null in every other phase. */
export function noticeScreen(
  state: RoomState,
  { backend, words, opens }: ScreenOptions,
  run: Run,
): HTMLElement[] | null {
  const { company, notice } = state;
  if (state.phase !== "notice" || company === null || notice === null) return null;
  return noticeView(company, notice, words, {
    accept: (purposes) => run(backend.accept(purposes, notice)),
    refuse: () => run(backend.refuse()),
    showIn: (locale) => run(backend.showNotice(locale)),
    others:
      state.keeping.mode === "session"
        ? []
        : [
            [words("notice.elsewhere"), opens("startJoin")],
            [words("notice.code"), opens("startRecovery")],
          ],
  });
}

export function loadingScreen(words: Words): HTMLElement {
  const bones = [1, 2, 3].map(() => h("div", { class: "bone" }));
  return h("div", { class: "screen", role: "status" }, h("p", { class: "unseen" }, words("loading")), ...bones);
}
