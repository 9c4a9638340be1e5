/** The screens before there is a conversation that a person meets first: loading and notice. */

import type { RoomBackend, RoomState } from "./backend.ts";
import { h } from "./dom.ts";
import { noticeView } from "./notice_view.ts";
import type { Words } from "./words.ts";

export interface ScreenOptions {
  readonly backend: RoomBackend;
  readonly words: Words;
  openAlone(): void;
  /** Go on from another device of one's own. */
  elsewhere(): void;
  /** Go on with one's account by its code, every device being lost. */
  withCode(): void;
  /** Erase what is left here, once that was asked, and begin anew. */
  anew(): void;
  /** The same, and then go on by the code. */
  recover(): void;
  reload(): void;
}

export type Run = (action: Promise<unknown>) => void;

/** The notice while it is to be answered; null in every other phase. */
export function noticeScreen(
  state: RoomState,
  { backend, words, elsewhere, withCode }: ScreenOptions,
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
            [words("notice.elsewhere"), elsewhere],
            [words("notice.code"), withCode],
          ],
  });
}

export function loadingScreen(words: Words): HTMLElement {
  const bones = [1, 2, 3].map(() => h("div", { class: "bone" }));
  return h("div", { class: "screen", role: "status" }, h("p", { class: "unseen" }, words("loading")), ...bones);
}
