/** The list of messages. */
import { sheet } from "../dom.ts";

export const messagesStyle: CSSStyleSheet = sheet(`
:host { position: relative; display: flex; min-height: 0; flex: 1; flex-direction: column; }
.scroll { flex: 1; min-height: 0; overflow: auto; overflow-anchor: none; overscroll-behavior: contain;
  padding-inline: 16px; padding-block-end: 16px; scrollbar-width: thin; scrollbar-color: var(--line-strong) transparent; }
.scroll:focus-visible { outline-offset: -3px; }
.intro { padding-block: 20px 4px; }
.welcome { display: grid; gap: 12px; max-width: 34em; }
.readers { display: flex; gap: 8px; align-items: flex-start; text-wrap: pretty; } .readers .icon { margin-block-start: 1px; }
.row { contain: layout style; position: relative; display: flow-root; padding-block-start: 8px; scroll-margin: 16px; }
.row.first { padding-block-start: 16px; }
.row:focus-visible { outline: 0; }
.row:focus-visible .bubble { outline: 2px solid var(--accent); outline-offset: 2px; }
.day { display: flex; align-items: center; gap: 12px; padding-block: 16px 8px; }
.day::before, .day::after { content: ""; flex: 1; border-block-start: 1px solid var(--line); }
.who { display: flex; flex-wrap: wrap; align-items: center; gap: 0 8px; margin-block-end: 4px; padding-inline: 2px; }
.who b { color: var(--text); font-weight: 600; overflow-wrap: anywhere; }
.own .who { justify-content: flex-end; }
.bot { display: inline-flex; align-items: center; gap: 4px; padding-inline: 6px; border: 1px solid var(--line-strong);
  border-radius: 4px; color: var(--text-2); }
.line { display: flex; align-items: flex-end; gap: 4px; }
.own .line { flex-direction: row-reverse; }
.bubble { min-width: 0; max-width: min(34em, 84%); padding: 8px 12px; border-radius: var(--radius);
  border: 1px solid transparent; background: var(--surface-2); overflow-wrap: anywhere; }
.other.first .bubble { border-start-start-radius: 4px; }
.own .bubble { background: var(--tint); border-inline-end: 2px solid var(--accent); border-start-end-radius: 4px;
  border-end-end-radius: 4px; }
.come .bubble, .come .event { animation: come var(--come); }
.text { white-space: pre-wrap; unicode-bidi: plaintext; }
.gone { color: var(--text-2); font-style: italic; }
.quote { display: block; width: 100%; margin-block-end: 4px; padding: 2px 8px; border: 0;
  border-inline-start: 2px solid var(--line-strong); background: none; text-align: start; color: var(--text-2);
  font-size: 0.8125rem; line-height: 1.4; }
.quote > span { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; }
.tags { display: flex; flex-wrap: wrap; gap: 0 8px; margin-block-start: 4px; }
.tag { display: inline-flex; align-items: center; gap: 4px; }
.side { display: flex; flex: none; align-items: center; gap: 2px; min-height: 32px; opacity: 0; }
.own .side { flex-direction: row-reverse; }
.row:hover .side, .row:focus-within .side, .side:has([aria-expanded="true"]) { opacity: 1; }
@media (hover: none) {
  .side { position: relative; min-width: var(--target); opacity: 1; }
  .side time { position: absolute; inset-block-end: 100%; inset-inline: 0; text-align: center; opacity: 0; }
  .row:focus-within .side time { opacity: 1; }
}
.quote, .state .plain { min-height: var(--target); }
.state { display: flex; flex-wrap: wrap; align-items: center; justify-content: flex-end; gap: 4px 8px;
  margin-block-start: 4px; padding-inline: 2px; }
.state .word { display: inline-flex; align-items: center; gap: 4px; }
.delivered .word { color: var(--good); }
.failed .word { color: var(--stop); font-weight: 600; }
.event { display: flex; align-items: flex-start; justify-content: center; gap: 8px; padding: 4px 8px; }
.event.warn { color: var(--warn); }
.choices { display: flex; flex-wrap: wrap; gap: 8px; margin-block-start: 8px; }
.choices .button { background: var(--surface); }
.chosen { display: flex; align-items: center; gap: 4px; margin-block-start: 4px; font-weight: 600; }
.file { display: grid; grid-template-columns: auto minmax(0, 1fr); align-items: center; gap: 4px 12px; min-width: min(15em, 100%); }
.file > .icon { width: 1.5rem; height: 1.5rem; color: var(--text-2); }
.file .name { font-weight: 600; }
.file .acts { grid-column: 2; display: flex; flex-wrap: wrap; gap: 8px; margin-block-start: 4px; }
.file .failing { grid-column: 2; color: var(--stop); }
.moving { grid-column: 2; }
.until { color: var(--warn); }
progress { display: block; width: 100%; height: 6px; border: 0; border-radius: 3px; background: var(--surface-3);
  overflow: hidden; appearance: none; }
progress::-webkit-progress-bar { background: var(--surface-3); }
progress::-webkit-progress-value { background: var(--accent); }
progress::-moz-progress-bar { background: var(--accent); }
.preview { display: block; max-width: 100%; max-height: 240px; margin-block-end: 8px; border-radius: 8px; }
.jump { position: absolute; inset-block-end: 12px; inset-inline: 0; margin-inline: auto; width: fit-content;
  box-shadow: var(--shadow); animation: come var(--come); border-radius: 22px; }
@media (forced-colors: active) {
  .bubble { border-color: CanvasText; } .own .bubble { border-inline-end: 4px solid Highlight; }
  progress { border: 1px solid CanvasText; forced-color-adjust: none; background: Canvas; }
  progress::-webkit-progress-bar { background: Canvas; }
  progress::-webkit-progress-value { background: Highlight; } progress::-moz-progress-bar { background: Highlight; }
}
@media (max-width: 340px) { .scroll { padding-inline: 12px; } .bubble { max-width: 88%; } .side time { display: none; } }
`);
