/** A tab whose leader writes a row for each call, for the tests that drive several of them. */

import type { Bytes } from "@sealroom/core/bytes.ts";
import type { Store } from "../../src/engine/ports.ts";
import { StoreError } from "../../src/engine/ports.ts";
import { browserClock, browserRandom } from "../../src/link/clock.ts";
import { browserPlace } from "../../src/store/place.ts";
import { TabsError } from "../../src/tabs/calls.ts";
import type { Load } from "../../src/tabs/messages.ts";
import type { Leadership, Tabs } from "../../src/tabs/tabs.ts";
import { joinTabs } from "../../src/tabs/tabs.ts";

const NAME = "sealroom-tabs";
const utf8 = new TextEncoder();
const load = (text: string, blob: Blob | null = null): Load => ({ data: utf8.encode(text), blob });
const textOf = ({ data }: Load): string => new TextDecoder().decode(data);

/** A tab that sleeps says and hears nothing. */
let sleeps = false;
const Awake = BroadcastChannel;
globalThis.BroadcastChannel = class extends Awake {
  override postMessage(message: unknown): void {
    if (!sleeps) super.postMessage(message);
  }
};

const heard: string[] = [];
const led: boolean[] = [];
let store: Store | null = null;

async function lead(emit: (load: Load) => void): Promise<Leadership> {
  const options = { mode: "device", name: NAME, ttlMs: 0, rng: browserRandom, nowMs: Date.now } as const;
  const place = browserPlace({ ...options, ended: () => undefined });
  const mine = (await place.open()) ?? (await place.create());
  store = mine;
  let last: Promise<unknown> = Promise.resolve();
  const write = (data: Bytes): Promise<unknown> => {
    last = last.then(async () =>
      mine.commit([{ kind: "entry", key: browserRandom(16) as Bytes, value: data }], await mine.version()),
    );
    return last;
  };
  return {
    answer: async (method, asked) => {
      if (method === "read") return load(JSON.stringify(await texts(mine)));
      if (method === "size") return load(String(asked.blob?.size ?? -1), asked.blob);
      if (method !== "write") throw new StoreError("store.misuse", "no such method");
      await write(asked.data);
      emit(asked);
      return load("written");
    },
    end: () => mine.close(),
  };
}

async function texts(of: Store): Promise<readonly string[]> {
  return (await of.rows("entry")).map((row) => new TextDecoder().decode(row.value));
}

let tabs: Tabs | null = null;

function join(): void {
  tabs = joinTabs({
    name: NAME,
    rng: browserRandom,
    clock: browserClock,
    lead,
    failed: (error) => heard.push(`failed: ${error}`),
    ledBy: (isUs) => led.push(isUs),
    heard: (event) => heard.push(textOf(event)),
  });
}

async function call(method: string, asked: Load): Promise<string> {
  try {
    return textOf((await tabs?.call(method, asked)) as Load);
  } catch (error) {
    if (error instanceof TabsError) return error.code;
    throw error;
  }
}

/** What another version of the page, or a fault, might say. */
function noise(): void {
  const channel = new Awake(NAME);
  const bytes = (...of: number[]): unknown => ({ bytes: Uint8Array.of(...of), blob: null });
  const strange = [null, 1, "hello", {}, { bytes: "x" }, { bytes: new Uint8Array(1), blob: 1 }, bytes(), bytes(0xff)];
  // Another version, a kind that is none, a hello without a sender, an answer to nobody.
  strange.push(bytes(0x83, 2, 0, 0x40), bytes(0x83, 1, 9, 0x40), bytes(0x83, 1, 0, 0x40), bytes(0x83, 1, 3, 0xf6));
  for (const one of strange) channel.postMessage(one);
  channel.close();
}

Object.assign(globalThis, {
  tab: {
    join,
    isLeader: () => tabs?.isLeader() ?? false,
    write: (text: string) => call("write", load(text)),
    read: async () => JSON.parse(textOf((await tabs?.call("read", load(""), true)) as Load)),
    refused: () => call("other", load("")),
    size: () => call("size", load("", new Blob(["four"]))),
    tooLarge: () => call("write", { data: new Uint8Array(1_048_576), blob: null }),
    writeStraight: async () => {
      try {
        return await store?.commit([], await store.version());
      } catch (error) {
        return (error as StoreError).code;
      }
    },
    heard: () => heard,
    led: () => led,
    leave: () => tabs?.leave(),
    sleep: () => {
      sleeps = true;
    },
    noise,
  },
});
