/** The window of a room: head, notes at the top, screens, foot. */
import { sheet } from "../dom.ts";

export const roomStyle: CSSStyleSheet = sheet(`
:host { display: flex; flex-direction: column; height: 100%; min-height: 0; background: var(--surface); overflow: hidden; }
.head { display: flex; align-items: center; gap: 12px; padding: 10px 8px 10px 16px; border-block-end: 1px solid var(--line); }
.head:dir(rtl) { padding: 10px 16px 10px 8px; }
.mark { display: grid; place-items: center; flex: none; width: 40px; height: 40px; border-radius: 10px; background: var(--accent);
  color: var(--on-accent); font-size: 16px; font-weight: 600; letter-spacing: 0.02em; }
.names { flex: 1; min-width: 0; }
.names h1 { font-size: 1rem; line-height: 1.4; font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; text-wrap: nowrap; }
.names .present { display: block; max-width: 100%; padding: 0; border: 0; background: none; overflow: hidden; text-overflow: ellipsis;
  white-space: nowrap; text-align: start; }
button.present { border-radius: 4px; }
button.present:hover { color: var(--text); text-decoration: underline; }
.tools { display: flex; flex: none; }
main, .body { flex: 1; min-height: 0; display: flex; flex-direction: column; }
seal-messages:not(:defined) { flex: 1; }
.screen { flex: 1; min-height: 0; overflow: auto; padding: 24px; display: flex; flex-direction: column; gap: 16px; }
.screen > * { flex: none; width: 100%; max-width: 36rem; margin-inline: auto; }
h2[tabindex]:focus-visible { outline: 0; }
.screen:focus-visible { outline-offset: -3px; }
.acts { display: flex; flex-wrap: wrap; gap: 8px; }
.acts > .button { flex: 1 1 9em; }
.lead { font-size: 1.0625rem; }
.note { display: flex; align-items: flex-start; gap: 8px; padding: 8px 8px 8px 16px; border-block-end: 1px solid var(--line); background: var(--surface-2); animation: come var(--come); }
.note:dir(rtl) { padding: 8px 16px 8px 8px; }
.note > .icon { margin-block-start: 6px; }
.note > div { flex: 1; min-width: 0; display: flex; flex-wrap: wrap; align-items: center; gap: 4px 12px; }
.note span { flex: 1 1 14em; min-width: 0; padding-block: 4px; font-size: 0.875rem; line-height: 1.43; overflow-wrap: anywhere; }
.note.warn { background: var(--warn-tint); } .note.warn > .icon { color: var(--warn); }
.note.stop { background: var(--stop-tint); } .note.stop > .icon { color: var(--stop); }
.note .button { margin-block: 2px; flex: none; max-width: 100%; }
.facts { display: grid; gap: 16px; }
.facts > div { display: grid; grid-template-columns: 20px minmax(0, 1fr); gap: 0 12px; }
.facts .icon { margin-block-start: 2px; color: var(--text-2); grid-row: span 2; }
.facts dt { font-weight: 600; } .facts dd { grid-column: 2; color: var(--text); }
.facts p + p { margin-block-start: 2px; }
details { border: 1px solid var(--line); border-radius: var(--radius-control); }
summary { display: flex; align-items: center; gap: 8px; min-height: var(--target); padding: 8px 12px; cursor: pointer; font-weight: 600;
  list-style: none; border-radius: var(--radius-control); }
summary::-webkit-details-marker { display: none; }
summary .icon { transition: rotate var(--come); } details[open] summary .icon { rotate: 180deg; }
details .whole { padding: 0 12px 12px; white-space: pre-wrap; overflow-wrap: anywhere; }
.links { display: flex; flex-wrap: wrap; align-items: center; gap: 0 20px; }
.links a, .links button { padding: 10px 0; text-align: start; }
.answer { padding: 12px 24px 16px; border-block-start: 1px solid var(--line); }
.answer > div { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(11em, 100%), 1fr)); gap: 8px; width: 100%; max-width: 36rem; margin-inline: auto; }
.answer .button { border-color: var(--accent); color: var(--accent); border-width: 1.5px; }
.check { display: flex; gap: 12px; align-items: flex-start; padding-block: 10px; }
.check input { flex: none; width: 20px; height: 20px; margin: 2px 0; accent-color: var(--accent); }
.screen > .bone { height: 12px; margin-inline: 0; border-radius: 6px; background: var(--surface-3); animation: late 300ms step-end; }
.screen > .bone:nth-child(2) { width: 70%; } .screen > .bone:nth-child(3) { width: 90%; } .screen > .bone:nth-child(4) { width: 45%; }
@keyframes late { from { visibility: hidden; } }
@media (max-width: 359px) { .screen { padding: 20px 16px; } .answer { padding: 12px 16px; } .mark { display: none; } }
@media (max-height: 420px) { .head { padding-block: 2px; } .mark { display: none; } .answer { padding-block: 8px; } .screen { padding-block: 12px; } }
@media (max-height: 300px) { :host, main, .body { overflow: auto; display: block; } .screen { overflow: visible; } }
@media (forced-colors: active) { .mark { border: 1px solid CanvasText; } }
`);
