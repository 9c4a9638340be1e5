/** What is opened in a room, or stands in its place: other channels, people, keys, a rating, the foot, obstacles. */
import { sheet } from "../dom.ts";

export const openedStyle: CSSStyleSheet = sheet(`
.screen.middle > :first-child { margin-block-start: auto; }
.screen.middle > :last-child { margin-block-end: auto; }
.names { position: relative; }
.present::after { content: ""; position: absolute; inset: -4px 0; }
.badge { display: grid; place-items: center; width: 48px; height: 48px; border-radius: 14px; background: var(--tint); color: var(--accent); }
.screen.middle > .badge { width: 48px; margin-inline: max(0px, (100% - 36rem) / 2) auto; }
.badge.warn { background: var(--warn-tint); color: var(--warn); } .badge.stop { background: var(--stop-tint); color: var(--stop); }
.badge .icon { width: 24px; height: 24px; }
.ways { display: grid; gap: 8px; }
.ways > li > * { display: grid; grid-template-columns: 20px minmax(0, 1fr); gap: 0 12px; padding: 12px; border: 1px solid var(--line);
  border-radius: var(--radius-control); color: var(--text); text-decoration: none; }
.ways a:hover { background: var(--surface-2); border-color: var(--line-strong); }
.ways .icon { margin-block-start: 2px; color: var(--accent); grid-row: span 2; }
.ways .value { font-weight: 600; overflow-wrap: anywhere; }
.foot { padding: 12px 16px 16px; border-block-start: 1px solid var(--line); display: grid; gap: 12px; max-height: 60%; overflow: auto; }
.foot .acts .button { padding-inline: 8px; }
.foot > * { width: 100%; max-width: 36rem; margin-inline: auto; }
.people { display: grid; gap: 4px; }
.people li { display: grid; grid-template-columns: 20px minmax(0, 1fr); gap: 0 12px; padding-block: 8px; border-block-end: 1px solid var(--line); }
.people .icon { grid-row: span 2; margin-block-start: 2px; color: var(--text-2); }
.print { display: flex; flex-wrap: wrap; gap: 4px 12px; padding: 12px; border-radius: var(--radius-control); background: var(--surface-2);
  font-family: ui-monospace, "SF Mono", Consolas, "Liberation Mono", monospace; font-size: 0.9375rem; direction: ltr; unicode-bidi: isolate; }
.pair { display: grid; gap: 4px; } .pair.more { gap: 8px; }
.stars { display: grid; grid-template-columns: repeat(5, minmax(0, 1fr)); gap: 8px; margin-block: 8px 4px; }
.stars label { position: relative; display: grid; place-items: center; min-height: 44px; border: 1px solid var(--line-strong);
  border-radius: var(--radius-control); cursor: pointer; font-weight: 600; font-variant-numeric: tabular-nums; }
.stars label:hover { background: var(--surface-2); }
.ends { display: flex; justify-content: space-between; gap: 8px; }
.stars input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0; cursor: pointer; }
.stars label:has(:checked) { border-color: var(--accent); background: var(--tint); box-shadow: 0 0 0 1px var(--accent); }
.stars label:has(:focus-visible) { outline: 2px solid var(--accent); outline-offset: 2px; }
@media (forced-colors: active) { .badge { border: 1px solid CanvasText; } .stars label:has(:checked) { outline: 3px solid Highlight; } }
`);
