/** A room as the desk's page shows it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Item } from "@sealroom/ui/backend.ts";
import { hasBefore, openConversation } from "../src/conversation.ts";
import type { Desk } from "../src/desk.ts";
import { DeskFailure } from "../src/link.ts";
import type { EntryRow } from "../src/messages.ts";

const NOW_MS = 1_800_000_000_000;
const HOUR_MS = 3_600_000;
const CUSTOMER = { id: "c".repeat(32), name: null, role: "customer", isThis: false, isBot: false, teams: [] };
const VIEW = { customer: () => "Kunde", nameless: () => "?", isLookedAt: () => true, drafted: () => {} };

function row(id: string, kind: string, writtenMs: number): EntryRow {
  const said = { text: kind === "text" ? id : null, what: kind === "access" ? "handover" : null };
  const none = { firstWording: null, reply: null, forwardedBy: null, progress: null, file: null, state: null };
  const marks = { isHidden: false, isSensitive: false, byMachine: false, count: 1, detail: null };
  return { id, kind, author: CUSTOMER, writtenMs, ...said, ...none, ...marks } as unknown as EntryRow;
}

async function shownOf(entries: readonly EntryRow[]): Promise<readonly Item[]> {
  const desk = {
    state: () => ({ connection: "online", rooms: new Map(), me: null }),
    subscribe: () => () => {},
    hear: () => () => {},
    ask: async () => ({ type: "history", entries, unread: [], isStart: true }),
  } as unknown as Desk;
  const conversation = openConversation(desk, "r", null, VIEW);
  await new Promise((done) => setTimeout(done));
  return conversation.state().items;
}

test("what was handed over is shown with the time at which it was written, not that of the hand-over (TRN-49)", async () => {
  const entries = [row("am Morgen", "text", NOW_MS - 3 * HOUR_MS), row("log", "access", NOW_MS - HOUR_MS)];
  const times = (await shownOf(entries)).map((one) => (one.kind === "message" ? one.writtenMs : one.atMs));
  assert.deepEqual(times, [NOW_MS - 3 * HOUR_MS, NOW_MS - HOUR_MS]);
});

test("a login is told with the state that grants it, and its end is none", async () => {
  const none = { phase: "open", members: [], assigned: null, retention: "default", retentionS: 0, text: null };
  const state = (id: string, ...answers: string[]) => {
    return { ...row(id, "state", NOW_MS), state: { ...none, isSensitive: false, onHold: false, answers } } as EntryRow;
  };
  const login = row("login", "identify", NOW_MS);
  const end = { ...row("end", "identify", NOW_MS), what: "signed_out" };
  const told = async (...entries: EntryRow[]) =>
    (await shownOf(entries)).map((one) => one.kind !== "message" && one.what);
  assert.deepEqual(await told(state("s"), login, end, state("t", "act", "end")), []);
  assert.deepEqual(await told(state("s"), login, end, state("t", "act", "end", "login")), ["identified"]);
});

test("what was said before is here once it was handed over, or its author has sent it (ROOM-35)", () => {
  const members = [{ ...CUSTOMER, isThis: true }];
  const joined = { ...row("state", "state", NOW_MS), state: { members } } as unknown as EntryRow;
  const [early, late] = [row("am Morgen", "text", NOW_MS), row("danach", "text", NOW_MS)];
  assert.equal(hasBefore([early, joined, late]), true);
  assert.equal(hasBefore([row("log", "access", NOW_MS), joined, late]), false);
  assert.equal(hasBefore([joined, { ...late, forwardedBy: "d".repeat(32) }]), true);
  assert.equal(hasBefore([early]), false);
});

test("each device says that it has erased, and a clerk reads it once", async () => {
  const erased = ["a", "b", "c"].map((id) => row(id, "erased", NOW_MS));
  const shown = await shownOf([
    row("Guten Tag", "text", NOW_MS),
    ...erased,
    row("Danke", "text", NOW_MS),
    ...erased.slice(1),
  ]);
  assert.deepEqual(
    shown.map((one) => (one.kind === "message" ? one.text : one.what)),
    ["Guten Tag", "erased", "Danke", "erased"],
  );
});

const ALL = Array.from({ length: 120 }, (_, at) => `n${at}.`);
type Asked = { readonly type: string; readonly before?: string | null; readonly entries?: readonly string[] };

/** A desk with a room of 120 unread texts, which answers each page unless it fails. */
function paged(fails: { now: boolean }) {
  const asked: Asked[] = [];
  const desk = {
    state: () => ({ connection: "online", rooms: new Map(), me: null }),
    subscribe: () => () => {},
    hear: () => () => {},
    ask: async (question: Asked) => {
      asked.push(question);
      if (fails.now) throw new DeskFailure({ code: "local.desk_busy", retryable: true, notBeforeMs: null });
      const end = question.before ? ALL.indexOf(question.before) : ALL.length;
      const entries = ALL.slice(Math.max(0, end - 50), end).map((id) => row(id, "text", NOW_MS));
      return { type: "history", entries, unread: question.before ? [] : ALL, isStart: end <= 50 };
    },
  } as unknown as Desk;
  const conversation = openConversation(desk, "r", null, VIEW);
  const marked = () => asked.flatMap((one) => (one.type === "markRead" ? (one.entries ?? []) : []));
  return { asked, conversation, marked };
}

/** A conversation at a desk that answers so, and what tells it of entries. */
function heard(desk: { ask(question: Asked): Promise<unknown> }) {
  let hear: (message: unknown) => void = () => {};
  const of = {
    ...desk,
    state: () => ({ connection: "online", rooms: new Map(), me: null }),
    subscribe: () => () => {},
    hear: (listener: typeof hear) => {
      hear = listener;
      return () => {};
    },
  } as unknown as Desk;
  return { conversation: openConversation(of, "r", null, VIEW), tell: (message: unknown) => hear(message) };
}

test("what is shown of a room does not grow with what comes, however much that is", async () => {
  const all: EntryRow[] = [];
  const { conversation, tell } = heard({
    ask: async () => ({ type: "history", entries: all.slice(-50), unread: [], isStart: all.length <= 50 }),
  });
  for (let at = 0; at < 2_000; at += 1) {
    all.push(row(`n${at}.`, "text", NOW_MS));
    tell({ type: "entries", room: "r", entries: all.slice(-1), again: false });
    await Promise.resolve();
  }
  await turn();
  const { items, hasEarlier } = conversation.state();
  assert.deepEqual([items.at(-1)?.id, hasEarlier], ["n1999.", true]);
  assert.ok(items.length <= 600, `${items.length} are shown`);
});

test("an earlier page that comes after the room was read anew leaves no gap", async () => {
  const ids = Array.from({ length: 200 }, (_, at) => `n${at}.`);
  const held: (() => void)[] = [];
  let all = ids.slice(0, 120);
  const { conversation, tell } = heard({
    ask: async ({ before }: Asked) => {
      const end = before ? all.indexOf(before) : all.length;
      const entries = all.slice(Math.max(0, end - 50), end).map((id) => row(id, "text", NOW_MS));
      if (before) await new Promise<void>((done) => held.push(done));
      return { type: "history", entries, unread: [], isStart: end <= 50 };
    },
  });
  await turn();
  const earlier = conversation.loadEarlier();
  all = ids;
  tell({ type: "entries", room: "r", entries: [], again: true });
  await turn();
  held.shift()?.();
  await earlier;
  const shown = () => conversation.state().items.map(({ id }) => id);
  assert.deepEqual(shown(), ids.slice(150));
  const again = conversation.loadEarlier();
  await turn();
  held.shift()?.();
  await again;
  assert.deepEqual(shown(), ids.slice(100));
});

const turn = () => new Promise((done) => setTimeout(done));

test("what was shown is marked as read up to where a person has seen it, and what was never loaded is not", async () => {
  const { conversation, marked } = paged({ now: false });
  await turn();
  conversation.seen("n100.");
  assert.deepEqual(marked(), ALL.slice(70, 101));
  conversation.seen("n119.");
  assert.deepEqual(marked(), ALL.slice(70));
  await conversation.loadEarlier();
  assert.deepEqual(new Set(marked()), new Set(ALL.slice(20)));
});

test("a second line of an entry, and a file that is on its way, are seen with all above them", async () => {
  for (const id of ["n119.-1", "a file on its way"]) {
    const { conversation, marked } = paged({ now: false });
    await turn();
    conversation.seen(id);
    assert.deepEqual(marked(), ALL.slice(70));
  }
});

test("a room that cannot be read is no empty room: that is said, once, and asked for again by a person", async () => {
  const fails = { now: true };
  const { asked, conversation } = paged(fails);
  await turn();
  assert.equal((conversation.failure() as DeskFailure).code, "local.desk_busy");
  fails.now = false;
  await conversation.retry();
  assert.equal(conversation.failure(), null);
  assert.equal(conversation.state().items.length, 50);
  fails.now = true;
  await conversation.loadEarlier();
  assert.equal(conversation.state().hasEarlier, false);
  fails.now = false;
  await conversation.retry();
  assert.equal(conversation.state().items.length, 100);
  assert.deepEqual(
    asked.map(({ before }) => before),
    [null, null, "n70.", "n70."],
  );
});

test("what comes late, above what was read, is marked as read; what the desk did not mark is unread still", async () => {
  let unread = ["a", "c"];
  let said: readonly string[] = unread;
  let fails = false;
  let isLookedAt = true;
  let hear: (message: unknown) => void = () => {};
  const desk = {
    state: () => ({ connection: "online", rooms: new Map(), me: null }),
    subscribe: () => () => {},
    hear(listener: typeof hear) {
      hear = listener;
      return () => {};
    },
    async ask({ type, entries }: Asked) {
      if (type !== "markRead")
        return { type: "history", entries: said.map((id) => row(id, "text", NOW_MS)), unread, isStart: true };
      if (fails) throw new DeskFailure({ code: "local.desk_busy", retryable: true, notBeforeMs: null });
      unread = unread.filter((id) => !entries?.includes(id));
      return { type: "done" };
    },
  } as unknown as Desk;
  const conversation = openConversation(desk, "r", null, { ...VIEW, isLookedAt: () => isLookedAt });
  const count = () => conversation.state().unread;
  await turn();
  conversation.seen("c");
  [said, unread] = [["a", "b", "c"], ["b"]];
  isLookedAt = false;
  hear({ type: "entries", room: "r", entries: [], again: true });
  await turn();
  assert.deepEqual([unread, count()], [["b"], 1]);
  isLookedAt = true;
  conversation.seenAgain();
  [said, unread] = [["a", "b", "B", "c"], ["B"]];
  hear({ type: "entries", room: "r", entries: [], again: true });
  await turn();
  assert.deepEqual([unread, count()], [[], 0]);
  fails = true;
  unread = ["d"];
  hear({ type: "entries", room: "r", entries: [row("d", "text", NOW_MS)], again: false });
  conversation.seen("d");
  await turn();
  assert.deepEqual([unread, count()], [["d"], 1]);
  fails = false;
  conversation.seen("d");
  hear({ type: "entries", room: "r", entries: [], again: false });
  assert.deepEqual([unread, count()], [[], 0]);
});
