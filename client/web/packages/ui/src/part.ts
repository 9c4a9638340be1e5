/**
 * Parts of a page that are fetched after it. The page names the files of each part with their hashes, in links of the
 * relation `part`; a file with another hash is not run.
 */

const fetching = new Map<string, Promise<void>>();

/** Run a part, once its files are here and are those that the page names; a page that names none is whole. */
export async function part<T>(name: string, load: () => Promise<T>): Promise<T> {
  await fetchPart(name);
  return await load();
}

/** Fetch all parts but some, so that they are here when the network is not; what does not come is asked for again. */
export async function fetchRest(except: readonly string[]): Promise<void> {
  const links = [...document.querySelectorAll("link[rel=part]")];
  const names = links.flatMap((link) => link.getAttribute("data-part")?.split(" ") ?? []);
  await Promise.allSettled(names.filter((name) => !except.includes(name)).map(fetchPart));
}

async function fetchPart(name: string): Promise<void> {
  const links = document.querySelectorAll<HTMLLinkElement>(`link[rel=part][data-part~="${name}"]`);
  await Promise.all([...links].map(fetched));
}

function fetched(link: HTMLLinkElement): Promise<void> {
  const before = fetching.get(link.href);
  if (before !== undefined) return before;
  const now = cached(link).then(() => preloaded(link));
  fetching.set(link.href, now);
  now.catch(() => fetching.delete(link.href));
  return now;
}

/**
 * Into the cache of the browser, by its hash; another file that is kept there is got anew. What fails here can be
 * asked for again: a module that has failed once fails in Firefox until the page is loaded anew.
 */
async function cached({ href, integrity }: HTMLLinkElement): Promise<void> {
  const get = (cache: RequestCache) => fetch(href, { integrity, cache, redirect: "error" });
  await get("default")
    .catch(() => get("reload"))
    .catch(() => Promise.reject(notHere()));
}

function notHere(): Error {
  return Object.assign(new Error("a part of this page is not here"), { code: "local.part" });
}

/** Into the list of modules of this page, which a file enters only with the hash that the link says. */
function preloaded({ href, integrity }: HTMLLinkElement): Promise<void> {
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
