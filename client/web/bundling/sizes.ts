/** How large things are after gzip, and what is over its budget. */

import { gzipSync } from "node:zlib";
import type { Metafile } from "esbuild";
import type { Part } from "./bundles.ts";
import { BUDGETS } from "./settings.ts";

export function gzipSize(bytes: Uint8Array): number {
  return gzipSync(bytes, { level: 9 }).length;
}

/** Sizes after gzip by part, and what is over its budget. */
export function weigh(parts: Readonly<Record<string, readonly Uint8Array[]>>): { report: string[]; faults: string[] } {
  const report: string[] = [];
  const faults: string[] = [];
  for (const [name, files] of Object.entries(parts)) {
    const size = files.reduce((sum, bytes) => sum + gzipSize(bytes), 0);
    const budget = BUDGETS[name];
    report.push(budget === undefined ? `${name}: ${size} bytes` : `${name}: ${size} of ${budget} bytes`);
    if (budget !== undefined && size > budget) {
      faults.push(`${name} has ${size} bytes after gzip, more than ${budget}`);
    }
  }
  return { report, faults };
}

/** What the bytes of some files are, by groups of modules: each group has of a file's gzip its share of the text. */
export function composition(metafile: Metafile, files: readonly Part[]): readonly (readonly [string, number])[] {
  const sizes = new Map<string, number>();
  for (const { bytes, path } of files) {
    const inputs = Object.entries((metafile.outputs[path] as Metafile["outputs"][string]).inputs);
    const perByte = gzipSize(bytes) / inputs.reduce((sum, [, { bytesInOutput }]) => sum + bytesInOutput, 0);
    for (const [module, { bytesInOutput }] of inputs) {
      const group = groupOf(module);
      sizes.set(group, (sizes.get(group) ?? 0) + bytesInOutput * perByte);
    }
  }
  return [...sizes].sort(([, a], [, b]) => b - a);
}

const GROUPS: readonly (readonly [modules: RegExp, group: string])[] = [
  [/@noble\/hashes\//u, "library: SHA-2, SHA-3, BLAKE2b, HKDF (@noble/hashes)"],
  [/@noble\/ciphers\//u, "library: ChaCha20-Poly1305 (@noble/ciphers)"],
  [/@noble\/(post-quantum|curves\/abstract\/fft)/u, "library: ML-KEM (@noble/post-quantum)"],
  [/@noble\//u, "library: Ed25519, X25519 (@noble/ed25519, @noble/curves)"],
  [/core\/src\/(rooms|consent|company)\//u, "protocol: rooms, consent, company"],
  [/core\/src\//u, "protocol: identity, sessions, encoding"],
  [/client\/src\/engine\/rooms\//u, "engine: rooms"],
  [/client\/src\/engine\//u, "engine: sessions, relay, company"],
  [/client\/src\/(store|tabs|link|work)\//u, "browser: store, tabs, connections, proof of work"],
  [/client\/src\//u, "the room for its screen"],
  [/ui\/src\/languages\//u, "words of one language"],
  [/ui\/src\/styles\//u, "style sheets"],
  [/(ui|widget)\/src\//u, "components, page"],
];

function groupOf(module: string): string {
  return GROUPS.find(([modules]) => modules.test(module))?.[1] ?? "other";
}

/** The table of the documentation, in tenths of a kB. */
export function table(rows: readonly (readonly [string, number])[]): string {
  const all = rows.reduce((sum, [, size]) => sum + size, 0);
  const lines = [...rows, ["all" as string, all] as const].map(([name, size]) => `| ${name} | ${kilobytes(size)} |`);
  return ["| Part | kB after gzip |", "| --- | --: |", ...lines].join("\n");
}

function kilobytes(size: number): string {
  return (size / 1_000).toFixed(1);
}
