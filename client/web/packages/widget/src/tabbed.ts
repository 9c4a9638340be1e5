/**
 * One room for all tabs of a browser: the tab that leads has it, does what any of them asks, and tells its state
 * (STO-38). Every value of the interface is JSON but for one blob, so it goes over the channel as it is.
 */

import type { Clock } from "@sealroom/client/engine/ports.ts";
import type { Load } from "@sealroom/client/tabs/messages.ts";
import { MAX_MESSAGE_B } from "@sealroom/client/tabs/messages.ts";
import type { Leadership } from "@sealroom/client/tabs/tabs.ts";
import { joinTabs } from "@sealroom/client/tabs/tabs.ts";
import type { Rng } from "@sealroom/core/ports.ts";
import type { Item, RoomBackend, RoomState, SavedFile } from "@sealroom/ui/backend.ts";
import type { Plain } from "./acts.ts";
import { PLAIN } from "./acts.ts";
import { bareState } from "./obstructed.ts";

/** A room that can be left: what is stored stays. */
export type Led = RoomBackend & { end(): Promise<void> };

export interface TabbedOptions {
  readonly name: string;
  readonly rng: Rng;
  readonly clock: Clock;
  /** Open the room, in the tab that leads. */
  open(): Led;
}

const utf8 = new TextEncoder();
/** Room for the frame of a message. */
const MOST_B = MAX_MESSAGE_B - 1_024;

function pack(value: unknown, blob: Blob | null = null): Load {
  return { data: utf8.encode(JSON.stringify(value ?? null)), blob };
}

function unpack(load: Load): unknown {
  return JSON.parse(new TextDecoder().decode(load.data));
}

/** A state as one message; of one that is too long the newest part, earlier items can be asked for. */
export function packState(state: RoomState): Load {
  let { items, hasEarlier } = state;
  for (;;) {
    const load = pack({ ...state, items, hasEarlier });
    if (load.data.length <= MOST_B || items.length === 0) return load;
    items = items.slice(Math.ceil(items.length / 2));
    hasEarlier = true;
  }
}

/** A state that came: an item that says the same as before is the same object. */
export function unpackState(load: Load, before: RoomState): RoomState {
  const state = unpack(load) as RoomState;
  const known = new Map(before.items.map((item) => [item.id, item]));
  const same = (item: Item) => {
    const old = known.get(item.id);
    return old !== undefined && JSON.stringify(old) === JSON.stringify(item) ? old : item;
  };
  const members = JSON.stringify(before.members) === JSON.stringify(state.members) ? before.members : state.members;
  return { ...state, members, items: state.items.map(same) };
}

/** Carry out a call in the tab that leads. */
async function carryOut(led: Led, method: string, load: Load): Promise<Load> {
  const rest = unpack(load) as readonly unknown[];
  if (method === "state") return packState(led.state());
  if (method === "saveFile") return packFile(await led.saveFile(String(rest[0])));
  if (method === "exportTranscript") return packFile(await led.exportTranscript(rest[0] === "html" ? "html" : "json"));
  if (method === "preview") return pack(null, await led.preview(String(rest[0])));
  if (method === "sendFile" && load.blob !== null) {
    const file = new File([load.blob], String(rest[0]), { type: load.blob.type });
    const room = typeof rest[2] === "string" ? rest[2] : null;
    await led.sendFile(file, { removeMetadata: rest[1] === true }, room);
    return pack(null);
  }
  const plain = PLAIN.find((known) => known === method);
  if (plain === undefined) throw Object.assign(new Error(method), { code: "local.unsupported" });
  const act = led[plain] as (...given: readonly unknown[]) => unknown;
  return pack(await act.apply(led, [...rest]));
}

function packFile({ name, blob }: SavedFile): Load {
  return pack(name, blob);
}

function unpackFile(load: Load): SavedFile {
  return { name: String(unpack(load)), blob: load.blob ?? new Blob() };
}

/** The room as every tab has it; `inspect` finds on this device and in this tab. */
export function tabbed(options: TabbedOptions, inspect: RoomBackend["inspect"]): RoomBackend {
  const listeners = new Set<() => void>();
  /** This tab stands no more: it begins anew. */
  let isOut = false;
  let led: Led | null = null;
  let state = bareState(null);
  const tell = (next: RoomState) => {
    state = next;
    for (const listener of [...listeners]) listener();
  };

  /** What was shown before stays until the room is open, and what is asked for waits until then (STO-42). */
  async function lead(emit: (load: Load) => void): Promise<Leadership> {
    const mine = options.open();
    const opened = Promise.withResolvers<void>();
    const show = () => {
      if (led === null && mine.state().phase === "loading") return;
      led = mine;
      opened.resolve();
      tell(mine.state());
      emit(packState(mine.state()));
    };
    const stop = mine.subscribe(show);
    show();
    const answer = async (method: string, load: Load) => {
      await opened.promise;
      return await carryOut(mine, method, load);
    };
    const end = async () => {
      stop();
      led = null;
      await mine.end();
    };
    return { answer, end };
  }

  const tabs = joinTabs({
    name: options.name,
    rng: options.rng,
    clock: options.clock,
    lead,
    failed: () => {
      isOut = true;
      tell(bareState("storage-blocked"));
    },
    ledBy: (isUs) => {
      if (!isUs) void tabs.call("state", pack([])).then(heard, () => {});
    },
    heard: (load) => heard(load),
  });

  function heard(load: Load): void {
    if (led === null) tell(unpackState(load, state));
  }

  const call = async (method: string, rest: readonly unknown[], blob: Blob | null = null) =>
    await tabs.call(method, pack(rest, blob));
  const plain = Object.fromEntries(
    PLAIN.map((name) => [name, async (...rest: readonly unknown[]) => unpack(await call(name, rest))]),
  ) as unknown as Pick<RoomBackend, Plain>;
  return {
    ...plain,
    tryAgain: async () => (isOut ? location.reload() : await plain.tryAgain()),
    state: () => led?.state() ?? state,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    inspect,
    seen: (id) => void call("seen", [id]).catch(() => {}),
    sendFile: async (file, choice, room) =>
      void (await call("sendFile", [file.name, choice.removeMetadata, room], file)),
    saveFile: async (id) => unpackFile(await call("saveFile", [id])),
    preview: async (id) => (await call("preview", [id])).blob ?? new Blob(),
    exportTranscript: async (form) => unpackFile(await call("exportTranscript", [form])),
    identify: (sign) => led?.identify(sign) ?? refused(),
  };
}

/** What needs this page itself is done by the tab that leads. */
function refused(): Promise<never> {
  return Promise.reject(Object.assign(new Error("another tab leads"), { code: "tabs.busy", isRetryable: true }));
}
