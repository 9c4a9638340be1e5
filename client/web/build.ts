/**
 * Builds what a browser gets into `build/web`: the launcher, the page of the room, and the list of both.
 *
 *     node build.ts [--out=FOLDER] [--tests | --desk]
 *
 * Names carry a hash of the bytes; there are no source maps; the same sources give the same bytes in any folder. What
 * the room does not need until a text can be sent is in parts of its own. A page that is larger than its budget is a
 * fault. With `--tests` the scripted pages of the tests are built instead, with `--desk` the page of the desk, which
 * the agent's own process serves.
 */

import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { bundle, type Part, split } from "./bundling/bundles.ts";
import { integrity, page, splitPage } from "./bundling/pages.ts";
import { VAULT_HEADERS } from "./bundling/settings.ts";
import { gzipSize, weigh } from "./bundling/sizes.ts";

const OUT = resolve(import.meta.dirname, "../../build/web");
const LANGUAGES = ["de", "en"];

type Files = Record<string, Uint8Array | string>;

function write(folder: string, files: Readonly<Files>): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
}

/** Launcher, page of the room with its parts, and `manifest.json`: names, hashes and headers. */
async function release(folder: string): Promise<readonly string[]> {
  const launcher = await bundle("launcher", "packages/widget/src/launcher.ts");
  const room = await split("vault", "packages/widget/src/main.ts", "packages/client/src/work/worker.ts");
  const html = splitPage(room, "Sealroom");
  const { [LANGUAGES[0] as string]: german = [], [LANGUAGES[1] as string]: english = [], ...later } = room.parts;
  const first = [room.script, ...room.shared, room.worker];
  const rest = [...new Set(Object.values(later).flat())];
  const files: Record<string, Uint8Array> = Object.fromEntries(
    [launcher, ...first, ...german, ...english, ...rest].map(({ file, bytes }) => [file, bytes]),
  );
  files["room.html"] = html;
  const manifest = {
    launcher: launcher.file,
    vault: "room.html",
    files: Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, integrity(bytes)])),
    headers: VAULT_HEADERS,
  };
  const bytesOf = (parts: readonly Part[]) => parts.map(({ bytes }) => bytes);
  const { report, faults } = weigh({
    launcher: [launcher.bytes],
    vault: [html, ...bytesOf(first), ...larger(bytesOf(german), bytesOf(english))],
    ...Object.fromEntries(Object.entries(later).map(([name, parts]) => [`later, ${name}`, bytesOf(parts)])),
  });
  write(folder, { ...files, "manifest.json": `${JSON.stringify(manifest, null, 2)}\n` });
  for (const line of report) console.log(line);
  return faults;
}

function larger(a: readonly Uint8Array[], b: readonly Uint8Array[]): readonly Uint8Array[] {
  const size = (files: readonly Uint8Array[]) => files.reduce((sum, bytes) => sum + gzipSize(bytes), 0);
  return size(a) >= size(b) ? a : b;
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
