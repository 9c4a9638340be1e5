/** What stands in each row beside its item: day lines, times and the state of the last own message. */

import type { Item } from "./backend.ts";
import { daysBetween } from "./times.ts";

const GAP_MS = 600_000;
const MAX_GROUP = 1_800_000;

export interface Row {
  readonly item: Item;
  /** A line with the day stands above. */
  readonly isNewDay: boolean;
  /** The name stands above: another author, or a long pause. */
  readonly isFirst: boolean;
  readonly hasTime: boolean;
  /** The state stands below. */
  readonly hasState: boolean;
  /** What waits is on its way: there is a connection, and nothing holds it back. */
  readonly isGoing: boolean;
  /** What it answers, as it is now. */
  readonly quoted: Item | undefined;
}

export function atMsOf(item: Item): number {
  return item.kind === "message" ? item.writtenMs : item.atMs;
}

/** All rows of a conversation. */
export function rowsOf(items: readonly Item[], own: string | null, isGoing = false): Row[] {
  const lastOwn = items.findLastIndex((item) => item.kind === "message" && item.author === own && !item.isErased);
  const found = new Map<unknown, Item>(items.map((item) => [item.id, item]));
  return items.map((item, at) => ({
    ...rowOf(item, items[at - 1], at === lastOwn),
    isGoing: isGoing && item.kind === "message" && item.delivery === "waiting" && item.file?.state !== "failed",
    quoted: item.kind === "message" ? found.get(item.replyTo) : undefined,
  }));
}

function rowOf(item: Item, before: Item | undefined, isLastOwn: boolean): Omit<Row, "quoted" | "isGoing"> {
  const pause = before === undefined ? Number.POSITIVE_INFINITY : atMsOf(item) - atMsOf(before);
  const isNewDay = before === undefined || daysBetween(atMsOf(before), atMsOf(item)) > 0;
  if (item.kind !== "message") return { item, isNewDay, isFirst: true, hasTime: false, hasState: false };
  const isOther = before?.kind !== "message" || before.author !== item.author;
  const isStuck = item.delivery === "failed";
  return {
    item,
    isNewDay,
    isFirst: isNewDay || isOther || pause > MAX_GROUP,
    hasTime: isNewDay || pause >= GAP_MS,
    hasState: item.delivery !== null && (isLastOwn || isStuck),
  };
}

/** Whether a row shows the same as before, so that its element stays. */
export function isSameRow(one: Row, other: Row): boolean {
  return (Object.keys(one) as (keyof Row)[]).every((name) => one[name] === other[name]);
}

/** A height before it was measured. */
export function guessHeight(row: Row): number {
  const head = (row.isNewDay ? 42 : 0) + (row.isFirst ? 38 : 8) + (row.hasState ? 24 : 0);
  if (row.item.kind !== "message") return head + 28;
  return head + 18 + 24 * Math.max(1, Math.ceil(row.item.text.length / 42)) + (row.item.file === null ? 0 : 60);
}
