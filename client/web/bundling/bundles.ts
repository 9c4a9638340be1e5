/** Modules and all that they use, as files whose names carry a hash of the bytes. */

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type BuildOptions, build, type Metafile, type OutputFile, type Plugin } from "esbuild";
import { type MinifyOptions, minify } from "terser";
import { FIRST_WORDS } from "../packages/ui/src/words_first.ts";
import { ROOM_WORDS } from "../packages/ui/src/words_room.ts";
import { TARGETS } from "./settings.ts";

const WORKSPACE = join(import.meta.dirname, "..");
const OUT = "out";
const HASH_HEX = 16;
const LANGUAGES = ["de", "en"];
const TERSER: MinifyOptions = { module: true, ecma: 2020, compress: { passes: 2 } };
/** What terser made of a text: its work is nine tenths of a build, and few texts change between two. */
const KEPT = join(WORKSPACE, "node_modules/.cache/terser");
const IS_ANEW = process.argv.includes("--anew");
const SOURCES = /packages\/\w+\/src\/.*\.ts$/;

export interface Part {
  /** The name of the file, with its hash. */
  readonly file: string;
  /** Its name in the list of esbuild. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** The files of a page that is fetched in parts. */
export interface Split {
  readonly script: Part;
  /** What the script uses from the first line on, which other parts use too. */
  readonly shared: readonly Part[];
  /** By the name of the part: its files, beyond those above. */
  readonly parts: Readonly<Record<string, readonly Part[]>>;
  readonly metafile: Metafile;
}

/** Texts, which a minifier leaves alone: style sheets without what says nothing, errors by their codes alone. */
const SHORT_TEXTS: Plugin = {
  name: "short texts",
  setup(building) {
    building.onLoad({ filter: SOURCES }, ({ path }) => ({ contents: shortTexts(path), loader: "ts" }));
  },
};

function shortTexts(path: string): string {
  return withoutSentences(withShortSheets(readFileSync(path, "utf8")));
}

function withShortSheets(source: string): string {
  return source.replace(/(?<=sheet\(`)[^`]*(?=`\))/gu, shortened);
}

/** What an error says beside its code is for who reads the sources; the code is in the registry. */
function withoutSentences(source: string): string {
  return source
    .replace(/((?:new (?:Remote|Local|Store|Client|Door)Error|fault)\(\s*"[a-z_.]+"),\s*"[^"]*"/gu, '$1, ""')
    .replace(/\b(notAccepted|refused|misuse)\("[^"]*"\)/gu, '$1("")')
    .replace(/\b(Object\.assign\(new Error\()"[^"]*"\)/gu, "$1)")
    .replace(/\b(check(?:Identity)?\([^;]*?), "[^"]*"\);/gu, '$1, "");');
}

/** The tables of words have all languages side by side; a part of one language holds its column of one table alone. */
const ONE_LANGUAGE: Plugin = {
  name: "one language",
  setup(building) {
    building.onLoad({ filter: /ui\/src\/languages\/\w+\.ts$/ }, ({ path }) => {
      const [language, rest] = basename(path, ".ts").split("_");
      const column = LANGUAGES.indexOf(language ?? "");
      if (column < 0) return null;
      const words = Object.entries(rest === "rest" ? ROOM_WORDS : FIRST_WORDS).map(([key, pair]) => [
        key,
        pair[column],
      ]);
      return { contents: `export const SENTENCES = ${JSON.stringify(Object.fromEntries(words))}`, loader: "js" };
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

const COMMON = {
  absWorkingDir: WORKSPACE,
  bundle: true,
  charset: "utf8",
  format: "esm",
  legalComments: "none",
  logLevel: "error",
  minify: true,
  plugins: [ONE_LANGUAGE, SHORT_TEXTS],
  target: TARGETS,
} satisfies BuildOptions;

/** One module and all that it uses, as one file. */
export async function bundle(name: string, entry: string): Promise<Part> {
  const { outputFiles } = await build({ ...COMMON, entryPoints: [entry], write: false });
  return named(name, new TextEncoder().encode(await small(outputFiles[0] as OutputFile)));
}

/** A file of esbuild, made small by terser: it puts functions that are called once where they are called. */
async function small({ text }: OutputFile): Promise<string> {
  const lock = readFileSync(join(WORKSPACE, "package-lock.json"), "utf8");
  const kept = join(KEPT, hash([JSON.stringify(TERSER), lock, text].join("\n")));
  if (!IS_ANEW && existsSync(kept)) return readFileSync(kept, "utf8");
  const { code = "" } = await minify(text, structuredClone(TERSER)); // which it changes
  mkdirSync(KEPT, { recursive: true });
  const whole = `${kept}.${process.pid}`;
  writeFileSync(whole, code);
  renameSync(whole, kept);
  return code;
}

export function named(name: string, bytes: Uint8Array): Part {
  return { file: `${name}-${hash(bytes)}.js`, path: "", bytes };
}

function hash(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, HASH_HEX);
}

/**
 * A part that is fetched later asks for the page's script first, which is there: what both use stands in one file with
 * the script, and not in a file for each combination of parts that share it.
 */
function afterScript(script: string): Plugin {
  const parts = new Set<string>();
  return {
    name: "after the script",
    setup(building) {
      building.onResolve({ filter: /./ }, async ({ path, kind, pluginData, ...rest }) => {
        if (kind !== "dynamic-import" || pluginData === parts) return null;
        const found = await building.resolve(path, { ...rest, kind, pluginData: parts });
        parts.add(found.path);
        return found;
      });
      building.onLoad({ filter: SOURCES }, ({ path }) => {
        if (!parts.has(path)) return null;
        return { contents: `import ${JSON.stringify(join(WORKSPACE, script))};${shortTexts(path)}`, loader: "ts" };
      });
    },
  };
}

/** A page's script and the parts that it fetches later, each named as its module. */
export async function split(name: string, script: string): Promise<Split> {
  const { outputFiles, metafile } = await build({
    ...COMMON,
    chunkNames: "[name]-[hash]",
    entryNames: "[name]-[hash]",
    entryPoints: { [name]: script },
    metafile: true,
    outdir: OUT,
    plugins: [ONE_LANGUAGE, afterScript(script), SHORT_TEXTS],
    splitting: true,
    write: false,
  });
  const entries = new Map(Object.entries(metafile.outputs).map(([path, { entryPoint }]) => [entryPoint, path]));
  const first = closure(metafile, entries.get(script) as string).filter((path) => holdsAnything(metafile, path));
  const texts = new Map(
    await Promise.all(outputFiles.map(async (one) => [basename(one.path), await small(one)] as const)),
  );
  const built = withOwnNames(metafile, texts);
  const files = renamed(metafile, built, (path) => (path === first[0] ? name : stemOf(path)));
  const fileOf = (path: string): Part => files.get(path) as Part;
  const later = [...entries].filter(([entry]) => entry !== undefined && entry !== script);
  const parts = later.map(([entry, path]) => {
    const beyond = closure(metafile, path).filter((one) => !first.includes(one));
    return [basename(entry as string, ".ts"), beyond.map(fileOf)] as const;
  });
  return {
    script: fileOf(first[0] as string),
    shared: first.slice(1).map(fileOf),
    parts: Object.fromEntries(parts.sort(([a], [b]) => (a < b ? -1 : 1))),
    metafile,
  };
}

/**
 * Files by their paths in the list of esbuild, whose own hashes depend on the folder, under names of their bytes and of
 * those of all that they name: parts and script name each other.
 */
function renamed(
  metafile: Metafile,
  built: ReadonlyMap<string, string>,
  calledOf: (path: string) => string,
): ReadonlyMap<string, Part> {
  const paths = Object.keys(metafile.outputs);
  const put = (path: string, nameOf: (used: string) => string): string =>
    (metafile.outputs[path]?.imports ?? []).reduce(
      (text, { path: used }) => text.replaceAll(basename(used), nameOf(used)),
      built.get(basename(path)) ?? "",
    );
  const bare = new Map(paths.map((path) => [path, hash(put(path, calledOf))]));
  const nameOf = (path: string): string => {
    const all = closure(metafile, path, KINDS).map((one) => bare.get(one));
    return `${calledOf(path)}-${hash([all[0], ...all.sort()].join())}.js`;
  };
  const names = new Map(paths.map((path) => [path, nameOf(path)]));
  const bytes = (path: string) => new TextEncoder().encode(put(path, (used) => names.get(used) as string));
  return new Map(paths.map((path) => [path, { file: names.get(path) as string, path, bytes: bytes(path) }]));
}

/** What other files take from one that is no part has the name there that it has in it: no second one is listed. */
function withOwnNames({ outputs }: Metafile, texts: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const own = new Map<string, string>();
  const listed = /\bexport\{([^}]*)\};?\s*$/u;
  const named = [...texts].map(([file, text]) => {
    if (outputs[`${OUT}/${file}`]?.entryPoint !== undefined) return [file, text] as const;
    const pairs = pairsOf(listed.exec(text)?.[1] ?? "");
    for (const [name, alias] of pairs) own.set(`${file} ${alias}`, name);
    return [file, text.replace(listed, () => `export{${[...new Set(pairs.map(([name]) => name))].join()}};`)] as const;
  });
  const taken = (file: string, list: string): string =>
    pairsOf(list)
      .map(([alias, name]) => [own.get(`${file} ${alias}`) ?? alias, name])
      .map(([theirs, name]) => (theirs === name ? name : `${theirs} as ${name}`))
      .join();
  const imports = /\bimport\{([^}]*)\}from"\.\/([^"]+)"/gu;
  const put = (text: string): string =>
    text.replace(imports, (_, list: string, file: string) => `import{${taken(file, list)}}from"./${file}"`);
  return new Map(named.map(([file, text]) => [file, put(text)]));
}

/** The names of a list such as `a as b, c`, each with that behind `as`. */
function pairsOf(list: string): readonly (readonly [string, string])[] {
  const names = list.split(",").filter((one) => one.trim() !== "");
  return names.map((one) => {
    const [name = "", alias = name] = one.trim().split(" as ");
    return [name, alias];
  });
}

function stemOf(path: string): string {
  return basename(path).replace(/-[A-Z0-9]+\.js$/u, "");
}

const AT_ONCE = ["import-statement"];
const KINDS = [...AT_ONCE, "dynamic-import"];

/** Not so the file of a script that other parts use: what it has stands in the file that it imports. */
function holdsAnything({ outputs }: Metafile, path: string): boolean {
  return Object.keys(outputs[path]?.inputs ?? {}).length > 0;
}

/** A file and all that it imports, at once or in any way. */
function closure(metafile: Metafile, path: string, kinds = AT_ONCE): readonly string[] {
  const found = [path];
  for (const one of found) {
    for (const { path: used, kind } of metafile.outputs[one]?.imports ?? []) {
      if (kinds.includes(kind) && !found.includes(used)) found.push(used);
    }
  }
  return found;
}
