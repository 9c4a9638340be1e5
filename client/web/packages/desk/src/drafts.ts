/** What is being written in rooms and notes: the process keeps it, and this page what the process does not have yet. */

import { DeskFailure, type Question } from "./link.ts";
import { sizeOf, startOf } from "./texts.ts";

/** So long after the last key. */
const KEEP_MS = 2_000;
/** Of a draft, in bytes of UTF-8; of a longer one the start is kept. */
const MOST_B = 65_536;

/** A room, or its notes. */
export interface Place {
  readonly room: string;
  readonly notes: boolean;
}

interface Draft {
  readonly place: Place;
  readonly text: string;
  /** What the process has; null until it has said so. */
  readonly kept: string | null;
}

export interface DraftOptions {
  keep(question: Question): Promise<unknown>;
  /** Whether it may be on its way out, so that it is neither kept nor given up. */
  isUnsure(place: Place): boolean;
  /** Whether nothing can be kept of a room any more. */
  hasEnded(room: string): boolean;
  complain(problem: unknown): void;
}

export interface Drafts {
  text(place: Place): string;
  all(): (readonly [string, string])[];
  /** What stands in a field now. */
  write(place: Place, text: string): void;
  /** What the process has, with the room; what was typed before it came stays behind it. */
  given(place: Place, text: string): void;
  /** What another page has written; what is being typed here stays, and is the newest. */
  told(place: Place, text: string): void;
  /** Have all kept at once. */
  keep(): void;
  /** The connection ended: what the process has is asked for again. */
  lost(): void;
  forget(): void;
}

/** Nothing is known at first. */
export function openDrafts(options: DraftOptions): Drafts {
  let drafts = new Map<string, Draft>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let hasFailed = false;

  function put(place: Place, text: string, kept: string | null): void {
    drafts.set(keyOf(place), { place, text, kept });
    if (text !== kept) later();
  }

  function later(): void {
    clearTimeout(timer);
    timer = setTimeout(keep, KEEP_MS);
  }

  function keep(): void {
    clearTimeout(timer);
    for (const { place, text, kept } of drafts.values()) {
      const isKept = kept === null || text === kept || options.isUnsure(place) || options.hasEnded(place.room);
      if (!isKept) void keepOne(place, text);
    }
  }

  async function keepOne({ room, notes }: Place, text: string): Promise<void> {
    const known = drafts;
    const whole = text.toWellFormed();
    const some = sizeOf(whole) > MOST_B ? startOf(whole, MOST_B) : whole;
    try {
      await options.keep({ type: "keepDraft", room, notes, text: some });
      hasFailed = false;
      const key = keyOf({ room, notes });
      const now = known.get(key);
      if (now !== undefined) known.set(key, { ...now, kept: text });
    } catch (problem) {
      const isLost = problem instanceof DeskFailure && problem.code === "local.desk_lost";
      if (!isLost && !hasFailed) options.complain(problem);
      hasFailed ||= !isLost;
    }
  }

  return {
    text: (place) => drafts.get(keyOf(place))?.text ?? "",
    all: () => [...drafts.values()].map(({ place, text }) => [keyOf(place), text] as const),
    write(place, text) {
      const known = drafts.get(keyOf(place));
      if (text !== (known?.text ?? "")) put(place, text, known?.kept ?? null);
    },
    given(place, text) {
      const known = drafts.get(keyOf(place));
      if (known !== undefined && known.kept !== null) return;
      const typed = known?.text ?? "";
      put(place, typed === "" || text === "" ? text + typed : `${text}\n${typed}`, text);
    },
    told(place, text) {
      const known = drafts.get(keyOf(place));
      if (known === undefined || known.kept === null) return;
      put(place, known.text === known.kept ? text : known.text, text);
    },
    keep,
    lost() {
      for (const [key, { place, text, kept }] of drafts)
        if (text === kept && !options.isUnsure(place)) drafts.delete(key);
    },
    forget() {
      clearTimeout(timer);
      drafts = new Map();
    },
  };
}

/** The id of a room, and whether it is about its notes. */
export function keyOf({ room, notes }: Place): string {
  return `${room} ${notes}`;
}
