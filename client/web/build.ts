/**
 * Builds what a browser gets into `build/web`: the launcher, the page of the room, and the list of both.
 *
 *     node build.ts [--out=FOLDER] [--tests | --desk]
 *
 * Names carry a hash of the bytes; there are no source maps; the same sources give the same bytes in any folder. A
 * part that is larger than its budget is a fault. With `--tests` the scripted pages of the tests are built instead, with
 * `--desk` the page of the desk, which the agent's own process serves.
 */

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { build, type Plugin } from "esbuild";

const HERE = import.meta.dirname;
const OUT = resolve(HERE, "../../build/web");
const TARGETS = ["chrome123", "firefox128", "safari18"];
/**
 * Bytes after gzip: what a page gets before the click, and what a room needs before the first text. The aim for the
 * room is 95 000; protocol and engine alone have 104 000 now, so this keeps it from growing.
 */
const BUDGETS: Readonly<Record<string, number>> = { launcher: 3_000, vault: 144_000 };
const HASH_HEX = 16;

/** What the host of the room sends with the page; `{relay}` and `{pages}` are the company's own. */
export const VAULT_HEADERS: Readonly<Record<string, string>> = {
  "Content-Security-Policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'none'",
    "img-src blob:",
    "connect-src 'self' {relay}",
    "worker-src 'self'",
    "frame-ancestors {pages}",
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types seal",
  ].join("; "),
  "Cross-Origin-Resource-Policy": "same-site",
  "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

export interface Part {
  /** The name of the file, with its hash. */
  readonly file: string;
  readonly bytes: Uint8Array;
}

/** Style sheets without line breaks and spaces that say nothing; they are texts, which a minifier leaves alone. */
const SHORT_SHEETS: Plugin = {
  name: "short sheets",
  setup(building) {
    building.onLoad({ filter: /packages\/\w+\/src\/.*\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, "utf8");
      if (!source.includes("sheet(`")) return null;
      return { contents: source.replace(/(?<=sheet\(`)[^`]*(?=`\))/gu, shortened), loader: "ts" };
    });
  },
};

function shortened(sheet: string): string {
  return sheet
    .replace(/\s+/gu, " ")
    .replace(/ ?([{};,]) ?/gu, "$1")
    .replace(/: /gu, ":")
    .replace(/;\}/gu, "}");
}

/** One module and all that it uses, as one file. */
export async function bundle(name: string, entry: string): Promise<Part> {
  const { outputFiles } = await build({
    absWorkingDir: HERE,
    bundle: true,
    charset: "utf8",
    entryPoints: [entry],
    format: "esm",
    legalComments: "none",
    logLevel: "error",
    minify: true,
    plugins: [SHORT_SHEETS],
    target: TARGETS,
    write: false,
  });
  const bytes = (outputFiles[0] as { contents: Uint8Array }).contents;
  return { file: `${name}-${hexOf(bytes)}.js`, bytes };
}

function hexOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, HASH_HEX);
}

/** What a page says of a file, so that a browser takes no other. */
export function integrity(bytes: Uint8Array): string {
  return `sha384-${createHash("sha384").update(bytes).digest("base64")}`;
}

/** The page that holds one module: no style and no script of its own. */
export function page(script: Part, title: string, worker = ""): Uint8Array {
  return new TextEncoder().encode(`<!doctype html>
<html lang="en" data-worker="${worker}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content">
<meta name="robots" content="noindex">
<title>${title}</title>
<script type="module" src="${script.file}" integrity="${integrity(script.bytes)}"></script>
<body></body>
</html>
`);
}

function gzipSize(bytes: Uint8Array): number {
  return gzipSync(bytes, { level: 9 }).length;
}

/** Sizes after gzip by part, and what is over its budget. */
export function weigh(parts: Readonly<Record<string, readonly Uint8Array[]>>): { report: string[]; faults: string[] } {
  const report: string[] = [];
  const faults: string[] = [];
  for (const [name, files] of Object.entries(parts)) {
    const size = files.reduce((sum, bytes) => sum + gzipSize(bytes), 0);
    const budget = BUDGETS[name] ?? 0;
    report.push(`${name}: ${size} of ${budget} bytes`);
    if (size > budget) faults.push(`${name} has ${size} bytes after gzip, more than ${budget}`);
  }
  return { report, faults };
}

function write(folder: string, files: Readonly<Record<string, Uint8Array | string>>): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
}

/** Launcher, page of the room, and `manifest.json`: names, hashes and headers. */
async function release(folder: string): Promise<readonly string[]> {
  const launcher = await bundle("launcher", "packages/widget/src/launcher.ts");
  const worker = await bundle("worker", "packages/client/src/work/worker.ts");
  const vault = await bundle("vault", "packages/widget/src/main.ts");
  const html = page(vault, "Sealroom", worker.file);
  const files = {
    [launcher.file]: launcher.bytes,
    [vault.file]: vault.bytes,
    [worker.file]: worker.bytes,
    "room.html": html,
  };
  const listed = Object.entries(files).map(([name, bytes]) => [name, integrity(bytes)]);
  const manifest = {
    launcher: launcher.file,
    vault: "room.html",
    files: Object.fromEntries(listed),
    headers: VAULT_HEADERS,
  };
  const { report, faults } = weigh({ launcher: [launcher.bytes], vault: [html, vault.bytes, worker.bytes] });
  write(folder, { ...files, "manifest.json": `${JSON.stringify(manifest, null, 2)}\n` });
  for (const line of report) console.log(line);
  return faults;
}

/** Pages with scripted backends, under the names that the tests know. */
async function forTests(folder: string): Promise<readonly string[]> {
  const entries = {
    window: "packages/ui/tests/page.ts",
    room: "packages/widget/tests/scripted_vault.ts",
    launcher: "packages/widget/src/launcher.ts",
  };
  const files: Record<string, Uint8Array> = {};
  for (const [name, entry] of Object.entries(entries)) {
    const { bytes } = await bundle(name, entry);
    files[`${name}.js`] = bytes;
    files[`${name}.html`] = page({ file: `${name}.js`, bytes }, name);
  }
  write(folder, { ...files, "headers.json": JSON.stringify(VAULT_HEADERS) });
  return [];
}

/** The page of the desk: what `sealroom desk` serves. */
async function desk(folder: string): Promise<readonly string[]> {
  const script = await bundle("desk", "packages/desk/src/main.ts");
  write(folder, { [script.file]: script.bytes, "index.html": page(script, "Sealroom") });
  return [];
}

async function main(options: readonly string[]): Promise<void> {
  const out = options.find((option) => option.startsWith("--out="));
  const isForTests = options.includes("--tests");
  const part = isForTests ? "tests" : options.includes("--desk") ? "desk" : "";
  const folder = out === undefined ? join(OUT, part) : resolve(out.slice("--out=".length));
  const faults = await (isForTests ? forTests(folder) : part === "desk" ? desk(folder) : release(folder));
  for (const fault of faults) console.error(fault);
  if (faults.length > 0 || !existsSync(folder)) process.exitCode = 1;
}

if (import.meta.main) await main(process.argv.slice(2));
