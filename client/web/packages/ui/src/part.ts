/**
 * Parts of a page that are fetched after it. The page names the files of each part with their hashes, in links of the
 * relation `part`; those of most parts stand in a list that is such a file itself. A file with another hash is not run.
 */

/** What a list of parts holds: files beside it, with their hashes and the names of the parts that they belong to. */
export type PartList = readonly (readonly [file: string, integrity: string, names: readonly string[]])[];

interface PartFile {
  readonly href: string;
  readonly integrity: string;
  readonly names: readonly string[];
}

const LIST = "parts";
const fetching = new Map<string, Promise<void>>();

/** Run a part, once its files are here and are those that the page names; a page that names none is whole. */
export async function part<T>(name: string, load: () => Promise<T>): Promise<T> {
  await fetchPart(name);
  return await load();
}

/** Fetch all parts but some, so that they are here when the network is not; what does not come is asked for again. */
export async function fetchRest(except: readonly string[]): Promise<void> {
  const files = await all().catch(() => []);
  const names = files.flatMap((one) => one.names);
  await Promise.allSettled(names.filter((name) => !except.includes(name)).map(fetchPart));
}

async function fetchPart(name: string): Promise<void> {
  const isOf = ({ names }: PartFile): boolean => names.includes(name);
  const files = inPage().some(isOf) ? inPage() : await all();
  await Promise.all(files.filter(isOf).map(fetched));
}

function inPage(): readonly PartFile[] {
  const links = [...document.querySelectorAll<HTMLLinkElement>("link[rel=part]")];
  return links.map((link) => {
    const { href, integrity } = link;
    return { href, integrity, names: link.getAttribute("data-part")?.split(" ") ?? [] };
  });
}

/** What the page names, and what its list does. */
async function all(): Promise<readonly PartFile[]> {
  const named = inPage();
  const list = named.find(({ names }) => names.includes(LIST));
  if (list === undefined) return named;
  await fetched(list);
  const { PARTS }: { readonly PARTS: PartList } = await import(list.href);
  const listed = PARTS.map(([file, integrity, names]) => ({ href: new URL(file, list.href).href, integrity, names }));
  return [...named, ...listed];
}

function fetched(file: PartFile): Promise<void> {
  const before = fetching.get(file.href);
  if (before !== undefined) return before;
  const now = cached(file).then(() => preloaded(file));
  fetching.set(file.href, now);
  now.catch(() => fetching.delete(file.href));
  return now;
}

/**
 * Into the cache of the browser, by its hash; another file that is kept there is got anew. What fails here can be
 * asked for again: a module that has failed once fails in Firefox until the page is loaded anew.
 */
async function cached({ href, integrity }: PartFile): Promise<void> {
  const get = (cache: RequestCache) => fetch(href, { integrity, cache, redirect: "error" });
  await get("default")
    .catch(() => get("reload"))
    .catch(() => Promise.reject(notHere()));
}

function notHere(): Error {
  return Object.assign(new Error("a part of this page is not here"), { code: "local.part" });
}

/** Into the list of modules of this page, which a file enters only with the hash that the link says. */
function preloaded({ href, integrity }: PartFile): Promise<void> {
  return new Promise((done, failed) => {
    const preload = document.createElement("link");
    preload.rel = "modulepreload";
    preload.integrity = integrity;
    preload.href = href;
    preload.onload = () => done();
    preload.onerror = () => failed(notHere());
    document.head.append(preload);
  });
}
