/** The field for writing. */
import { sheet } from "../dom.ts";

export const composerStyle: CSSStyleSheet = sheet(`
:host { display: block; padding: 8px 12px 12px; border-block-start: 1px solid var(--line); background: var(--surface); }
.frame { border: 1px solid var(--line-strong); border-radius: var(--radius); background: var(--surface); }
.frame:focus-within { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
.frame.over { border-style: dashed; background: var(--tint); }
.entry { display: flex; align-items: flex-end; padding: 2px; }
textarea { flex: 1; min-width: 0; min-height: 44px; max-height: min(180px, 32vh); padding: 10px 4px; border: 0; background: none;
  resize: none; font-size: max(1rem, 16px); line-height: 1.5; field-sizing: content; overflow-wrap: anywhere; }
.round[hidden] ~ textarea { margin-inline: 8px; }
.entry textarea:focus-visible { outline: 0; }
textarea::placeholder { color: var(--text-2); opacity: 1; }
.send { color: var(--accent); }
.send:not(:disabled) { background: var(--accent); color: var(--on-accent); }
.send:not(:disabled):hover { background: color-mix(in srgb, var(--accent) 88%, var(--text)); color: var(--on-accent); }
.entry .round { border-radius: calc(var(--radius) - 4px); }
:host([density="desk"]) .entry .round { margin: 4px; width: 36px; height: 36px; }
.context { display: flex; align-items: center; gap: 8px; margin: 6px 6px 0; padding: 2px 2px 2px 12px; border-radius: 8px;
  background: var(--surface-2); }
.context:dir(rtl) { padding: 2px 12px 2px 2px; }
.context > span { flex: 1; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.hint { display: grid; gap: 8px; margin-block-end: 8px; padding: 12px; border-radius: 10px; background: var(--warn-tint);
  border: 1px solid color-mix(in srgb, var(--warn) 40%, var(--surface)); animation: come var(--come); }
.hint p { display: flex; gap: 8px; }
.hint p .icon { margin-block-start: 2px; color: var(--warn); }
.hint .acts { display: flex; flex-wrap: wrap; gap: 8px; }
.fault { display: flex; gap: 8px; margin-block-end: 8px; color: var(--stop); }
.blocked { display: flex; align-items: center; justify-content: center; gap: 8px; min-height: 44px; color: var(--text-2); text-align: center; }
@media (forced-colors: active) { .frame:focus-within { outline: 2px solid Highlight; } .send:not(:disabled) {
  forced-color-adjust: none; background: ButtonText; color: ButtonFace; } }
@media (max-height: 420px) { :host { padding-block: 4px; } }
`);
