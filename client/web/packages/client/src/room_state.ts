/** Parts of what a customer's screen shows, from the room, the door and the store; nothing here changes anything. */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex } from "@sealroom/core/bytes.ts";
import type { ConsentState } from "@sealroom/core/consent/customer.ts";
import { fingerprintGroups } from "@sealroom/core/identity/safety.ts";
import type { Company, Hours, Member, Notice, Obstacle, Phase, RoomState } from "@sealroom/ui/backend.ts";
import type { ShownNotice } from "./customer.ts";
import type { Context } from "./engine/context.ts";
import type { CompanyCard } from "./engine/new_engine.ts";
import { KIND_RATING } from "./engine/rooms/judging.ts";
import type { EntryView, RoomView } from "./views.ts";
import { fieldOf } from "./views.ts";

const CHANNELS = ["phone", "email", "post", "page"] as const;
const MODES = ["notice", "consent", "explicit"] as const;
const CLASSES = ["ephemeral", "default", "statutory", "proof"] as const;
/** Texts, files and ratings. */
const SAID: readonly number[] = [3, 7, KIND_RATING];
const ERASE = 5;
const ERASED = 6;
const DONE = 1;

const OBSTACLES: Readonly<Record<string, Obstacle>> = {
  "door.missing": "door-missing",
  "door.unreachable": "company-unavailable",
  "door.refused": "company-unavailable",
  "door.expired": "door-expired",
  "door.origin": "other-site",
  "door.second": "other-site",
  "store.conflict": "storage-ended",
  "store.closed": "storage-ended",
  "store.missing": "storage-lost",
  "store.corrupt": "storage-lost",
  "store.too_new": "page-too-old",
  "local.part": "page-too-old",
};

/** What a person is told of a code that stands in the way before there is a room, or where its store ends (CNS-86). */
export function obstacleOf(code: string | null, wasOpen = false): Obstacle {
  const found = code === null ? undefined : OBSTACLES[code];
  if (found !== undefined) return found;
  if (code?.startsWith("door.")) return "door-wrong";
  if (!code?.startsWith("store.")) return "company-unavailable";
  return wasOpen ? "storage-ended" : "storage-blocked";
}

const fingerprints = new Map<string, readonly string[]>();

/** Groups of digits to compare; they take some thousand rounds to find, once an account. */
export function fingerprintOf(accountId: Bytes): readonly string[] {
  const key = hex(accountId);
  const found = fingerprints.get(key) ?? fingerprintGroups(accountId);
  fingerprints.set(key, found);
  return found;
}

export function modeOf(mode: number): Notice["mode"] {
  return MODES[mode - 1] ?? "explicit";
}

export function noticeOf(shown: ShownNotice, locale: string): Notice {
  const { notice } = shown;
  const { number, issuedMs, controller, officer, thirdCountries, authority } = notice;
  return {
    ...{ number, issuedMs, controller, officer, thirdCountries, authority, locale },
    mode: modeOf(notice.mode),
    locales: shown.locales,
    text: shown.text(locale),
    purposes: notice.purposes.map((one) => ({ number: one.number, basis: one.basis, isRequired: one.required })),
    recipients: [notice.operator, ...notice.recipients],
    keptS: notice.kept.map((one) => ({ class: CLASSES[one.class - 1] ?? "default", ttlS: one.ttlS })),
    imprintUrl: notice.imprintUrl,
    privacyUrl: notice.privacyUrl,
    hasBot: notice.botsAnswer,
    minimumAge: notice.minimumAge,
    decidesAlone: notice.decidesAlone,
  };
}

/** The company by its door; without it by what is stored, which names no other ways to it. */
export function companyOf(
  card: CompanyCard,
  shown: ShownNotice | null,
  { origin, locale, isNamed }: { readonly origin: string; readonly locale: string; readonly isNamed: boolean },
): Company {
  const channels = shown?.channels.channels ?? [];
  return {
    name: card.name,
    origin,
    channels: channels.map(({ kind, value, label }) => ({ kind: CHANNELS[kind - 1] ?? "page", value, label })),
    hours: hoursOf(shown, locale),
    fingerprint: fingerprintOf(card.accountId),
    trust: isNamed ? "page" : "origin",
  };
}

function hoursOf(shown: ShownNotice | null, locale: string): Hours | null {
  const all = shown?.channels.hours ?? [];
  const one = all.find((hours) => hours.locale === locale) ?? all[0];
  return one === undefined ? null : { text: one.text, isOpen: null, opensMs: null };
}

/** Who has written or is there; a device without a card speaks as the company. */
export function membersOf(
  c: Context,
  view: RoomView,
  entries: readonly EntryView[],
  people: People,
): readonly Member[] {
  const self = hex(c.own.record.deviceId);
  const present = view.members.map((one) => one.id);
  const states = people.named;
  const ids = new Set([self, ...present, ...states, ...entries.map((one) => one.author)]);
  return [...ids].map((id) => {
    const { name, kind, teams, isSelf, isPresent } = people.person(id);
    return { id, name: isSelf ? "" : (name ?? c.company.name), kind, team: teams[0] ?? null, isSelf, isPresent };
  });
}

export interface People {
  readonly person: (id: string) => {
    readonly name: string | null;
    readonly kind: Member["kind"];
    readonly teams: readonly string[];
    readonly isSelf: boolean;
    readonly isPresent: boolean;
  };
  /** Devices that states have named. */
  readonly named: readonly string[];
}

/** The part of its life: what the company says, and what consent lets pass. */
export function phaseOf(view: RoomView, consent: ConsentState): Phase {
  if (view.phase !== null && view.phase !== "open") return view.phase;
  if (consent.name === "Ended") return "withdrawn";
  return view.assigned === null && view.members.length === 0 ? "waiting" : "open";
}

type Erasure = Pick<RoomState, "erasure" | "heldUntilMs">;

/**
 * What the company's devices have said last of the newest order to erase all: an answer names that order (ROOM-45). It is
 * held while one of them keeps something, and confirmed by one at least otherwise. Before any has it, it is unsent
 * (STO-54).
 */
export function erasureOf(entries: readonly EntryView[]): Erasure {
  const order = entries.findLast((one) => one.kind === ERASE && one.ours && fieldOf(one.payload, 1) === null);
  if (order === undefined) return { erasure: "none", heldUntilMs: null };
  const answers = entries.filter(({ kind, payload }) => {
    return kind === ERASED && (fieldOf(payload, 1) as readonly Bytes[] | null)?.some((one) => hex(one) === order.id);
  });
  const last = new Map(answers.map(({ author, payload }) => [author, payload]));
  const isHere = order.delivery === "waiting" || order.delivery === "failed";
  if (last.size === 0) return { erasure: isHere ? "unsent" : "asked", heldUntilMs: null };
  const held = [...last.values()].find((payload) => fieldOf(payload, 2) !== DONE);
  if (held === undefined) return { erasure: "confirmed", heldUntilMs: null };
  const until = fieldOf(held, 3);
  return { erasure: "held", heldUntilMs: until === null ? null : Number(until) };
}

/** Whether the person has rated what was said: nothing that stands was written since. */
export function isRated(entries: readonly EntryView[]): boolean {
  const found = entries.findLast(({ kind, isErased }) => SAID.includes(kind) && !isErased);
  return found?.kind === KIND_RATING;
}
