import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as passed } from "node:timers/promises";
import { decodeMessage, encodeMessage, type Message } from "@sealroom/client/tabs/messages.ts";
import type { RoomState } from "@sealroom/ui/backend.ts";
import { talkOf } from "../../ui/tests/scene_parts.ts";
import { sceneOf } from "../../ui/tests/scenes.ts";
import { obstructed } from "../src/obstructed.ts";
import type { Led } from "../src/tabbed.ts";
import { packState, tabbed, unpackState } from "../src/tabbed.ts";

test("a state goes to another tab as it is, and an item that says the same stays the same object", () => {
  const before = sceneOf("open", "de");
  const after = unpackState(packState({ ...before, unread: 2 }), before);
  assert.deepEqual(after, { ...before, unread: 2 });
  assert.ok(after.items.every((item, at) => item === before.items[at]));
  assert.equal(after.members, before.members);
});

test("of a state that is too long for one message the newest part goes", () => {
  const [first] = talkOf("de");
  assert.ok(first?.kind === "message");
  const items = Array.from({ length: 200 }, (_, at) => ({ ...first, id: `x${at}`, text: "a".repeat(16_000) }));
  const state = { ...sceneOf("open", "de"), items };
  const load = packState(state);
  assert.ok(load.data.length <= 1_048_576);
  const came = unpackState(load, sceneOf("open", "de"));
  assert.ok(came.items.length > 10 && came.hasEarlier);
  assert.equal(came.items.at(-1)?.id, "x199");
});

const NAME = "tabs";
const LEADER = new Uint8Array(16).fill(1);

/** What a tab has of its page; dispatching `pagehide` on it ends the tab. */
function pageInNode(): EventTarget {
  const page = new EventTarget();
  const document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  Object.assign(globalThis, { document, addEventListener: page.addEventListener.bind(page), reportError: assert.fail });
  return page;
}

/** Another tab that leads, until it is gone, and says what there is. */
async function otherTab(state: RoomState): Promise<() => void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const channel = new BroadcastChannel(NAME);
  const post = (message: Message) => channel.postMessage(encodeMessage(message));
  channel.onmessage = ({ data }: MessageEvent<unknown>) => {
    const message = decodeMessage(data);
    if (message?.kind === "hello") post({ kind: "leader", from: LEADER });
    if (message?.kind === "call")
      post({ kind: "answer", to: message.from, id: message.id, code: "", load: packState(state) });
  };
  await new Promise<void>((held) => {
    void navigator.locks.request(NAME, () => {
      held();
      return promise;
    });
  });
  return () => {
    channel.close();
    resolve();
  };
}

/** A room that opens when it is told to. */
function lateRoom(sent: string[]): { room: Led; opens: (state: RoomState) => void } {
  let state: RoomState = { ...obstructed("company-unavailable").state(), phase: "loading" };
  const listeners = new Set<() => void>();
  const room: Led = {
    ...obstructed("company-unavailable"),
    state: () => state,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    send: async (text) => void sent.push(text),
    end: async () => {},
  };
  const opens = (next: RoomState) => {
    state = next;
    for (const listener of listeners) listener();
  };
  return { room, opens };
}

async function until(happened: () => boolean): Promise<void> {
  while (!happened()) await passed(1);
}

test("a tab that comes to lead shows what it showed until its room is open, and what is asked for waits (STO-42)", async () => {
  const page = pageInNode();
  const scene = sceneOf("open", "de");
  const goes = await otherTab(scene);
  const sent: string[] = [];
  const { room, opens } = lateRoom(sent);
  let isOpening = false;
  const open = () => {
    isOpening = true;
    return room;
  };
  const clock = { nowMs: () => 0, wake: () => () => {} };
  const rng = (size: number) => new Uint8Array(size).fill(2);
  const backend = tabbed({ name: NAME, rng, clock, open }, async () => []);
  await until(() => backend.state().phase === "open");
  goes();
  await until(() => isOpening);
  const asked = backend.send("noch ein Wort", null);
  await passed(20);
  assert.deepEqual(backend.state(), scene);
  assert.deepEqual(sent, []);
  opens({ ...scene, unread: 3 });
  await asked;
  assert.deepEqual([sent, backend.state().unread], [["noch ein Wort"], 3]);
  page.dispatchEvent(new Event("pagehide"));
});
