/** A person's room as its screen drives it, over a store in memory, and the notice that it is shown. */
import type { ShownNotice } from "../src/customer.ts";
import { Customer } from "../src/customer.ts";
import { pin } from "../src/engine/lists.ts";
import { newEngine, putNew } from "../src/engine/new_engine.ts";
import type { Ports, StorePlace } from "../src/engine/ports.ts";
import { accept } from "../src/engine/rooms/consenting.ts";
import { newPeer, setPeer } from "../src/engine/state.ts";
import { learnNotice } from "../src/engine/team_learning.ts";
import { codeOf, DoorError } from "../src/errors.ts";
import { OpenedRoom } from "../src/room_backend.ts";
import type { RoomOptions } from "../src/room_life.ts";
import { Shell } from "../src/shell.ts";
import type { MemoryPlace } from "./memory_store.ts";
import * as shop from "./shop.ts";
import { bytesFrom, NOW_MS } from "./shop.ts";
import { learnRoster } from "./shop_room.ts";

export const company = "https://praxis.example";

export const later = () => import("../src/later.ts");
export const received = () => import("../src/engine/received.ts");
export const stored = () => import("../src/engine/loading.ts");

export function portsOf(place: StorePlace, others: Partial<Ports> = {}): Ports {
  return {
    ...{ place, random: bytesFrom(5), clock: { nowMs: () => NOW_MS, wake: () => () => {} }, later, received, stored },
    connect: () => ({ send: () => {}, close: () => {} }),
    work: () => new Promise(() => {}),
    fetchDoor: () => Promise.reject(new DoorError("door.missing", "no door")),
    ...others,
  };
}

/** A person who has accepted and has a room. */
export async function person(place: MemoryPlace, others: Partial<Ports> = {}) {
  const card = { accountId: shop.accountId, name: "Praxis", relayUrl: shop.RELAY };
  const ports = portsOf(place, others);
  const shell = new Shell(ports, await place.create(), newEngine(bytesFrom(2), card, NOW_MS), 0);
  await shell.received();
  const roomId = await shell.do((c, turn) => {
    putNew(c, turn);
    for (const { record } of [shop.desk, shop.second, shop.agent, shop.other]) setPeer(c, turn, newPeer(record));
    pin(c, turn, shop.list);
    learnRoster(c, turn, shop.roster);
    learnNotice(c, turn, shop.notice, [{ locale: "de", text: shop.TEXT }]);
    return accept(c, turn, { notice: shop.notice, locale: "de", purposes: 1 });
  });
  return { ports, shell, roomId };
}

export function lifeOf(ports: Ports, others: Partial<RoomOptions> = {}): OpenedRoom {
  const items = () => import("../src/room_items.ts");
  const keeping = { mode: "recoverable", untilMs: null } as const;
  return new OpenedRoom({ company, ports, lang: null, keeping, items, ...others });
}

export async function refusal(promise: Promise<unknown>): Promise<string | null> {
  return await promise.then(
    () => null,
    (error: unknown) => codeOf(error) ?? String(error),
  );
}

export function shown(): ShownNotice {
  const door = { mandate: shop.mandate, notice: shop.notice, texts: [{ locale: "de", text: shop.TEXT }] };
  const found = { origin: "https://praxis.example", relayUrl: shop.RELAY, door };
  return {
    found,
    notice: shop.notice,
    locale: () => "de",
    text: () => shop.TEXT,
    locales: ["de"],
    channels: { hours: [], channels: [] },
  } as unknown as ShownNotice;
}

/** A room of which the door shows this notice. */
export async function withNotice(life: OpenedRoom, ports: Ports): Promise<Customer> {
  const me = await Customer.open({ company, ports });
  Object.assign(me, { notice: async () => shown() });
  Object.assign(life, { customer: me });
  await life.tryAgain();
  return me;
}
