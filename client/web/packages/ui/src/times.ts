/** Times and sizes as people say them, in the language of the page and the zone of the device. */

import { isLocale } from "./words.ts";

const DAY_MS = 86_400_000;
const KB = 1_000;
/** The last time that a `Date` has; what others state may be later. */
const LAST_MS = 8.64e15;

export interface Clock {
  /** `heute`, `gestern`, or the date. */
  day(ms: number, nowMs: number): string;
  /** `14:05`. */
  time(ms: number): string;
  /** `heute, 14:05`. */
  moment(ms: number, nowMs: number): string;
  /** `90 Tage`, `7 Tage`, `24 Stunden`. */
  span(seconds: number): string;
  /** `240 kB`. */
  size(bytes: number): string;
}

/** A time as calendars have it: one that is beyond them is their last (TRN-47). */
export function inCalendar(ms: number): number {
  return Math.min(ms, LAST_MS);
}

/** How many midnights of the device lie between two times. */
export function daysBetween(ms: number, nowMs: number): number {
  const midnight = (of: number) => {
    const date = new Date(inCalendar(of));
    return Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  };
  return Math.round((midnight(nowMs) - midnight(ms)) / DAY_MS);
}

/** English as it is written where the browser is from, `en-GB`; any other language, or with its country, as it is. */
export function regional(locale: string, wish = globalThis.navigator?.language ?? "en-US"): string {
  if (locale !== "en" || !isLocale(wish)) return locale;
  return `en-${new Intl.Locale(wish).maximize().region ?? "US"}`;
}

/** Times in this language. */
export function clockOf(wish: string): Clock {
  const locale = regional(wish);
  const hour = new Intl.DateTimeFormat(locale, { timeStyle: "short" });
  const near = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  const weekday = new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long" });
  const date = new Intl.DateTimeFormat(locale, { day: "numeric", month: "long", year: "numeric" });
  const time = (ms: number) => hour.format(inCalendar(ms));
  const day = (ms: number, nowMs: number) => {
    const ago = daysBetween(ms, nowMs);
    if (Math.abs(ago) <= 1) return near.format(-ago, "day");
    return (Math.abs(ago) < 180 ? weekday : date).format(inCalendar(ms));
  };
  return {
    day,
    time,
    moment: (ms, nowMs) => `${day(ms, nowMs)}, ${time(ms)}`,
    span: (seconds) => span(locale, seconds),
    size: (bytes) => size(locale, bytes),
  };
}

function span(locale: string, seconds: number): string {
  const units = [
    ["year", 31_536_000],
    ["day", 86_400],
    ["hour", 3_600],
    ["minute", 60],
  ] as const;
  const [unit, length] = units.find(([, one]) => seconds >= one && seconds % one === 0) ?? ["hour", 3_600];
  return unitOf(locale, unit, Math.max(1, Math.round(seconds / length)));
}

function size(locale: string, bytes: number): string {
  if (bytes < KB) return unitOf(locale, "byte", bytes);
  if (bytes < KB * KB) return unitOf(locale, "kilobyte", Math.round(bytes / KB), "short");
  return unitOf(locale, "megabyte", Math.round((bytes / KB / KB) * 10) / 10, "short");
}

function unitOf(locale: string, unit: string, count: number, unitDisplay: "long" | "short" = "long"): string {
  return new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay }).format(count);
}

/** A text with its first letter large, for the start of a line. */
export function atStart(text: string, locale: string): string {
  return text.charAt(0).toLocaleUpperCase(locale) + text.slice(1);
}
