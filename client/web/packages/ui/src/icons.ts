/**
 * One set of pictures: 20 by 20, one stroke of 1.5, drawn for this page. Each stands beside a word or has a label. Here are
 * those that a room shows until a text can be sent; all of them are in `all_icons.ts`.
 */

import { svg } from "./dom.ts";

export const FIRST_PATHS = {
  send: "M3.5 10 16.5 4 12 16.5 9.5 11Z M9.5 11 16.5 4",
  attach:
    "M13.8 6.5 8.2 12.1a1.8 1.8 0 0 0 2.5 2.5l5.3-5.3a3.6 3.6 0 0 0-5.1-5.1L5.4 9.7a5.2 5.2 0 0 0 7.4 7.4l2.7-2.7",
  close: "M5 5 15 15 M15 5 5 15",
  more: "M10 4a.5.5 0 1 0 0 1 .5.5 0 0 0 0-1Z M10 9.5a.5.5 0 1 0 0 1 .5.5 0 0 0 0-1Z M10 15a.5.5 0 1 0 0 1 .5.5 0 0 0 0-1Z",
  unfold: "M5 7.5 10 12.5 15 7.5",
  clock: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14Z M10 6v4l2.8 1.8",
  warn: "M10 3.2 17.5 16.3h-15Z M10 8v4 M10 14.1v.01",
  stop: "M7 3h6l4 4v6l-4 4H7l-4-4V7Z M10 6.5v4.5 M10 13.6v.01",
  people:
    "M7.5 4.5a2.6 2.6 0 1 0 0 5.2 2.6 2.6 0 0 0 0-5.2Z M2.5 16c.4-2.6 2.4-4 5-4s4.6 1.4 5 4 M12.8 5a2.4 2.4 0 0 1 0 4.5 M14.5 12.3c1.7.5 2.8 1.8 3 3.7",
  shield: "M10 2.8 16 5v4.5c0 3.8-2.5 6.3-6 7.7-3.5-1.4-6-3.9-6-7.7V5Z",
  post: "M3 16.5V8l7-4.5L17 8v8.5Z M8 16.5v-5h4v5",
  chat: "M3 4.5h14v9.5H9.5L5.5 17.5V14H3Z",
  pause: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14Z M8 7.5v5 M12 7.5v5",
  lock: "M5 9h10v8H5Z M7 9V6.5a3 3 0 0 1 6 0V9",
  reply: "M8 5 3.5 9.5 8 14 M3.5 9.5h7.5a5.5 5.5 0 0 1 5.5 5.5v.5",
  edit: "M4 16l.8-3.2 8.7-8.7 2.4 2.4-8.7 8.7Z M11.8 5.8l2.4 2.4",
} as const;

export type FirstIcon = keyof typeof FIRST_PATHS;

/** Those that point along the line, and so the other way where it runs from right to left. */
const TURNING: ReadonlySet<string> = new Set(["send", "back", "open", "reply"]);

/** A new element of the picture of this name. */
export function icon(name: FirstIcon): SVGSVGElement {
  return picture(name, FIRST_PATHS[name]);
}

export function picture(name: string, path: string): SVGSVGElement {
  const made = svg(path);
  if (TURNING.has(name)) made.classList.add("turns");
  return made;
}
