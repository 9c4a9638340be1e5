/** One set of pictures: 20 by 20, one stroke of 1.5, drawn for this page. Each stands beside a word or has a label. */

import { svg } from "./dom.ts";

const PATHS = {
  send: "M3.5 10 16.5 4 12 16.5 9.5 11Z M9.5 11 16.5 4",
  attach:
    "M13.8 6.5 8.2 12.1a1.8 1.8 0 0 0 2.5 2.5l5.3-5.3a3.6 3.6 0 0 0-5.1-5.1L5.4 9.7a5.2 5.2 0 0 0 7.4 7.4l2.7-2.7",
  close: "M5 5 15 15 M15 5 5 15",
  more: "M10 4a.5.5 0 1 0 0 1 .5.5 0 0 0 0-1Z M10 9.5a.5.5 0 1 0 0 1 .5.5 0 0 0 0-1Z M10 15a.5.5 0 1 0 0 1 .5.5 0 0 0 0-1Z",
  down: "M10 4v12 M5 11l5 5 5-5",
  back: "M12.5 4.5 7 10l5.5 5.5",
  open: "M7.5 4.5 13 10l-5.5 5.5",
  unfold: "M5 7.5 10 12.5 15 7.5",
  clock: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14Z M10 6v4l2.8 1.8",
  check: "M4 10.5 8 14.5 16 6",
  twice: "M2.5 10.5 6 14.5 12.5 6.5 M9.5 13 11 14.5 17.5 6.5",
  warn: "M10 3.2 17.5 16.3h-15Z M10 8v4 M10 14.1v.01",
  stop: "M7 3h6l4 4v6l-4 4H7l-4-4V7Z M10 6.5v4.5 M10 13.6v.01",
  info: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14Z M10 9.3v4.2 M10 6.6v.01",
  offline:
    "M3 3l14 14 M6.2 10.6a5.5 5.5 0 0 1 2.2-1.4 M4 7.9a9 9 0 0 1 2.2-1.6 M9.2 5.3a9 9 0 0 1 6.8 2.6 M12.2 9.6c.6.3 1.1.6 1.6 1 M10 14.5v.01",
  person: "M10 3.5a3 3 0 1 0 0 6 3 3 0 0 0 0-6Z M4 16.5c.5-3 3-4.5 6-4.5s5.5 1.5 6 4.5",
  people:
    "M7.5 4.5a2.6 2.6 0 1 0 0 5.2 2.6 2.6 0 0 0 0-5.2Z M2.5 16c.4-2.6 2.4-4 5-4s4.6 1.4 5 4 M12.8 5a2.4 2.4 0 0 1 0 4.5 M14.5 12.3c1.7.5 2.8 1.8 3 3.7",
  bot: "M4.5 8h11v7.5h-11Z M10 8V4.5 M10 4.5v.01 M7.7 11.3v.01 M12.3 11.3v.01 M2.5 10.5v2.5 M17.5 10.5v2.5",
  file: "M5.5 2.5h6l3.5 3.5v11.5h-9.5Z M11.5 2.5V6H15",
  save: "M10 3v9.5 M5.8 8.5 10 12.5l4.2-4 M3.5 16.5h13",
  reply: "M8 5 3.5 9.5 8 14 M3.5 9.5h7.5a5.5 5.5 0 0 1 5.5 5.5v.5",
  edit: "M4 16l.8-3.2 8.7-8.7 2.4 2.4-8.7 8.7Z M11.8 5.8l2.4 2.4",
  erase: "M4 5.5h12 M8 5.5V3.5h4v2 M5.5 5.5 6.3 16.5h7.4l.8-11 M8.5 8.5v5 M11.5 8.5v5",
  copy: "M7 7h9.5v9.5H7Z M13 7V3.5H3.5V13H7",
  shield: "M10 2.8 16 5v4.5c0 3.8-2.5 6.3-6 7.7-3.5-1.4-6-3.9-6-7.7V5Z",
  eye: "M2.5 10S5 5 10 5s7.5 5 7.5 5-2.5 5-7.5 5-7.5-5-7.5-5Z M10 7.8a2.2 2.2 0 1 0 0 4.4 2.2 2.2 0 0 0 0-4.4Z",
  phone:
    "M6.8 3.2 8.5 6.8 6.8 8.3c.9 2.1 2.8 4 4.9 4.9l1.5-1.7 3.6 1.7v3c0 .5-.5.9-1 .8C9.3 16.4 3.6 10.7 3 4.2c-.1-.5.3-1 .8-1Z",
  email: "M2.5 4.5h15v11h-15Z M2.5 5.5 10 11.5l7.5-6",
  post: "M3 16.5V8l7-4.5L17 8v8.5Z M8 16.5v-5h4v5",
  page: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14Z M3 10h14 M10 3c4.2 4 4.2 10 0 14 M10 3c-4.2 4-4.2 10 0 14",
  key: "M12.8 3.5a3.7 3.7 0 1 0 0 7.4 3.7 3.7 0 0 0 0-7.4Z M10.2 9.8 3.5 16.5 M5.5 14.5l2 2 M8 12l1.5 1.5",
  chat: "M3 4.5h14v9.5H9.5L5.5 17.5V14H3Z",
  star: "M10 3l2.1 4.5 4.9.6-3.6 3.4.9 4.9-4.3-2.4-4.3 2.4.9-4.9L3 8.1l4.9-.6Z",
  search: "M9 3.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11Z M13 13l4 4",
  label: "M3 3.5h7L17 10.5 10.5 17 3 10Z M6.5 7v.01",
  pause: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14Z M8 7.5v5 M12 7.5v5",
  help: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14Z M7.8 8.2a2.2 2.2 0 1 1 3.3 1.9c-.7.4-1.1.8-1.1 1.6 M10 14v.01",
  plus: "M10 4v12 M4 10h12",
  lock: "M5 9h10v8H5Z M7 9V6.5a3 3 0 0 1 6 0V9",
} as const;

export type IconName = keyof typeof PATHS;

/** Those that point along the line, and so the other way where it runs from right to left. */
const TURNING: ReadonlySet<IconName> = new Set(["send", "back", "open", "reply"]);

/** A new element of the picture of this name. */
export function icon(name: IconName): SVGSVGElement {
  const picture = svg(PATHS[name]);
  if (TURNING.has(name)) picture.classList.add("turns");
  return picture;
}
