/** How large things are after gzip, and what is over its budget. */

import { gzipSync } from "node:zlib";
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
