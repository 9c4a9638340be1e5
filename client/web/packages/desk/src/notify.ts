/** How a person at another window hears of news: the title, a tone, a notice of the system; none has a text. */

import type { Desk, News } from "./desk.ts";
import type { DeskWords } from "./words.ts";

const TONE_HZ = 660;
const TONE_S = 0.16;
const APART_MS = 2_000;

export interface Teller {
  words(): DeskWords;
  hasSound(): boolean;
}

/** Tell of news, once for what comes together. */
export function tellOfNews(desk: Desk, teller: Teller): void {
  let lastMs = 0;
  desk.subscribe(() => {
    document.title = titleOf(desk, teller.words());
  });
  desk.onNews((news) => {
    if (document.visibilityState === "visible" && document.hasFocus() && news.waiting === 0 && news.taken.length === 0)
      return;
    if (Date.now() - lastMs < APART_MS) return;
    lastMs = Date.now();
    if (teller.hasSound()) tone();
    notice(news, teller.words());
  });
}

function titleOf(desk: Desk, words: DeskWords): string {
  const { rooms, company, phase } = desk.state();
  const open = [...rooms.values()].filter(
    (row) => (row.isHere && row.unread > 0) || (row.waitsMs !== null && row.assigned === null && row.isForUs),
  ).length;
  const name = company === "" ? words("news.title") : company;
  return phase === "running" && open > 0 ? `(${open}) ${name}` : name;
}

function tone(): void {
  const sound = new AudioContext();
  const source = sound.createOscillator();
  const loudness = sound.createGain();
  source.frequency.value = TONE_HZ;
  loudness.gain.setValueAtTime(0.12, sound.currentTime);
  loudness.gain.exponentialRampToValueAtTime(0.001, sound.currentTime + TONE_S);
  source.connect(loudness).connect(sound.destination);
  source.start();
  source.stop(sound.currentTime + TONE_S);
  source.addEventListener("ended", () => void sound.close());
}

function notice(news: News, words: DeskWords): void {
  if (!("Notification" in globalThis) || Notification.permission !== "granted") return;
  const key = news.taken.length > 0 ? "news.taken" : news.waiting > 0 ? "news.waiting" : "news.text";
  const shown = new Notification(words("news.title"), { body: words(key), tag: "sealroom-desk", silent: true });
  shown.addEventListener("click", () => {
    focus();
    shown.close();
  });
}
