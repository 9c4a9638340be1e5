/** Grammars over code points: relay URLs (ID-23), names (ID-33), texts and places of a company (ACC-20). */

const LD = "[a-z0-9]";
const TAIL = `(?:[a-z0-9-]{0,61}${LD})?`;
const HOST = `(?:${LD}${TAIL}\\.)*[a-z]${TAIL}`;
const OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9][0-9]|[0-9])";
const IPV4 = `${OCTET}(?:\\.${OCTET}){3}`;
const PORT = "(?::([1-9][0-9]{0,4}))?";
const PATH = "((?:/[A-Za-z0-9._~-]*)+)?";
const WSS = new RegExp(`^wss://(?:${HOST}|${IPV4}|\\[::1\\])${PORT}${PATH}$`);
const WS = new RegExp(`^ws://(?:localhost|127\\.0\\.0\\.1|\\[::1\\])${PORT}${PATH}$`);
const MAX_PORT = 65_535;
const MAX_RELAY_URL_B = 240;

/** Whether a text is a relay URL of at most 240 bytes (ID-23). */
export function isRelayUrl(text: string): boolean {
  if (text.length > MAX_RELAY_URL_B) return false;
  const match = WSS.exec(text) ?? WS.exec(text);
  return match !== null && isPort(match[1]) && !(match[2] ?? "").split("/").some(isDots);
}

function isPort(digits: string | undefined): boolean {
  return digits === undefined || Number(digits) <= MAX_PORT;
}

function isDots(segment: string): boolean {
  return segment === "." || segment === "..";
}

/** Code points that no name holds (table of ID-33). */
const HIDDEN: readonly (readonly [first: number, last: number])[] = [
  [0x0000, 0x001f],
  [0x007f, 0x00a0],
  [0x00ad, 0x00ad],
  [0x034f, 0x034f],
  [0x061c, 0x061c],
  [0x180b, 0x180f],
  [0x2000, 0x200b],
  [0x200e, 0x200f],
  [0x2028, 0x202f],
  [0x205f, 0x206f],
  [0xfe00, 0xfe0e],
  [0xfeff, 0xfeff],
  [0x115f, 0x1160],
  [0x1680, 0x1680],
  [0x17b4, 0x17b5],
  [0x2800, 0x2800],
  [0x3000, 0x3000],
  [0x3164, 0x3164],
  [0xffa0, 0xffa0],
  [0xd800, 0xf8ff],
  [0xfdd0, 0xfdef],
  [0xfff0, 0xffff],
  [0x13430, 0x13442],
  [0x16fe4, 0x16fe4],
  [0x1bca0, 0x1bca3],
  [0x1d159, 0x1d159],
  [0x1d173, 0x1d17a],
  [0xe0000, 0x10ffff],
];
const JOINERS: readonly number[] = [0x200c, 0x200d, 0xfe0f];
const SPACE = 0x20;
const MAX_NAME = 64;

export function isHidden(point: number): boolean {
  return HIDDEN.some(([first, last]) => first <= point && point <= last);
}

function pointsOf(text: string): readonly number[] {
  return Array.from(text, (character) => character.codePointAt(0) as number);
}

/** Whether a text is a name: 1 to 64 scalar values, each visible and in its place (ID-33). */
export function isName(text: string): boolean {
  const points = pointsOf(text);
  return points.length >= 1 && points.length <= MAX_NAME && isVisible(points) && spacesStandWell(points);
}

/** Whether a text holds a visible line: what ID-33 says of a name, but for length and spaces. */
export function isVisibleText(text: string): boolean {
  return isVisible(pointsOf(text));
}

function isVisible(points: readonly number[]): boolean {
  return !points.some(isHidden) && points.every((point, i) => !JOINERS.includes(point) || isBase(points[i - 1]));
}

function isBase(point: number | undefined): boolean {
  return point !== undefined && !JOINERS.includes(point);
}

function spacesStandWell(points: readonly number[]): boolean {
  const doubled = points.some((point, i) => point === SPACE && points[i - 1] === SPACE);
  return points[0] !== SPACE && points.at(-1) !== SPACE && !doubled;
}

/** Whether a text is a plain text of 1 to `most` scalar values, visible lines parted by U+000A (ACC-20). */
export function isPlainText(text: string, most: number): boolean {
  return text !== "" && pointsOf(text).length <= most && text.split("\n").every(isVisibleText);
}

const LOCALE = /^(?:[a-z]{2}(?:-[A-Z]{2})?|[a-z]{3})$/;
const ORIGIN = `https://(?:${HOST})${PORT}`;
const PAGE = new RegExp(`^${ORIGIN}(?:/[A-Za-z0-9._~/%?&=+,:;@!$*()#-]*)?$`);
const WHOLE_ORIGIN = new RegExp(`^${ORIGIN}$`);
const EMAIL = new RegExp(`^[A-Za-z0-9!#$%&*+/=?^_{}~.-]{1,64}@${HOST}$`);
const PHONE = /^\+?[0-9][0-9 ()/-]{2,30}$/;
const MAX_EMAIL_B = 254;

export function isLocale(text: string): boolean {
  return LOCALE.test(text);
}

export function isOrigin(text: string): boolean {
  return isPort(WHOLE_ORIGIN.exec(text)?.[1]) && WHOLE_ORIGIN.test(text);
}

export function isPage(text: string): boolean {
  return isPort(PAGE.exec(text)?.[1]) && PAGE.test(text);
}

export function isEmail(text: string): boolean {
  return text.length <= MAX_EMAIL_B && EMAIL.test(text);
}

export function isPhone(text: string): boolean {
  return PHONE.test(text);
}
