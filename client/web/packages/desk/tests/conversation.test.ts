/** A room as the desk's page shows it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Item } from "@sealroom/ui/backend.ts";
import { openConversation } from "../src/conversation.ts";
import type { Desk } from "../src/desk.ts";
import type { EntryRow } from "../src/messages.ts";

const NOW_MS = 1_800_000_000_000;
const HOUR_MS = 3_600_000;
const CUSTOMER = { id: "c".repeat(32), name: null, role: "customer", isThis: false, isBot: false, teams: [] };

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
  const conversation = openConversation(desk, "r", null, { customer: () => "Kunde", nameless: () => "?" });
  await new Promise((done) => setTimeout(done));
  return conversation.state().items;
}

test("what was handed over is shown with the time at which it was written, not that of the hand-over (TRN-49)", async () => {
  const entries = [row("am Morgen", "text", NOW_MS - 3 * HOUR_MS), row("log", "access", NOW_MS - HOUR_MS)];
  const times = (await shownOf(entries)).map((one) => (one.kind === "message" ? one.writtenMs : one.atMs));
  assert.deepEqual(times, [NOW_MS - 3 * HOUR_MS, NOW_MS - HOUR_MS]);
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
