/** Files that a person has chosen and not sent yet: each can be taken back, an image without what it says of its place. */

import { icon } from "./all_icons.ts";
import type { FileChoice } from "./backend.ts";
import { h, replace } from "./dom.ts";
import { codeOfProblem, faultOf } from "./file_fault.ts";

import { clockOf } from "./times.ts";
import type { Words } from "./words.ts";

export { chosenStyle } from "./styles/chosen.ts";

const MOST = 10;
/** Images from which metadata are removed; of others, and of recordings, they are not. */
const STRIPPED = /\.(?:jpe?g|png|webp)$/i;
const KEEPING = /\.(?:heic|heif|tiff?|avif|mp4|m4v|m4a|mov)$/i;

export interface ChosenOptions {
  readonly words: Words;
  /** What is chosen is another. */
  changed(): void;
  complain(text: string): void;
  sendFile(file: File, choice: FileChoice): Promise<void>;
}

export interface ChosenFiles {
  readonly element: HTMLElement;
  count(): number;
  add(files: readonly File[], maxFileB: number): void;
  /** Send one after the other; whether all were. What was not stays, and why is said. */
  send(): Promise<boolean>;
}

interface One {
  readonly file: File;
  readonly row: HTMLElement;
  readonly strip: HTMLInputElement | null;
}

export function chosenFiles({ words, changed, complain, sendFile }: ChosenOptions): ChosenFiles {
  const clock = clockOf(words.locale);
  const element = h("ul", { class: "chosen", "aria-label": words("composer.chosen") });
  let chosen: readonly One[] = [];
  let maxB = 0;

  function show(next: readonly One[]): void {
    chosen = next;
    replace(element, ...chosen.map(({ row }) => row));
    element.hidden = chosen.length === 0;
    changed();
  }

  function rowOf(file: File): One {
    const { name } = file;
    const strip = STRIPPED.test(name) ? h("input", { type: "checkbox", checked: true }) : null;
    const about = h("div", null, h("div", { class: "name", dir: "auto" }, name));
    about.append(h("div", { class: "meta" }, clock.size(file.size)));
    if (strip !== null) about.append(h("label", { class: "meta" }, strip, words("composer.strip")));
    else if (KEEPING.test(name)) about.append(h("div", { class: "meta" }, words("composer.keeps")));
    const label = words("composer.unchoose", { name });
    const drop = h("button", { class: "round", type: "button", "aria-label": label, title: label }, icon("close"));
    const one = { file, strip, row: h("li", null, icon("file"), about, drop) };
    drop.addEventListener("click", () => show(chosen.filter((other) => other !== one)));
    return one;
  }

  function add(files: readonly File[], maxFileB: number): void {
    maxB = maxFileB;
    const fitting = files.filter((file) => file.size <= maxFileB);
    if (fitting.length < files.length) complain(words("composer.too-large", { size: clock.size(maxFileB) }));
    const room = MOST - chosen.length;
    if (fitting.length > room) complain(words("composer.too-many", { n: MOST }));
    show([...chosen, ...fitting.slice(0, room).map(rowOf)]);
  }

  async function send(): Promise<boolean> {
    for (const one of chosen) {
      try {
        await sendFile(one.file, { removeMetadata: one.strip?.checked ?? false });
      } catch (problem) {
        complain(`${one.file.name}: ${faultOf(codeOfProblem(problem), words, clock.size(maxB))}`);
        return false;
      }
      show(chosen.filter((other) => other !== one));
    }
    return true;
  }

  show([]);
  return { element, count: () => chosen.length, add, send };
}
