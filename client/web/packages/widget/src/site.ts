/** Whether a page and the room in its frame belong to one site, so that the frame has a store that lasts. */

/** Second levels under which anybody gets a name; the list of all is too long for this page. */
const SHARED = new Set(["co", "com", "org", "net", "gov", "ac", "edu", "or", "ne", "gv"]);
const LETTERS_OF_COUNTRY = 2;

/** The same host, or hosts under one name that a company registers. */
export function isSameSite(page: string, room: string): boolean {
  if (!URL.canParse(page) || !URL.canParse(room)) return false;
  const [first, second] = [new URL(page), new URL(room)];
  if (first.protocol !== second.protocol) return false;
  if (first.hostname === second.hostname) return true;
  if (isAddress(first.hostname) || isAddress(second.hostname)) return false;
  const common = commonEnd(first.hostname.split("."), second.hostname.split("."));
  const [name, top] = common;
  if (common.length < 2 || name === undefined || top === undefined) return false;
  return common.length > 2 || top.length !== LETTERS_OF_COUNTRY || !SHARED.has(name);
}

function isAddress(host: string): boolean {
  return host.includes(":") || /^[\d.]+$/u.test(host);
}

function commonEnd(one: readonly string[], other: readonly string[]): string[] {
  const common: string[] = [];
  for (let at = 1; at <= Math.min(one.length, other.length); at += 1) {
    const label = one.at(-at);
    if (label === undefined || label !== other.at(-at)) break;
    common.unshift(label);
  }
  return common;
}
