/** Pages that hold modules: no style and no script of their own, and the hash of each file that they let in. */

import { createHash } from "node:crypto";
import type { PartList } from "../packages/ui/src/part.ts";
import { named, type Part, type Split } from "./bundles.ts";

/** What a page says of a file, so that a browser takes no other. */
export function integrity(bytes: Uint8Array): string {
  return `sha384-${createHash("sha384").update(bytes).digest("base64")}`;
}

/** The page of one module. */
export function page(script: Part, title: string): Uint8Array {
  return html(title, scriptOf(script));
}

/** How a room keeps and whose it is, until a site is written for a company (CNS-84). */
const OWN = ' data-storage="device" data-linkable="no" data-account=""';

/** The page of a script with parts: what it uses at once is fetched beside it; some parts are named, and a list. */
export function splitPage(
  { script, shared, parts }: Split,
  atOnce: readonly string[],
  list: Part,
  title: string,
): Uint8Array {
  const named = [
    ...atOnce.flatMap((name) => parts[name]?.map((one) => [name, one] as const) ?? []),
    ["parts", list] as const,
  ];
  const links = named.map(([name, one]) => `<link rel="part" data-part="${name}" ${addressOf("href", one)}>`);
  const beside = shared.map((one) => `<link rel="modulepreload" ${addressOf("href", one)}>`);
  return html(title, [...beside, ...links, scriptOf(script)].join("\n"), OWN);
}

/** The list of the other parts; a module, since what is no script has no hash of its own in a page. */
export function partList({ parts }: Split, except: readonly string[]): Part {
  const later = Object.entries(parts).filter(([name]) => !except.includes(name));
  const files = new Map(later.flatMap(([, of]) => of.map((one) => [one.file, one] as const)));
  const namesOf = (file: string) => later.filter(([, of]) => of.some((one) => one.file === file)).map(([name]) => name);
  const list: PartList = [...files.values()].map(({ file, bytes }) => [file, integrity(bytes), namesOf(file)]);
  return named("parts", new TextEncoder().encode(`export const PARTS=${JSON.stringify(list)}`));
}

function scriptOf(script: Part): string {
  return `<script type="module" ${addressOf("src", script)}></script>`;
}

function addressOf(attribute: "src" | "href", { file, bytes }: Part): string {
  return `${attribute}="${file}" integrity="${integrity(bytes)}"`;
}

function html(title: string, head: string, own = ""): Uint8Array {
  return new TextEncoder().encode(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content">
<meta name="robots" content="noindex">
<title>${title}</title>
${head}
<body${own}></body>
</html>
`);
}
