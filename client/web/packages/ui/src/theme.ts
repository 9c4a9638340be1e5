/** What a company sets of the looks: accent, corners and font; an accent that cannot be read is corrected. */

export interface Theme {
  /** `#rrggbb`, or null. */
  readonly accent: string | null;
  /** CSS pixels of the corners of bubbles, 0 to 20. */
  readonly radius: number | null;
  /** Names of font families; no address of a font. */
  readonly font: string | null;
  readonly scheme: "auto" | "light" | "dark";
}

export const NO_THEME: Theme = { accent: null, radius: null, font: null, scheme: "auto" };

type Colour = readonly [number, number, number];

const LIGHT: Colour = [255, 255, 255];
const DARK: Colour = [20, 23, 28];
/** The ground of bubbles: what an accent is read on, too. */
const DARK_2: Colour = [28, 32, 39];
const LIGHT_2: Colour = [245, 246, 248];
const BLACK: Colour = [11, 26, 48];
const LEAST = 4.5;
/** In the dark a barely readable accent looks dull. */
const LEAST_DARK = 6;
const STEPS = 50;
const MAX_RADIUS = 20;

function parse(text: string): Colour | null {
  const found = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/iu.exec(text.trim());
  if (found === null) return null;
  const [, red, green, blue] = found.map((part) => Number.parseInt(part, 16));
  return [red as number, green as number, blue as number];
}

function write(colour: Colour): string {
  return `#${colour.map((part) => Math.round(part).toString(16).padStart(2, "0")).join("")}`;
}

function luminance(colour: Colour): number {
  const [red, green, blue] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function ratio(one: Colour, other: Colour): number {
  const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** The ratio of contrast of two colours as WCAG 2 counts it; 1 where one is none. */
export function contrast(one: string, other: string): number {
  const [first, second] = [parse(one), parse(other)];
  return first === null || second === null ? 1 : ratio(first, second);
}

function mix(from: Colour, to: Colour, share: number): Colour {
  return from.map((part, at) => part + ((to[at] as number) - part) * share) as unknown as Colour;
}

/** The accent, moved towards black or white until it reads at `least` : 1 on both grounds. */
function readable(accent: Colour, grounds: readonly Colour[], towards: Colour, least: number): Colour {
  for (let step = 0; step <= STEPS; step += 1) {
    const tried = parse(write(mix(accent, towards, step / STEPS))) as Colour;
    if (grounds.every((ground) => ratio(tried, ground) >= least)) return tried;
  }
  return towards;
}

export interface Accent {
  readonly light: string;
  readonly onLight: string;
  readonly dark: string;
  readonly onDark: string;
}

/** What an accent becomes in the light and in the dark, and what is written on it; null where it is no colour. */
export function accentOf(text: string): Accent | null {
  const accent = parse(text);
  if (accent === null) return null;
  const light = readable(accent, [LIGHT, LIGHT_2], [0, 0, 0], LEAST);
  const dark = readable(accent, [DARK, DARK_2], LIGHT, LEAST_DARK);
  const on = (ground: Colour) => write(ratio(LIGHT, ground) >= ratio(BLACK, ground) ? LIGHT : BLACK);
  return { light: write(light), onLight: on(light), dark: write(dark), onDark: on(dark) };
}

/** Names of families, quoted; whatever else stands there is left out. */
export function familiesOf(text: string): string {
  const names = text.split(",").map((name) => name.replace(/["']/gu, "").trim());
  const known = names.filter((name) => /^[\p{L}\p{N} _-]{1,40}$/u.test(name)).slice(0, 4);
  return known.map((name) => (/^[a-z-]+$/u.test(name) ? name : `"${name}"`)).join(", ");
}

/** Set the looks on the element that holds the tokens. */
export function applyTheme(host: HTMLElement, theme: Theme): void {
  const { style } = host;
  style.setProperty("color-scheme", theme.scheme === "auto" ? "light dark" : theme.scheme);
  const accent = theme.accent === null ? null : accentOf(theme.accent);
  if (accent !== null) {
    style.setProperty("--accent", `light-dark(${accent.light}, ${accent.dark})`);
    style.setProperty("--on-accent", `light-dark(${accent.onLight}, ${accent.onDark})`);
  }
  const families = theme.font === null ? "" : familiesOf(theme.font);
  if (families !== "") style.setProperty("--font", `${families}, system-ui, sans-serif`);
  if (theme.radius !== null && Number.isFinite(theme.radius))
    style.setProperty("--radius", `${Math.min(MAX_RADIUS, Math.max(0, theme.radius))}px`);
}
