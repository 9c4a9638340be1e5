/** Three panes, two below 1100 pixels, one below 800, more where a person has larger text; the list; the head of a room; what is known of a customer. */
import { sheet } from "@sealroom/ui/dom.ts";

export const deskStyle: CSSStyleSheet = sheet(`
:host { display: flex; flex-direction: column; height: 100%; background: var(--surface); overflow: hidden; }
.desk { display: grid; grid-template: minmax(0, 1fr) / 17.5rem minmax(0, 1fr) 18.75rem; height: 100%; }
.stage { flex: 1; min-height: 0; }
.pane { min-width: 0; min-height: 0; display: flex; flex-direction: column; overflow: hidden; }
.queue { border-inline-end: 1px solid var(--line); }
.about { border-inline-start: 1px solid var(--line); }
.desk .only-narrow, .desk .only-middle { display: none; }
.top { display: flex; align-items: center; gap: 8px; flex: none; height: 3.5625rem; padding: 8px 8px 8px 16px; border-block-end: 1px solid var(--line); }
.top h1, .top h2 { flex: 1; min-width: 0; font-size: 1rem; line-height: 1.4; font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.names { flex: 1; min-width: 0; }
.names p { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.acts { display: flex; gap: 8px; flex: none; align-items: center; }
.views { display: flex; gap: 4px; padding: 8px 12px 4px; }
.views button { flex: 1; display: flex; align-items: center; justify-content: center; gap: 6px; min-height: 32px; padding: 2px 6px; border: 0;
  border-radius: var(--radius-control); background: none; font-size: 0.875rem; color: var(--text-2); }
.views button:hover { background: var(--surface-2); }
.views button[aria-pressed="true"] { background: var(--tint); color: var(--accent); font-weight: 600; }
.find { display: flex; gap: 8px; padding: 4px 12px 8px; border-block-end: 1px solid var(--line); }
.find .field, .find select { min-height: 32px; padding: 2px 8px; font-size: 0.875rem; min-width: 0; }
.find .field { flex: 1; }
.find .field::placeholder { color: var(--text-2); opacity: 1; }
.find select { width: 6.75rem; flex: none; border: 1px solid var(--line-strong); border-radius: var(--radius-control); background: var(--surface); }
.scroll { flex: 1; min-height: 0; overflow: auto; overscroll-behavior: contain; scrollbar-width: thin; scrollbar-color: var(--line-strong) transparent; }
.list { position: relative; contain: strict; }
.list:focus-visible { outline: 0; }
.item { position: absolute; inset-inline: 0; top: 0; display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 8px; align-content: center;
  height: 4.75rem; padding: 0 12px 0 13px; border-block-end: 1px solid var(--line); border-inline-start: 3px solid transparent; cursor: pointer; contain: layout style; }
:host([data-density="compact"]) .item { height: 3.25rem; }
:host([data-density="compact"]) .item .third { display: none; }
.item:hover { background: var(--surface-2); }
.item[aria-selected="true"] { background: var(--tint); border-inline-start-color: var(--accent); }
.list:focus-visible .item.active { outline: 2px solid var(--accent); outline-offset: -3px; border-radius: 4px; }
.item .name { font-weight: 400; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-size: 0.9375rem; }
.item.unread .name { font-weight: 600; }
.item .time { font-size: 0.8125rem; color: var(--text-2); font-variant-numeric: tabular-nums; align-self: center; }
.item .preview { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-size: 0.8125rem; line-height: 1.4; color: var(--text-2); }
.item.unread .preview { color: var(--text); }
.item .third { grid-column: 1 / -1; display: flex; gap: 8px; align-items: center; font-size: 0.8125rem; line-height: 1.4; color: var(--text-2);
  overflow: hidden; white-space: nowrap; }
.item .third > span { overflow: hidden; text-overflow: ellipsis; }
.item .icon { width: 1rem; height: 1rem; }
.waits { display: inline-flex; align-items: center; gap: 4px; color: var(--text-2); flex: none; }
.waits.long { color: var(--warn); font-weight: 600; } .waits.late { color: var(--stop); font-weight: 600; }
.facts .plain { justify-self: start; font-size: 0.875rem; padding-inline: 0; }
.count { justify-self: end; display: inline-grid; place-items: center; min-width: 1.25rem; height: 1.25rem; padding-inline: 6px; border-radius: 10px; background: var(--accent);
  color: var(--on-accent); font-size: 0.75rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.views .count { background: var(--surface-3); color: var(--text); } .views [aria-pressed="true"] .count { background: var(--accent); color: var(--on-accent); }
.chip { display: block; min-width: 0; max-width: 12em; padding: 0 8px; border: 1px solid var(--line-strong); border-radius: 10px;
  font-size: 0.8125rem; line-height: 1.5; color: var(--text); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.hits { display: grid; } .hit { display: grid; gap: 2px; width: 100%; padding: 8px 16px; border: 0; border-block-end: 1px solid var(--line); background: none; text-align: start; overflow-wrap: anywhere; }
.hit:hover { background: var(--surface-2); } .hit:focus-visible { outline-offset: -2px; }
.none { display: grid; gap: 12px; justify-items: center; align-content: center; flex: 1; padding: 32px 24px; text-align: center; color: var(--text-2); }
.none .icon { width: 28px; height: 28px; }
.tabs { display: flex; gap: 4px; padding: 4px 12px 0; border-block-end: 1px solid var(--line); }
.tabs button { display: flex; gap: 6px; align-items: center; min-height: 36px; padding: 4px 12px; border: 0; border-block-end: 2px solid transparent; background: none;
  font-size: 0.875rem; color: var(--text-2); }
.tabs button[aria-selected="true"] { border-block-end-color: var(--accent); color: var(--text); font-weight: 600; }
.body { flex: 1; min-height: 0; display: flex; flex-direction: column; }
.body.notes { background: var(--warn-tint); }
.strip { display: flex; align-items: center; gap: 8px; padding: 6px 12px; background: var(--surface-2); border-block-end: 1px solid var(--line); font-size: 0.875rem; }
.strip.warn { background: var(--warn-tint); } .strip.stop { background: var(--stop-tint); } .strip > span { flex: 1; min-width: 0; }
.strip .icon { flex: none; } .strip.stop > .icon { color: var(--stop); } .strip .plain { padding-inline: 0; }
.alarms { flex: none; max-height: 33%; overflow: auto; }
.canned { position: relative; }
.tools { display: flex; gap: 4px; padding: 6px 12px 0; border-block-start: 1px solid var(--line); }
.tools:not([hidden]) + seal-composer { border-block-start: 0; }
.facts { flex: 1; min-height: 0; overflow: auto; padding: 16px; display: grid; gap: 24px; align-content: start; scrollbar-width: thin; }
.facts section { display: grid; gap: 8px; }
.facts h3 { font-size: 0.8125rem; color: var(--text-2); }
.facts dl { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 4px 12px; font-size: 0.9375rem; }
.facts dt { color: var(--text-2); } .facts dd { text-align: end; overflow-wrap: anywhere; }
.people { display: grid; gap: 6px; } .people li { display: flex; gap: 8px; align-items: center; font-size: 0.9375rem; }
.people .icon { color: var(--text-2); } .people span { min-width: 0; overflow-wrap: anywhere; } .people .meta { margin-inline-start: auto; flex: none; }
.chips { display: flex; flex-wrap: wrap; gap: 6px; }
.decide { display: grid; gap: 8px; padding: 12px; border: 1px solid var(--warn); border-radius: var(--radius-control); background: var(--warn-tint); }
.screen { height: 100%; display: grid; place-content: center; gap: 16px; padding: 24px; width: min(26em, 100%); margin-inline: auto; }
.screen form { display: grid; gap: 12px; }
.fault { display: flex; gap: 8px; color: var(--stop); }
.form { display: grid; gap: 12px; } .form label { display: grid; gap: 4px; font-size: 0.875rem; color: var(--text-2); }
.form .field { color: var(--text); } textarea.field { min-height: 96px; resize: vertical; }
.form .choice { display: flex; gap: 8px; align-items: center; color: var(--text); font-size: 1rem; min-height: 32px; }
.keys { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 8px 16px; align-items: center; }
kbd { display: inline-block; min-width: 28px; padding: 2px 8px; border: 1px solid var(--line-strong); border-radius: 6px; background: var(--surface-2);
  font: inherit; font-size: 0.875rem; text-align: center; }
table { border-collapse: collapse; width: 100%; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 8px; text-align: end; border-block-end: 1px solid var(--line); } th:first-child, td:first-child { text-align: start; white-space: nowrap; } th { font-weight: 600; }
.toast { position: fixed; inset-block-start: 4.25rem; inset-inline: 16px; z-index: 1; margin-inline: auto; width: fit-content; max-width: min(34em, calc(100vw - 32px)); padding: 10px 16px;
  display: flex; gap: 8px; align-items: center; border-radius: 10px; background: var(--text); color: var(--surface); box-shadow: var(--shadow); animation: come var(--come); }
.toast:empty { display: none; }
@media (max-width: 68.6875em) {
  .desk { grid-template-columns: 17.5rem minmax(0, 1fr); }
  .about { position: fixed; inset-block: 0; inset-inline-end: 0; width: min(18.75rem, 100%); background: var(--surface); box-shadow: var(--shadow); display: none; }
  .desk[data-about] .about { display: flex; }
  .desk .only-middle { display: inline-grid; }
}
@media (max-width: 49.9375em) {
  .desk { grid-template-columns: minmax(0, 1fr); }
  .queue { border: 0; }
  .desk:not([data-room]) .room { display: none; } .desk[data-room] .queue { display: none; }
  .desk .only-narrow { display: inline-grid; }
  .about { width: 100%; } .top .word { display: none; }
}
@media (max-width: 29.9375em) {
  .room .top { flex-wrap: wrap; height: auto; min-height: 3.5625rem; } .room .names { flex-basis: 0; }
  .room .acts:not(:empty) { order: 1; flex-basis: 100%; }
}
@media (forced-colors: active) { .item[aria-selected="true"] { outline: 2px solid Highlight; outline-offset: -2px; } .count { border: 1px solid ButtonText; } }
`);
