/** Files that are chosen, above the field for writing. */
import { sheet } from "../dom.ts";

export const chosenStyle: CSSStyleSheet = sheet(`
.chosen { display: grid; gap: 4px; margin: 6px 6px 4px; padding: 0; list-style: none; max-height: 40vh; overflow-y: auto; }
.chosen li { display: grid; grid-template-columns: auto minmax(0, 1fr) auto; align-items: center; gap: 0 8px;
  padding: 6px 2px 6px 12px; border-radius: 8px; background: var(--surface-2); }
.chosen li:dir(rtl) { padding: 6px 12px 6px 2px; }
.chosen .name { font-weight: 600; overflow-wrap: anywhere; }
.chosen label { display: flex; align-items: center; gap: 8px; min-height: var(--target); color: var(--text); }
.chosen input { width: 20px; height: 20px; margin: 0; accent-color: var(--accent); }
.chosen > li > .icon { color: var(--text-2); }
`);
