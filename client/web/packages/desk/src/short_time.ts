/** When something was, in a list: the time of today, yesterday, or day and month. */

import { clockOf, daysBetween, inCalendar, regional } from "@sealroom/ui/times.ts";

export function shortTime(ms: number, nowMs: number, language: string): string {
  const clock = clockOf(language);
  const days = daysBetween(ms, nowMs);
  if (days === 0) return clock.time(ms);
  if (days === 1) return clock.day(ms, nowMs);
  return new Intl.DateTimeFormat(regional(language), { day: "2-digit", month: "2-digit" }).format(inCalendar(ms));
}
