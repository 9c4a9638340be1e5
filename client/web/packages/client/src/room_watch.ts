/** Puts together what a screen shows of a room, and keeps what events say in passing. */

import { hex } from "@sealroom/core/bytes.ts";
import { MAX_FILE_B } from "@sealroom/core/constants.ts";
import type { Alarm, Company, RoomState } from "@sealroom/ui/backend.ts";
import type { Customer, ShownNotice } from "./customer.ts";
import type { Context } from "./engine/context.ts";
import type { CustomerEvent } from "./engine/events.ts";
import type { CompanyCard } from "./engine/new_engine.ts";
import { judge, mayReopen } from "./engine/rooms/judging.ts";
import type { Room } from "./room.ts";
import type { Items, Noticed } from "./room_items.ts";
import { companyOf, erasureOf, fingerprintOf, isRated, membersOf, modeOf, noticeOf, phaseOf } from "./room_state.ts";

export const NOTHING_YET: RoomState = {
  ...{ room: null, link: "connecting", phase: "loading", members: [], items: [], hasEarlier: false, unread: 0 },
  ...{ canWrite: false, canSendFiles: false, maxFileB: 0, alarm: null, obstacle: null, company: null, notice: null },
  ...{ fault: null, staleUntilMs: null, acceptedMode: null, keeping: { mode: "session", untilMs: null } },
  ...{ canRate: false, canReopen: false, erasure: "none", account: "none", code: "none", heldUntilMs: null },
};

const MAX_NOTICED = 64;

export class RoomWatch {
  readonly #origin: string;
  readonly #isNamed: boolean;
  /** Null until what makes them is here; one can write before. */
  #items: Items | null = null;
  readonly #failures = new Map<string, string>();
  #noticed: readonly Noticed[] = [];
  #count = 0;
  #newest: string | null = null;
  #alarmMs: number | null = null;

  constructor(origin: string, isNamed: boolean) {
    this.#origin = origin;
    this.#isNamed = isNamed;
  }

  get hasItems(): boolean {
    return this.#items !== null;
  }

  /** Show the conversation too from now on. */
  show(items: Items): void {
    this.#items ??= items;
  }

  heard(event: CustomerEvent, nowMs: number): void {
    if (event.type === "delivery") this.#failures.set(event.entry, event.code);
    if (event.type === "entry") this.#newest = event.entry;
    if (event.type === "identity-alarm") this.#alarmMs = nowMs;
    if (event.type !== "gap" && event.type !== "finding") return;
    this.#count += 1;
    const noticed = { event, after: this.#newest, atMs: nowMs, number: this.#count };
    this.#noticed = [...this.#noticed, noticed].slice(-MAX_NOTICED);
  }

  /** The company and its notice, as the door has them. */
  door(shown: ShownNotice | null, lang: string | null): Pick<RoomState, "company" | "notice"> {
    if (shown === null) return { company: null, notice: null };
    const { accountId, controller, relayUrl } = shown.notice;
    const card = { accountId, relayUrl, name: controller.name };
    return { company: this.#company(card, shown, lang), notice: noticeOf(shown, shown.locale(lang)) };
  }

  #company(card: CompanyCard, shown: ShownNotice | null, lang: string | null): Company {
    const locale = shown?.locale(lang) ?? lang ?? "";
    return companyOf(card, shown, { origin: this.#origin, locale, isNamed: this.#isNamed });
  }

  /** What an accepted room shows. */
  room(
    room: Room,
    shown: ShownNotice | null,
    lang: string | null,
    { limit, nowMs }: { readonly limit: number; readonly nowMs: number },
  ): Pick<RoomState, "phase" | "canWrite" | "alarm"> & Partial<RoomState> {
    const c = room.context;
    const view = room.view();
    const entries = room.entries();
    const consent = room.consent();
    const phase = phaseOf(view, consent);
    const isClosed = phase === "closed" && !c.isReplaced && mayReopen(c, room.kept, nowMs);
    const canWrite = (phase === "waiting" || phase === "open") && !c.isReplaced && mayWrite(consent, nowMs);
    const { path } = judge(c, room.kept);
    const around = { path, failures: this.#failures, noticed: this.#noticed, room: room.kept };
    const files = { fileOf: (id: string) => room.file(id).status(), uploads: room.uploads() };
    const all = this.#items?.of(entries, { ...around, ...files, self: hex(c.own.record.deviceId) }) ?? [];
    const named = path.flatMap(({ state }) => state.members.map(hex));
    const given = consent.name === "Accepted" || consent.name === "Stale" ? consent.given : null;
    return {
      room: room.id,
      phase,
      company: this.#company(c.company, shown, lang),
      members: membersOf(c, view, entries, { person: (id) => room.person(id), named }),
      items: all.slice(-limit),
      hasEarlier: all.length > limit,
      unread: view.unread,
      canWrite,
      canSendFiles: canWrite && room.canSendFiles,
      ...c.kin?.ending(nowMs),
      maxFileB: MAX_FILE_B,
      alarm: this.#alarm(c, nowMs),
      staleUntilMs: consent.name === "Stale" ? consent.untilMs : null,
      acceptedMode: given && modeOf(given.mode),
      canReopen: isClosed && consent.name !== "Ended",
      canRate: isClosed && mayWrite(consent, nowMs) && !isRated(entries),
      ...erasureOf(entries),
    };
  }

  #alarm(c: Context, nowMs: number): Alarm | null {
    if (c.company.alarm === "") return null;
    const groups = fingerprintOf(c.company.accountId);
    return { kind: "two-histories", sinceMs: this.#alarmMs ?? nowMs, before: groups, now: groups };
  }

  /** The door is of an account that is not the known one; which, the door that was refused does not prove. */
  identityAlarm(customer: Customer, sinceMs: number): Alarm {
    return { kind: "identity", sinceMs, before: fingerprintOf(customer.shell.context.company.accountId), now: [] };
  }
}

function mayWrite(consent: ReturnType<Room["consent"]>, nowMs: number): boolean {
  return consent.name === "Accepted" || (consent.name === "Stale" && nowMs <= consent.untilMs);
}
