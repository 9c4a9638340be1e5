/**
 * A person's recovery code: drawn with the account, shown, typed back, and typed where every device is lost.
 *
 *     first accept --> code to write down --> two groups typed back: kept
 *     all devices lost --> door, notice, code --> account key --> a new device, a new room
 */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { sameSecret } from "@sealroom/core/bytes.ts";
import { stepConsent } from "@sealroom/core/consent/customer.ts";
import { RemoteError } from "@sealroom/core/errors.ts";
import type { RecoveryCode } from "@sealroom/core/identity/recovery.ts";
import {
  accountSeedOf,
  decodeRecovery,
  doubtfulGroup,
  groupsOf,
  newRecovery,
  readTyped,
  recoveredList,
  recoveredSeq,
} from "@sealroom/core/identity/recovery.ts";
import type { Rng } from "@sealroom/core/ports.ts";
import { draw } from "@sealroom/core/ports.ts";
import { ed25519PublicOf } from "@sealroom/core/primitives/sign.ts";
import { Secret } from "@sealroom/core/secret.ts";
import type { AcceptOptions, ShownNotice } from "../customer.ts";
import { RowReader, row, stored } from "../engine/codec.ts";
import type { Context } from "../engine/context.ts";
import type { Engine } from "../engine/engine.ts";
import type { CompanyCard } from "../engine/new_engine.ts";
import { engineFor } from "../engine/new_engine.ts";
import type { Ports } from "../engine/ports.ts";
import type { Acceptance } from "../engine/rooms/consenting.ts";
import { CODE_KEY } from "../engine/state.ts";
import type { Turn } from "../engine/turn.ts";
import { newAccount, newDevice } from "../engine/upkeep.ts";
import { ClientError } from "../errors.ts";
import type { Room } from "../room.ts";
import type { Shell } from "../shell.ts";
import { kinOf } from "./kin.ts";
import { newestList } from "./newest_list.ts";

/** How many groups of a code a person types back (ACC-68). */
const TYPED_BACK = 2;
const DEVICE_ID_B = 16;
const utf8 = new TextEncoder();

/**
 * What a person writes down: the company by the name that the store has, its page, six groups (ACC-72); and the numbers,
 * from 1 on, of those that are then typed back.
 */
export interface RecoverySheet {
  readonly company: string;
  readonly origin: string;
  readonly groups: readonly string[];
  readonly asked: readonly number[];
  readonly isKept: boolean;
}

/** Whether what was typed is a code; else the one group that is in doubt, from 1 on, or null (ACC-62). */
export interface ReadCode {
  readonly isCode: boolean;
  readonly group: number | null;
}

/** An account that begins here, and what is kept of its code. */
export interface Begun {
  readonly engine: Engine;
  putCode(turn: Turn): void;
}

export interface Recovery {
  /** The code, at the person's wish alone. @throws ClientError `recovery.none`, StoreError */
  sheet(): Promise<RecoverySheet>;
  /**
   * The person has typed the groups back that the sheet asks for, in its order. Resolves to the number of the first that
   * is another one, null where all are right.
   *
   * @throws ClientError `recovery.none`, also where nothing was asked for
   */
  typedBack(typed: readonly string[]): Promise<number | null>;
  read(typed: string): ReadCode;
  /**
   * The person, who has lost every device, accepts what it was shown and goes on with its account, by the code: on this
   * device, in a new room. Older devices are struck off (ACC-63 to ACC-65).
   *
   * @throws ClientError `client.unsupported` where an account is here, and as `recovered`
   */
  recover(shown: ShownNotice, typed: string, options: AcceptOptions & { readonly signal?: AbortSignal }): Promise<Room>;
}

export interface RecoveryHost {
  readonly ports: Ports;
  /** The page of the company that the device uses. */
  readonly company: string;
  /** Null before anything was accepted. */
  shell(): Shell | null;
  /** Open a room with an account that is made now, for an acceptance; one at a time. */
  open(
    shown: ShownNotice,
    options: AcceptOptions,
    make: (card: CompanyCard, acceptance: Acceptance) => Promise<Begun>,
  ): Promise<Room>;
}

/** What each open store has asked its person for since it showed the code. */
const asked = new WeakMap<Shell, readonly number[]>();

export function recoveryOf({ ports, company: origin, shell: shellNow, open }: RecoveryHost): Recovery {
  const none = (): ClientError => new ClientError("recovery.none", "this device has no recovery code");
  async function known(): Promise<{ readonly shell: Shell; readonly code: RecoveryCode }> {
    const shell = shellNow();
    const value = shell && (await shell.stored("meta", CODE_KEY));
    if (shell === null || value === null) throw none();
    return { shell, code: decodeCode(value) };
  }
  return {
    sheet: async () => {
      const { shell, code } = await known();
      const groups = groupsOf(code);
      const numbers = asked.get(shell) ?? drawn(groups.length, ports.random);
      asked.set(shell, numbers);
      const { company, code: isKnown } = shell.context;
      return { company: company.name, origin, groups, asked: numbers, isKept: isKnown === "kept" };
    },
    typedBack: async (typed) => {
      const { shell, code } = await known();
      const numbers = asked.get(shell);
      if (numbers === undefined || typed.length !== numbers.length) throw none();
      const groups = groupsOf(code);
      const isRight = (number: number, at: number): boolean => isGroup(typed[at] ?? "", groups[number - 1] ?? "");
      const wrong = numbers.find((number, at) => !isRight(number, at));
      if (wrong !== undefined) return wrong;
      await shell.do((c, turn) => putCode(c, turn, code, true));
      asked.delete(shell);
      return null;
    },
    read,
    recover: (shown, typed, options) =>
      open(shown, options, async (card, acceptance) => {
        if (shellNow() !== null) throw new ClientError("client.unsupported", "this device has an account already");
        return await recovered(ports, card, typed, acceptance, options.signal);
      }),
  };
}

function isGroup(typed: string, group: string): boolean {
  return sameSecret(utf8.encode(readTyped(typed)), utf8.encode(group));
}

/** The numbers of the groups that a person types back, ascending (ACC-68). */
function drawn(of: number, rng: Rng): readonly number[] {
  const left = Array.from({ length: of }, (_, i) => i + 1);
  const found = Array.from({ length: TYPED_BACK }, () => {
    const at = Math.floor(((draw(rng, 1)[0] as number) * left.length) / 256);
    return left.splice(at, 1)[0] as number;
  });
  return found.sort((a, b) => a - b);
}

/** Whether what somebody has typed is a code (ACC-62). */
function read(typed: string): ReadCode {
  try {
    decodeRecovery(typed);
    return { isCode: true, group: null };
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error;
    return { isCode: false, group: doubtfulGroup(typed) };
  }
}

// --- what is kept (ACC-60, ACC-68) ---

function putCode(c: Context, turn: Turn, code: RecoveryCode | null, isKept: boolean): void {
  if (code === null) return;
  const { r, entry } = code;
  if (!c.isReplaced) c.code = isKept ? "kept" : "shown";
  turn.put("meta", CODE_KEY, () => row(isKept, entry, r.expose()));
}

function decodeCode(value: Bytes): RecoveryCode {
  return stored(() => {
    const reader = new RowReader(value);
    reader.flag();
    return { entry: reader.flag(), r: new Secret("recovery secret", reader.bytes()) };
  });
}

// --- accounts ---

/** A new account, with a directory entry (ACC-50), and whose key follows from an r that is drawn for it (ACC-60). */
export function begin({ random, clock }: Ports, card: CompanyCard, linkable: boolean, recoverable: boolean): Begun {
  const code = recoverable ? newRecovery(random, linkable) : null;
  const engine = engineFor(
    random,
    newAccount(random, clock.nowMs(), code === null ? undefined : accountSeedOf(code.r)),
    card,
  );
  if (linkable) engine.context.kin = kinOf(engine.context, []);
  return { engine, putCode: (turn) => putCode(engine.context, turn, code, false) };
}

/**
 * The account of a code that a person has typed, on a new device. Its list is signed here, and leaves only when it is
 * stored (ACC-63 to ACC-65, ACC-70).
 *
 * @throws ClientError `recovery.code`, `relay.unavailable`, `client.closed` once `signal` is aborted, `local.list_number`,
 * LocalError as `stepConsent`: nothing was made. The relay was asked for the entry before `relay.unavailable`, and before
 * `local.list_number` where not the clock but the numbers of the account are the cause
 */
export async function recovered(
  ports: Ports,
  card: CompanyCard,
  typed: string,
  { notice, locale, purposes }: Acceptance,
  signal: AbortSignal | null = null,
): Promise<Begun> {
  const event = { name: "accept", noticeHash: notice.hash, locale, purposes } as const;
  stepConsent({ name: "Shown", notice }, event, ports.clock.nowMs());
  if (!read(typed).isCode) throw new ClientError("recovery.code", "no recovery code");
  const { random, clock } = ports;
  const code = decodeRecovery(typed);
  if (recoveredSeq(clock.nowMs(), 0, random) === null) throw noNumber();
  const seed = accountSeedOf(code.r);
  const accountId = ed25519PublicOf(seed);
  const before = code.entry ? await newestList(ports, card.relayUrl, accountId, signal) : null;
  if (signal?.aborted) throw new ClientError("client.closed", "the person does not wait any longer");
  const nowMs = clock.nowMs();
  const device = newDevice(random, accountId, draw(random, DEVICE_ID_B), nowMs);
  const list = recoveredList(seed, device.record, before, nowMs, random);
  if (list === null) throw noNumber();
  const engine = engineFor(random, { accountSeed: seed, ...device, list }, card);
  if (before !== null) engine.context.kin = kinOf(engine.context, []);
  // Who has typed a code has it.
  return { engine, putCode: (turn) => putCode(engine.context, turn, code, true) };
}

function noNumber(): ClientError {
  return new ClientError("local.list_number", "a wrong clock, or an account that has used up its numbers");
}
