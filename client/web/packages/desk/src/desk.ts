/** What the page knows of the desk: replaced as a whole when it changes, and told to who listens. */

import { languageOf } from "@sealroom/ui/words.ts";
import { type Answer, connect, type Link, type Question } from "./link.ts";
import type { AlarmRow, AnswerRow, PersonRow, PreviewRow, RoomRow, ToPage, Whole } from "./messages.ts";
import { forgetKey, sessionKey } from "./session.ts";

export type Phase = "starting" | "locked" | "running" | "lost" | "silent" | "expired";

export interface DeskState {
  readonly phase: Phase;
  readonly language: "de" | "en";
  readonly version: string;
  readonly company: string;
  readonly me: PersonRow | null;
  readonly connection: "offline" | "connecting" | "online";
  /** The relay takes nothing now of what the account publishes. */
  readonly entryWaits: boolean;
  readonly team: readonly PersonRow[];
  /** When the list of who is in force ends or has ended; null while nobody has to be told. */
  readonly rosterEndsMs: number | null;
  readonly rooms: ReadonlyMap<string, RoomRow>;
  readonly previews: ReadonlyMap<string, PreviewRow>;
  readonly answers: readonly AnswerRow[];
  readonly alarms: readonly AlarmRow[];
  /** What the clock of the process is ahead of that of the page. */
  readonly aheadMs: number;
  /** How often the desk was locked by then. */
  readonly locks: number;
}

/** What is new since the last time, for sound and notices. */
export interface News {
  readonly texts: number;
  readonly waiting: number;
  readonly taken: readonly RoomRow[];
}

export interface Desk {
  state(): DeskState;
  subscribe(listener: () => void): () => void;
  /** Messages that are no part of the state: entries of a room, what was not done, progress of files. */
  hear(listener: (message: ToPage) => void): () => void;
  onNews(listener: (news: News) => void): void;
  ask(question: Question): Promise<Answer>;
  watch(room: string | null): void;
  /** Have previews of these rooms fetched, those that are not here. */
  wantPreviews(rooms: readonly string[]): void;
  nowMs(): number;
  reload(): Promise<void>;
}

const NOTHING: DeskState = {
  phase: "starting",
  language: languageOf(navigator.language),
  version: "",
  company: "",
  me: null,
  connection: "offline",
  entryWaits: false,
  team: [],
  rosterEndsMs: null,
  rooms: new Map(),
  previews: new Map(),
  answers: [],
  alarms: [],
  aheadMs: 0,
  locks: 0,
};
const MAX_PREVIEWS = 60;
const USED_MS = 15_000;
/** So long after a claim its outcome is what a person waits for. */
const CLAIM_MS = 60_000;

/**
 * What is news of rooms that changed. A room that this page has just asked for is none when it is one's own; later it is,
 * as after a request that was refused. `claimed` says when each was asked for.
 */
export function newsIn(
  rows: readonly RoomRow[],
  before: ReadonlyMap<string, RoomRow>,
  claimed: Map<string, number>,
  nowMs: number,
): News {
  let texts = 0;
  let waiting = 0;
  const taken: RoomRow[] = [];
  for (const row of rows) {
    const was = before.get(row.id);
    if (row.isHere && row.unread > (was?.unread ?? 0)) texts += 1;
    if (row.waitsMs !== null && row.assigned === null && row.isForUs && (was?.waitsMs ?? null) === null) waiting += 1;
    const isAsked = nowMs - (claimed.get(row.id) ?? -CLAIM_MS) < CLAIM_MS;
    if (row.isMine && was !== undefined && !was.isMine && !isAsked) taken.push(row);
    if (row.assigned !== null) claimed.delete(row.id);
  }
  return { texts, waiting, taken };
}

/** The desk of this page's session. */
export function openDesk(): Desk {
  let state = NOTHING;
  let link: Link | null = null;
  let watched: string | null = null;
  let isTelling = false;
  let usedMs = 0;
  const listeners = new Set<() => void>();
  const hearers = new Set<(message: ToPage) => void>();
  const newsOf = new Set<(news: News) => void>();
  const asked = new Set<string>();
  /** When this page asked for rooms. */
  const claimed = new Map<string, number>();
  let wanted: string[] = [];

  /** Once for all that changed in one turn. */
  function change(part: Partial<DeskState>): void {
    state = { ...state, ...part };
    if (isTelling) return;
    isTelling = true;
    queueMicrotask(() => {
      isTelling = false;
      for (const listener of [...listeners]) listener();
    });
  }

  function forget(phase: Phase): void {
    asked.clear();
    wanted = [];
    change({ ...NOTHING, phase, language: state.language, version: state.version });
  }

  function told(message: ToPage): void {
    if (message.type === "welcome") {
      change({ language: message.language, version: message.version });
      if (message.isLocked) forget("locked");
      else void begin();
    } else if (message.type === "locked") forget("locked");
    else if (message.type === "again") void begin();
    else if (message.type === "rooms") takeRooms(message.rooms, message.gone);
    else if (message.type === "alarms") change({ alarms: message.alarms });
    else if (message.type === "team") {
      const { me, team, rosterEndsMs } = message;
      change({ me, team, rosterEndsMs });
    } else if (message.type === "link") {
      const { connection, entryWaits } = message;
      change({ connection, entryWaits });
    }
    for (const hear of [...hearers]) hear(message);
  }

  function takeRooms(rows: readonly RoomRow[], gone: readonly string[]): void {
    const rooms = new Map(state.rooms);
    const previews = new Map(state.previews);
    tellNews(rows, state.rooms);
    for (const id of gone) rooms.delete(id);
    for (const row of rows) {
      if (rooms.get(row.id)?.lastMs !== row.lastMs || rooms.get(row.id)?.isHere !== row.isHere) asked.delete(row.id);
      rooms.set(row.id, row);
    }
    change({ rooms, previews });
  }

  function tellNews(rows: readonly RoomRow[], before: ReadonlyMap<string, RoomRow>): void {
    const news = newsIn(rows, before, claimed, Date.now());
    if (news.texts + news.waiting + news.taken.length > 0) for (const hear of newsOf) hear(news);
  }

  async function begin(): Promise<void> {
    const whole = (await link?.ask({ type: "begin" }).catch(() => null)) as Whole | null;
    if (whole?.type !== "whole") return;
    asked.clear();
    change({
      phase: "running",
      company: whole.company ?? "",
      me: whole.me,
      connection: whole.connection,
      entryWaits: whole.entryWaits,
      team: whole.team,
      rosterEndsMs: whole.rosterEndsMs,
      rooms: new Map(whole.rooms.map((row) => [row.id, row])),
      answers: whole.answers,
      alarms: whole.alarms,
      aheadMs: whole.nowMs - Date.now(),
      locks: whole.locks,
    });
    link?.say({ type: "watch", room: watched });
  }

  async function fetchPreviews(): Promise<void> {
    const rooms = wanted.filter((id) => state.rooms.get(id)?.isHere === true && !asked.has(id)).slice(-MAX_PREVIEWS);
    wanted = [];
    if (rooms.length === 0) return;
    for (const id of rooms) asked.add(id);
    const answer = await link?.ask({ type: "preview", rooms }).catch(() => null);
    if (answer?.type !== "previews") return;
    change({ previews: new Map([...state.previews, ...answer.previews.map((one) => [one.room, one] as const)]) });
  }

  function used(): void {
    if (Date.now() - usedMs < USED_MS || state.phase !== "running") return;
    usedMs = Date.now();
    link?.say({ type: "used" });
  }

  async function start(): Promise<void> {
    const key = await sessionKey().catch(() => null);
    if (key === null) {
      forget("expired");
      return;
    }
    link = connect(key, {
      told,
      closed(why) {
        if (why === "expired") forgetKey();
        forget(why);
      },
    });
  }

  for (const name of ["pointerdown", "keydown", "wheel"])
    addEventListener(name, used, { passive: true, capture: true });
  void start();
  return {
    state: () => state,
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    hear(listener) {
      hearers.add(listener);
      return () => void hearers.delete(listener);
    },
    onNews: (listener) => void newsOf.add(listener),
    async ask(question) {
      if (link === null) throw new Error("not connected");
      if (question.type === "claim") claimed.set(question.room, Date.now());
      const answer = await link.ask(question).catch((problem: unknown) => {
        if (question.type === "claim") claimed.delete(question.room);
        throw problem;
      });
      if (question.type === "saveAnswer" || question.type === "dropAnswer") await begin();
      if (question.type === "unlock") await begin();
      return answer;
    },
    watch(room) {
      watched = room;
      link?.say({ type: "watch", room });
    },
    wantPreviews(rooms) {
      if (wanted.length === 0) setTimeout(() => void fetchPreviews(), 60);
      wanted.push(...rooms);
    },
    nowMs: () => Date.now() + state.aheadMs,
    reload: begin,
  };
}
