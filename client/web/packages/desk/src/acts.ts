/** What a person does with a room: the question to the process, asked for with a dialog where one is needed. */

import { ask } from "@sealroom/ui/dialog.ts";
import type { Desk } from "./desk.ts";
import { wordsOf } from "./faults.ts";
import { askColleague, askDays, askLine, askTransfer, type Root } from "./forms.ts";
import { DeskFailure, type Question } from "./link.ts";
import type { PersonRow, RoomRow, StateRow } from "./messages.ts";
import { isWaiting, roomsOf } from "./rooms.ts";
import { startOf } from "./texts.ts";
import type { DeskWords } from "./words.ts";

const DAY_S = 86_400;
/** Of a reason and of a label, in bytes. */
const REASON_B = 200;
const LABEL_B = 40;
/** A desk that grants by itself has answered by then. */
const GRANTED_MS = 3_000;

export interface ActContext {
  readonly desk: Desk;
  readonly root: Root;
  words(): DeskWords;
  say(text: string): void;
  openRoom(id: string): void;
  /** A room that was taken is to be answered. */
  write(id: string): void;
}

export interface RoomActs {
  claim(row: RoomRow): Promise<void>;
  claimNext(): Promise<void>;
  transfer(row: RoomRow): Promise<void>;
  toQueue(row: RoomRow): Promise<void>;
  close(row: RoomRow): Promise<void>;
  reopen(row: RoomRow): Promise<void>;
  add(row: RoomRow, state: StateRow | null): Promise<void>;
  handOver(row: RoomRow, state: StateRow | null): Promise<void>;
  leave(row: RoomRow): Promise<void>;
  setSensitive(row: RoomRow): Promise<void>;
  hold(row: RoomRow): Promise<void>;
  shorten(row: RoomRow, state: StateRow): Promise<void>;
  labels(row: RoomRow): Promise<void>;
  erase(row: RoomRow, entry: string): Promise<void>;
  /** Ask, and say what went wrong; whether it was done. */
  attempt(question: Question): Promise<boolean>;
}

/** What can be done. */
export function roomActs(context: ActContext): RoomActs {
  const { desk, root, words } = context;

  async function attempt(question: Question): Promise<boolean> {
    try {
      await desk.ask(question);
      return true;
    } catch (problem) {
      context.say(failureText(problem, words()));
      return false;
    }
  }

  function others(without: ReadonlySet<string> = new Set()) {
    return desk.state().team.filter((one) => !one.isThis && !without.has(one.id));
  }

  /** A colleague of some; where there is none that is said, and nothing asked. */
  async function colleague(title: string, people: readonly PersonRow[]): Promise<string | null> {
    if (people.length > 0) return askColleague(root, words(), title, people);
    context.say(words()("ask.nobody"));
    return null;
  }

  /** Whether a room is with somebody else soon: most are granted at once, some only by a person. */
  function isGiven(room: string): Promise<boolean> {
    return new Promise((settle) => {
      const look = () => {
        if (desk.state().rooms.get(room)?.isMine !== true) end(true);
      };
      const end = (isDone: boolean) => {
        clearTimeout(timer);
        stop();
        settle(isDone);
      };
      const timer = setTimeout(() => end(false), GRANTED_MS);
      const stop = desk.subscribe(look);
      look();
    });
  }

  async function claim(row: RoomRow): Promise<void> {
    if (await attempt({ type: "claim", room: row.id })) context.write(row.id);
  }

  return {
    attempt,
    claim,
    async claimNext() {
      const next = roomsOf(desk.state(), "waiting").find(isWaiting);
      if (next === undefined) return;
      context.openRoom(next.id);
      await claim(next);
    },
    async transfer(row) {
      const to = await askTransfer(root, words(), desk.state().team);
      if (to === null || !(await attempt({ type: "transfer", room: row.id, ...to }))) return;
      context.say(words()((await isGiven(row.id)) ? "done.given" : "done.asked"));
    },
    async toQueue(row) {
      await attempt({ type: "transfer", room: row.id, team: "*", device: null, note: null });
    },
    async close(row) {
      const given = {
        title: words()("act.close"),
        label: words()("ask.reason.optional"),
        doWord: words()("act.close"),
        isNeeded: false,
        mostB: REASON_B,
      };
      const reason = await askLine(root, words(), given);
      if (reason !== null) await attempt({ type: "close", room: row.id, reason: reason === "" ? null : reason });
    },
    async reopen(row) {
      await attempt({ type: "reopen", room: row.id });
    },
    async add(row, state) {
      const inside = new Set(state?.members.map((one) => one.id) ?? []);
      const device = await colleague(words()("act.add"), others(inside));
      if (device !== null) await attempt({ type: "add", room: row.id, device });
    },
    async handOver(row, state) {
      const inside = new Set(state?.members.map((one) => one.id) ?? []);
      const people = others().filter((one) => inside.has(one.id));
      const device = await colleague(words()("act.history"), people);
      if (device !== null) await attempt({ type: "handOver", room: row.id, device, count: 64, reason: null });
    },
    async leave(row) {
      const say = words();
      const question = {
        title: say("ask.leave"),
        text: say("ask.leave.text"),
        doWord: say("act.leave"),
        isGrave: true,
      };
      if (await ask(root, { ...question, cancelWord: say("act.cancel") }))
        await attempt({ type: "leave", room: row.id });
    },
    async setSensitive(row) {
      await attempt({ type: "setSensitive", room: row.id, on: !row.isSensitive });
    },
    async hold(row) {
      const title = words()(row.onHold ? "act.unhold" : "act.hold");
      const given = { title, label: words()("ask.reason"), doWord: title, isNeeded: true, mostB: REASON_B };
      const reason = await askLine(root, words(), given);
      if (reason) await attempt({ type: "setHold", room: row.id, on: !row.onHold, reason });
    },
    async shorten(row, state) {
      const days = await askDays(root, words(), Math.floor(state.retentionS / DAY_S));
      if (days === null) return;
      await attempt({ type: "setRetention", room: row.id, kind: state.retention, seconds: days * DAY_S });
    },
    async labels(row) {
      const given = {
        title: words()("act.labels"),
        label: words()("ask.labels"),
        doWord: words()("act.save"),
        value: row.labels.join(", "),
        isNeeded: false,
        mostB: 1_000,
      };
      const text = await askLine(root, words(), given);
      if (text === null) return;
      const labels = text
        .split(",")
        .map((one) => startOf(one.trim(), LABEL_B))
        .filter((one) => one !== "");
      await attempt({ type: "setLabels", room: row.id, labels: labels.slice(0, 8) });
    },
    async erase(row, entry) {
      const say = words();
      const question = {
        title: say("ask.erase"),
        text: say("ask.erase.text"),
        doWord: say.ui("message.erase"),
        cancelWord: say("act.cancel"),
        isGrave: true,
      };
      if (await ask(root, question)) await attempt({ type: "erase", room: row.id, entries: [entry] });
    },
  };
}

/** What went wrong, in words; the code where there are none. */
export function failureText(problem: unknown, words: DeskWords): string {
  const code = problem instanceof DeskFailure ? problem.code : "page";
  return wordsOf(code, words) ?? words("failed.other", { code });
}
