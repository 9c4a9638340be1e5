/** Pages that hold modules: no style and no script of their own, and the hash of each file that they let in. */

import { createHash } from "node:crypto";
import type { Part, Split } from "./bundles.ts";

/** What a page says of a file, so that a browser takes no other. */
export function integrity(bytes: Uint8Array): string {
  return `sha384-${createHash("sha384").update(bytes).digest("base64")}`;
}

/** The page of one module. */
export function page(script: Part, title: string): Uint8Array {
  return html(title, scriptOf(script));
}

/** The page of a script with parts: those that it uses at once are fetched beside it, the others are named. */
export function splitPage({ script, shared, parts }: Split, title: string): Uint8Array {
  const files = Object.values(parts).flat();
  const later = [...new Map(files.map((one) => [one.file, one])).values()].map((one) => {
    const names = Object.keys(parts).filter((name) => parts[name]?.some(({ file }) => file === one.file));
    return `<link rel="part" data-part="${names.join(" ")}" ${addressOf("href", one)}>`;
  });
  const beside = shared.map((one) => `<link rel="modulepreload" ${addressOf("href", one)}>`);
  return html(title, [...beside, ...later, scriptOf(script)].join("\n"));
}

function scriptOf(script: Part): string {
  return `<script type="module" ${addressOf("src", script)}></script>`;
}

function addressOf(attribute: "src" | "href", { file, bytes }: Part): string {
  return `${attribute}="${file}" integrity="${integrity(bytes)}"`;
}

function html(title: string, head: string): Uint8Array {
  return new TextEncoder().encode(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content">
<meta name="robots" content="noindex">
<title>${title}</title>
${head}
<body></body>
</html>
`);
}
