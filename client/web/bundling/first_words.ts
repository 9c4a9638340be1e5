/** Words that the first part of a page shows come with it: those that it names are in its table. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Metafile } from "esbuild";
import { FIRST_WORDS } from "../packages/ui/src/words_first.ts";
import type { Part } from "./bundles.ts";

const WORKSPACE = join(import.meta.dirname, "..");
const NAMED = /\bwords(?:\.count)?\(\s*(["`])([a-z.-]+)/gu;

/** What the modules of some files name beyond the table of the first words; each is a fault. */
export function strayWords(metafile: Metafile, files: readonly Part[]): readonly string[] {
  const modules = files.flatMap(({ path }) =>
    Object.keys((metafile.outputs[path] as Metafile["outputs"][string]).inputs),
  );
  return modules.filter((one) => one.startsWith("packages/")).flatMap(strayIn);
}

function strayIn(module: string): readonly string[] {
  const known = Object.keys(FIRST_WORDS);
  const isKnown = (quote: string, key: string) =>
    quote === "`" ? known.some((one) => one.startsWith(key)) : known.includes(key);
  return [...readFileSync(join(WORKSPACE, module), "utf8").matchAll(NAMED)]
    .filter(([, quote, key]) => !isKnown(quote as string, key as string))
    .map(([, , key]) => `${module} shows ${key}, whose words come later`);
}
