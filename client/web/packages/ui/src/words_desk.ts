/** The words of the desk, read by those who answer. */

export const DESK_WORDS = {
  "desk.title": ["Schreibtisch", "Desk"],
} as const satisfies Readonly<Record<string, readonly [string, string]>>;
