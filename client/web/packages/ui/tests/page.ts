/** One window in one scene: `#scene=open&lang=de&scheme=dark`; `lang=xx` is a made-up language from right to left. */

import { sheet } from "../src/dom.ts";
import { defineRoom, type RoomElement } from "../src/room.ts";
import { applyTheme, NO_THEME } from "../src/theme.ts";
import { speak, type Words } from "../src/words.ts";
import { WORDS, wordsOf } from "../src/words_both.ts";
import { NOW_MS } from "./scene_parts.ts";
import { sceneOf } from "./scenes.ts";
import { type Scripted, scripted } from "./scripted.ts";

/** English words in a right-to-left order with Arabic letters around each, so that what is not mirrored shows. */
export function madeUp(): Words {
  return speak("ar", "rtl", (key) => `\u0627\u0644${WORDS[key][1]}\u0627\u062a`);
}

function main(): void {
  const wish = new URLSearchParams(location.hash.slice(1));
  const lang = wish.get("lang") ?? "de";
  const words = lang === "xx" ? madeUp() : wordsOf(lang);
  const clock = { laterMs: 0 };
  const backend = scripted(sceneOf(wish.get("scene") ?? "open", lang === "de" ? "de" : "en"));
  document.documentElement.lang = words.locale;
  document.documentElement.dir = words.direction;
  document.adoptedStyleSheets = [
    sheet(
      "html, body { margin: 0; height: 100%; } html { color-scheme: light dark; background: Canvas; } seal-room-view { height: 100dvh; }",
    ),
  ];
  defineRoom();
  const room = document.createElement("seal-room-view") as RoomElement;
  const scheme = wish.get("scheme");
  applyTheme(room, {
    ...NO_THEME,
    accent: wish.get("accent"),
    scheme: scheme === "dark" || scheme === "light" ? scheme : "auto",
  });
  document.body.append(room);
  room.setup({
    backend,
    words,
    now: () => NOW_MS + clock.laterMs,
    close: wish.has("framed") ? () => {} : null,
    openAlone() {},
    reload() {},
  });
  Object.assign(window, { room, backend, clock } satisfies { room: RoomElement; backend: Scripted; clock: object });
}

main();
