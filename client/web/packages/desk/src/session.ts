/** The session of the page: the token of the address is exchanged once; the key stays with this origin. */

const KEY = "sealroom-desk-key";
const TOKEN = /^#[0-9a-f]{64}$/u;

/** Where what needs the cookie stands: a browser sends it to the path of this desk, and there no other desk's. */
export function ours(path: string): string {
  return `/${location.port}${path}`;
}

/** The page's half of the session; null where there is none. The token leaves the address at once. */
export async function sessionKey(): Promise<string | null> {
  const { hash, pathname } = location;
  if (TOKEN.test(hash)) {
    history.replaceState(null, "", pathname);
    const key = await exchange(hash.slice(1));
    if (key !== null) {
      localStorage.setItem(KEY, key);
      return key;
    }
  }
  return localStorage.getItem(KEY);
}

/** Forget a key that is worth nothing any more. */
export function forgetKey(): void {
  localStorage.removeItem(KEY);
}

async function exchange(token: string): Promise<string | null> {
  const answer = await fetch(ours("/session"), {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token }),
  });
  if (!answer.ok) return null;
  const found: unknown = await answer.json();
  const key = (found as { key?: unknown } | null)?.key;
  return typeof key === "string" ? key : null;
}
