/** Colours, type and space as tokens; every other sheet uses nothing else. */
import { sheet } from "../dom.ts";

export const tokens: CSSStyleSheet = sheet(`
:host {
  color-scheme: light dark;
  --surface: light-dark(#ffffff, #14171c);
  --surface-2: light-dark(#f5f6f8, #1c2027);
  --surface-3: light-dark(#eceef2, #262b34);
  --line: light-dark(#dde1e7, #323843);
  --line-strong: light-dark(#7b8594, #78828f);
  --text: light-dark(#14171c, #eef1f5);
  --text-2: light-dark(#5a6472, #a5afbd);
  --accent: light-dark(#1f5fbf, #7fb2ff);
  --on-accent: light-dark(#ffffff, #0b1a30);
  --good: light-dark(#1b7f4b, #5bd08f);
  --warn: light-dark(#8a5800, #f2b84b);
  --stop: light-dark(#b3261e, #ff8a80);
  --tint: color-mix(in srgb, var(--accent) 7%, var(--surface));
  --warn-tint: color-mix(in srgb, var(--warn) 9%, var(--surface));
  --stop-tint: color-mix(in srgb, var(--stop) 8%, var(--surface));
  --shadow: 0 1px 2px rgb(15 20 30 / 8%), 0 8px 28px rgb(15 20 30 / 16%);
  --radius: 12px;
  --radius-control: 8px;
  --target: 44px;
  --font: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif;
  --come: 120ms ease-out;
  font: 400 1rem/1.5 var(--font);
  color: var(--text);
  -webkit-text-size-adjust: 100%;
  text-size-adjust: 100%;
}
:host([density="desk"]) { --target: 32px; }
@media (prefers-reduced-motion: reduce) { :host { --come: 0s; } }
`);

export const base: CSSStyleSheet = sheet(`
*, *::before, *::after { box-sizing: border-box; }
:dir(rtl) > .icon.turns { scale: -1 1; }
[hidden] { display: none !important; }
h1, h2, h3, p, ul, ol, dl, dd, dt, fieldset, legend { margin: 0; padding: 0; border: 0; font: inherit; }
ul, ol { list-style: none; }
h1, h2, .title { font-size: 1.25rem; line-height: 1.4; font-weight: 600; text-wrap: balance; overflow-wrap: anywhere; }
h3, .heading { font-size: 1rem; line-height: 1.5; font-weight: 600; }
.meta { font-size: 0.8125rem; line-height: 1.4; color: var(--text-2); font-variant-numeric: tabular-nums; }
.icon { width: 1.25rem; height: 1.25rem; flex: none; fill: none; stroke: currentColor; stroke-width: 1.5;
  stroke-linecap: round; stroke-linejoin: round; }
.small .icon, .meta .icon { width: 1rem; height: 1rem; }
:is(button, a, input, textarea, select, summary, [tabindex]):focus-visible {
  outline: 2px solid var(--accent); outline-offset: 2px; }
a { color: var(--accent); text-underline-offset: 0.15em; text-decoration-thickness: 1px; overflow-wrap: anywhere; }
a:hover { text-decoration-thickness: 2px; }
button, input, textarea, select { font: inherit; color: inherit; }
button { cursor: pointer; }
button:disabled { cursor: default; opacity: 0.55; }
.button { display: inline-flex; align-items: center; justify-content: center; gap: 8px; min-height: var(--target);
  padding: 8px 16px; border: 1px solid var(--line-strong); border-radius: var(--radius-control);
  background: var(--surface); font-weight: 600; text-align: center; text-decoration: none; color: var(--text); }
.button:hover:not(:disabled) { background: var(--surface-2); }
.button:active:not(:disabled) { background: var(--surface-3); }
.button.main { border-color: var(--accent); background: var(--accent); color: var(--on-accent); }
.button.main:hover:not(:disabled) { background: color-mix(in srgb, var(--accent) 88%, var(--text)); }
.button.stop { border-color: var(--stop); color: var(--stop); }
small { display: block; font-size: 0.8125rem; color: var(--text-2); }
.button.small { padding: 4px 12px; font-size: 0.875rem; }
.plain { border: 0; padding: 4px; background: none; color: var(--accent); font-weight: 600; border-radius: 4px; }
.plain:hover { text-decoration: underline; }
.round { display: inline-grid; place-items: center; flex: none; width: var(--target); height: var(--target); padding: 0;
  border: 0; border-radius: var(--radius-control); background: transparent; color: var(--text-2); }
.round:hover:not(:disabled) { background: var(--surface-2); color: var(--text); }
.round[aria-expanded="true"] { background: var(--surface-3); color: var(--text); }
.field { width: 100%; min-height: var(--target); padding: 8px 12px; border: 1px solid var(--line-strong);
  border-radius: var(--radius-control); background: var(--surface); font-size: max(1rem, 16px); }
.field:focus-visible { outline-offset: -1px; border-color: var(--accent); }
.unseen { position: absolute; width: 1px !important; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@keyframes come { from { opacity: 0; transform: translateY(4px); } }
@media (forced-colors: active) {
  .button.main { forced-color-adjust: none; background: ButtonText; color: ButtonFace; border-color: ButtonText; }
  :is(button, a, input, textarea, select, summary, [tabindex]):focus-visible { outline-color: Highlight; }
}
`);
