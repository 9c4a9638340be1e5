/** All pictures, for what a page shows later (`icons.ts`). */

import { FIRST_PATHS, picture } from "./icons.ts";

const PATHS = {
  ...FIRST_PATHS,
  down: "M10 4v12 M5 11l5 5 5-5",
  back: "M12.5 4.5 7 10l5.5 5.5",
  open: "M7.5 4.5 13 10l-5.5 5.5",
  check: "M4 10.5 8 14.5 16 6",
  twice: "M2.5 10.5 6 14.5 12.5 6.5 M9.5 13 11 14.5 17.5 6.5",
  info: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14Z M10 9.3v4.2 M10 6.6v.01",
  offline:
    "M3 3l14 14 M6.2 10.6a5.5 5.5 0 0 1 2.2-1.4 M4 7.9a9 9 0 0 1 2.2-1.6 M9.2 5.3a9 9 0 0 1 6.8 2.6 M12.2 9.6c.6.3 1.1.6 1.6 1 M10 14.5v.01",
  person: "M10 3.5a3 3 0 1 0 0 6 3 3 0 0 0 0-6Z M4 16.5c.5-3 3-4.5 6-4.5s5.5 1.5 6 4.5",
  bot: "M4.5 8h11v7.5h-11Z M10 8V4.5 M10 4.5v.01 M7.7 11.3v.01 M12.3 11.3v.01 M2.5 10.5v2.5 M17.5 10.5v2.5",
  file: "M5.5 2.5h6l3.5 3.5v11.5h-9.5Z M11.5 2.5V6H15",
  save: "M10 3v9.5 M5.8 8.5 10 12.5l4.2-4 M3.5 16.5h13",
  erase: "M4 5.5h12 M8 5.5V3.5h4v2 M5.5 5.5 6.3 16.5h7.4l.8-11 M8.5 8.5v5 M11.5 8.5v5",
  copy: "M7 7h9.5v9.5H7Z M13 7V3.5H3.5V13H7",
  eye: "M2.5 10S5 5 10 5s7.5 5 7.5 5-2.5 5-7.5 5-7.5-5-7.5-5Z M10 7.8a2.2 2.2 0 1 0 0 4.4 2.2 2.2 0 0 0 0-4.4Z",
  phone:
    "M6.8 3.2 8.5 6.8 6.8 8.3c.9 2.1 2.8 4 4.9 4.9l1.5-1.7 3.6 1.7v3c0 .5-.5.9-1 .8C9.3 16.4 3.6 10.7 3 4.2c-.1-.5.3-1 .8-1Z",
  email: "M2.5 4.5h15v11h-15Z M2.5 5.5 10 11.5l7.5-6",
  page: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14Z M3 10h14 M10 3c4.2 4 4.2 10 0 14 M10 3c-4.2 4-4.2 10 0 14",
  key: "M12.8 3.5a3.7 3.7 0 1 0 0 7.4 3.7 3.7 0 0 0 0-7.4Z M10.2 9.8 3.5 16.5 M5.5 14.5l2 2 M8 12l1.5 1.5",
  star: "M10 3l2.1 4.5 4.9.6-3.6 3.4.9 4.9-4.3-2.4-4.3 2.4.9-4.9L3 8.1l4.9-.6Z",
  search: "M9 3.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11Z M13 13l4 4",
  label: "M3 3.5h7L17 10.5 10.5 17 3 10Z M6.5 7v.01",
  help: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14Z M7.8 8.2a2.2 2.2 0 1 1 3.3 1.9c-.7.4-1.1.8-1.1 1.6 M10 14v.01",
  plus: "M10 4v12 M4 10h12",
} as const;

export type IconName = keyof typeof PATHS;

/** A new element of the picture of this name. */
export function icon(name: IconName): SVGSVGElement {
  return picture(name, PATHS[name]);
}
