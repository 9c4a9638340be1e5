/**
 * Builds what a browser gets into `build/web`: the launcher, the page of the room, and the list of both.
 *
 *     node build.ts [--out=FOLDER] [--anew] [--sizes | --tests | --desk]
 *
 * Names carry a hash of the bytes; there are no source maps; the same sources give the same bytes in any folder. What
 * the room does not need until a text can be sent is in parts of its own. A page that is larger than its budget is a
 * fault; `--sizes` says what its bytes are. With `--tests` the scripted pages of the tests are built instead, with
 * `--desk` the page of the desk, which the agent's own process serves. What the minifier made of the same text before is
 * taken from `node_modules/.cache`; with `--anew` nothing is.
 */

import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { bundle, type Part, split } from "./bundling/bundles.ts";
import { strayWords } from "./bundling/first_words.ts";
import { thirdPartyNotices } from "./bundling/notices.ts";
import { integrity, page, partList, splitPage } from "./bundling/pages.ts";
import { VAULT_HEADERS } from "./bundling/settings.ts";
import { composition, gzipSize, table, weigh } from "./bundling/sizes.ts";

const OUT = resolve(import.meta.dirname, "../../build/web");
const LANGUAGES = ["de", "en"];

type Files = Record<string, Uint8Array | string>;

function write(folder: string, files: Readonly<Files>): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
}

/** Launcher, page of the room with its parts, and `manifest.json`: names, hashes and headers. */
async function release(folder: string, saysSizes: boolean): Promise<readonly string[]> {
  const launcher = await bundle("launcher", "packages/widget/src/launcher.ts");
  const room = await split("vault", "packages/widget/src/main.ts");
  const list = partList(room, LANGUAGES);
  const html = splitPage(room, LANGUAGES, list, "Sealroom");
  const first = [room.script, ...room.shared, ...largest(LANGUAGES.map((one) => room.parts[one] ?? []))];
  const every = [launcher, list, room.script, ...room.shared, ...Object.values(room.parts).flat()];
  const files: Record<string, Uint8Array> = {
    ...Object.fromEntries(every.map(({ file, bytes }) => [file, bytes])),
    "room.html": html,
    "third-party.txt": new TextEncoder().encode(thirdPartyNotices()),
  };
  const manifest = {
    launcher: launcher.file,
    vault: "room.html",
    files: Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, integrity(bytes)])),
    headers: VAULT_HEADERS,
  };
  write(folder, { ...files, "manifest.json": `${JSON.stringify(manifest, null, 2)}\n` });
  const later = Object.entries(room.parts).filter(([name]) => !LANGUAGES.includes(name));
  const { report, faults } = weigh({
    launcher: [launcher.bytes],
    vault: [html, ...bytesOf(first)],
    "later, list of parts": [list.bytes],
    ...Object.fromEntries(later.map(([name, parts]) => [`later, ${name}`, bytesOf(parts)])),
  });
  const rows = [...composition(room.metafile, first), ["page", gzipSize(html)] as const];
  for (const line of saysSizes ? [table(rows)] : report) console.log(line);
  return [...faults, ...strayWords(room.metafile, first)];
}

function bytesOf(parts: readonly Part[]): readonly Uint8Array[] {
  return parts.map(({ bytes }) => bytes);
}

/** Of the languages the one with the most bytes. */
function largest(languages: readonly (readonly Part[])[]): readonly Part[] {
  const size = (parts: readonly Part[]) => bytesOf(parts).reduce((sum, bytes) => sum + gzipSize(bytes), 0);
  return languages.reduce((best, one) => (size(one) > size(best) ? one : best));
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
    files[`${name}.html`] = page({ file: `${name}.js`, path: "", bytes }, name);
  }
  write(folder, { ...files, "headers.json": JSON.stringify(VAULT_HEADERS) });
  return [];
}

/** The page of the desk: what `sealroom desk` serves. */
async function desk(folder: string): Promise<readonly string[]> {
  const script = await bundle("desk", "packages/desk/src/main.ts");
  const notices = thirdPartyNotices();
  write(folder, { [script.file]: script.bytes, "index.html": page(script, "Sealroom"), "third-party.txt": notices });
  return [];
}

async function main(options: readonly string[]): Promise<void> {
  const out = options.find((option) => option.startsWith("--out="));
  const isForTests = options.includes("--tests");
  const part = isForTests ? "tests" : options.includes("--desk") ? "desk" : "";
  const folder = out === undefined ? join(OUT, part) : resolve(out.slice("--out=".length));
  const faults = await (isForTests
    ? forTests(folder)
    : part === "desk"
      ? desk(folder)
      : release(folder, options.includes("--sizes")));
  for (const fault of faults) console.error(fault);
  if (faults.length > 0 || !existsSync(folder)) process.exitCode = 1;
}

if (import.meta.main) await main(process.argv.slice(2));
