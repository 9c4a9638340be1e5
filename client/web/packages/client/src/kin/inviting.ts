/** The device that has the account key lets another one in: code, digits, list (ACC-31 to ACC-35, ACC-50, ACC-53). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { compare, hex, same } from "@sealroom/core/bytes.ts";
import { cardToUri } from "@sealroom/core/card.ts";
import type { InviteCode, InviteMessage } from "@sealroom/core/company/invite.ts";
import * as invites from "@sealroom/core/company/invite.ts";
import type { InviteRequest } from "@sealroom/core/company/invite_messages.ts";
import { decodeRequest, encodeWelcome, readRequest } from "@sealroom/core/company/invite_messages.ts";
import { CoreError } from "@sealroom/core/errors.ts";
import { names } from "@sealroom/core/identity/list.ts";
import type { DeviceRecord } from "@sealroom/core/identity/record.ts";
import { KIND_PERSON } from "@sealroom/core/identity/record.ts";
import type { Rng } from "@sealroom/core/ports.ts";
import { draw } from "@sealroom/core/ports.ts";
import type { Context } from "../engine/context.ts";
import type { Turn } from "../engine/turn.ts";
import { ClientError } from "../errors.ts";
import type { Shell } from "../shell.ts";
import type { Box, BoxPorts } from "./box.ts";
import { openBox } from "./box.ts";
import { addDevice, checkMayAdd, removeDevice } from "./devices.ts";
import { isPublished, refill } from "./entry.ts";
import { kinState, look } from "./kin.ts";
import type { KinState } from "./state.ts";
import { ownRecords, presentOf } from "./state.ts";

const FRESH_B = 88;
export const LIFE_MS = 600_000;

/** A link that waits for its device: good for ten minutes and one device, and only while this page is open. */
export interface Link {
  /** What the new device reads, in one line: its own account's card, the code, the company's card (ACC-50). */
  readonly text: string;
  /** Resolves to six digits when the new device has come. Rejects with `link.code`, `link.second`, `link.clock` or `link.expired`. */
  readonly digits: Promise<string>;
  /** Resolves when the device was signed in; rejects with what has ended the link before. */
  readonly over: Promise<void>;
  /** The person has compared the digits: sign the device in, and give it the rooms. Resolves to its id; `link.left` where it has gone. */
  confirm(): Promise<string>;
  close(): void;
}

export function stateIn(c: Context): KinState {
  const found = kinState(c);
  if (found === null) throw new ClientError("client.unsupported", "this account has no directory entry");
  return found;
}

export function sealedFor(rng: Rng, accountId: Bytes, code: InviteCode, n: InviteMessage, plain: Bytes): Bytes {
  return invites.sealInvite(code.secret, accountId, n, draw(rng, FRESH_B), plain);
}

/** What a message says, or null where it does not open: that is passed over (ACC-33). */
export function openedBy(accountId: Bytes, code: InviteCode, n: InviteMessage, body: Bytes): Bytes | null {
  try {
    return invites.openInvite(code.secret, accountId, n, body);
  } catch (error) {
    if (error instanceof CoreError) return null;
    throw error;
  }
}

/** @throws ClientError `client.unsupported` without a directory entry, and as `checkMayAdd` */
export async function link(shell: Shell, ports: BoxPorts): Promise<Link> {
  await shell.do((c) => checkMayAdd(stateIn(c)));
  const { company, own } = shell.context;
  const { accountId } = own.record;
  const r = draw(ports.random, 32);
  const secret = draw(ports.random, 16);
  const code = { secret, commitment: invites.commitmentOf(r), kind: KIND_PERSON, frontDesk: 0 };
  const box = openBox(ports, company.relayUrl, invites.placeOf(secret, accountId));
  await box.opened();
  const { relayUrl } = company;
  const cards = [
    { accountId, relayUrl, name: null },
    { accountId: company.accountId, relayUrl, name: company.name },
  ].map(cardToUri);
  const text = `${cards[0]} ${invites.encodeInvite(accountId, code)} ${cards[1]}`;
  return serve(shell, ports, box, { accountId, code, r }, text);
}

interface Invite {
  readonly accountId: Bytes;
  readonly code: InviteCode;
  readonly r: Bytes;
}

function serve(shell: Shell, ports: BoxPorts, box: Box, invite: Invite, text: string): Link {
  const { accountId, code, r } = invite;
  const { clock, random } = ports;
  const arrived = Promise.withResolvers<InviteRequest>();
  const digits = Promise.withResolvers<string>();
  const ended = Promise.withResolvers<void>();
  let first: Bytes | null = null;
  let isAdded = false;
  let over: ClientError | null = null;
  for (const one of [arrived.promise, digits.promise, ended.promise]) one.catch(() => {});
  const unwake = clock.wake(clock.nowMs() + LIFE_MS, () =>
    end(new ClientError("link.expired", "ten minutes are over")),
  );

  function end(error: ClientError): void {
    unwake();
    if (isAdded) return;
    refuse(error);
    box.close();
  }

  function refuse(error: ClientError): void {
    over ??= error;
    for (const one of [arrived, digits, ended]) one.reject(error);
  }

  const seal = (n: InviteMessage, plain: Bytes) => sealedFor(random, accountId, code, n, plain);

  /** The link has ended before the devices that have come are told (ACC-34, ACC-53). */
  async function refuseAll(error: ClientError, messages: readonly Bytes[]): Promise<void> {
    if (!isAdded) refuse(error);
    const told = messages.map(async (message) => {
      await box.send(readRequest(message), seal(invites.OUT, new Uint8Array(0)));
    });
    await Promise.allSettled(told);
    end(error);
  }

  async function take(message: Bytes): Promise<void> {
    if (first === null) {
      first = message;
      const request = requestOf(message);
      if (request instanceof ClientError) return await refuseAll(request, [message]);
      await box.send(request, seal(invites.OPENING, r));
      arrived.resolve(request);
      digits.resolve(invites.digitsOf(code.secret, message, r));
    } else if (!same(first, message)) {
      const error = new ClientError("link.second", "a second device has come by this code");
      await refuseAll(error, isAdded ? [message] : [first, message]);
    }
  }

  function requestOf(message: Bytes): InviteRequest | ClientError {
    try {
      return decodeRequest(accountId, code, message, clock.nowMs());
    } catch (error) {
      if (!(error instanceof CoreError)) throw error;
      return error.code === "remote.expired"
        ? new ClientError("link.clock", "the clocks of both devices are a day apart")
        : new ClientError("link.code", "another device than the one that was invited");
    }
  }

  async function run(): Promise<void> {
    for (;;) {
      const message = openedBy(accountId, code, invites.IN, await box.receive());
      if (message !== null) await take(message);
    }
  }

  run().catch((error: unknown) => {
    const isOurs = error instanceof ClientError;
    end(isOurs ? error : new ClientError("link.expired", "the link cannot go on"));
    if (!isOurs) throw error;
  });

  /** In one step with the look whether the link is over: whoever reads that it is has let nobody in (ACC-34). */
  function add(k: KinState, turn: Turn, record: DeviceRecord): void {
    if (over !== null) throw over;
    addDevice(k, turn, record);
    isAdded = true;
    refill(k, turn);
  }

  /** Who has gone before it could be told is struck off again (ACC-54). */
  async function left({ deviceId }: DeviceRecord, error: unknown): Promise<never> {
    if (!(error instanceof ClientError)) throw error;
    await shell.do((c, turn) => {
      removeDevice(stateIn(c), turn, hex(deviceId));
      refill(stateIn(c), turn);
    });
    throw new ClientError("link.left", "the new device has gone, and is struck off");
  }

  async function confirm(): Promise<string> {
    const { record, mailbox, token } = await arrived.promise;
    await shell
      .do((c, turn) => add(stateIn(c), turn, record))
      .catch((error: unknown) => {
        isAdded = false;
        throw error;
      });
    ended.resolve();
    await until(shell, (c) => isListed(stateIn(c), record.hash));
    const sent = box.send({ mailbox, token }, seal(invites.OUT, welcomeOf(stateIn(shell.context))));
    await sent
      .catch((error: unknown) => left(record, error))
      .finally(() => {
        unwake();
        box.close();
      });
    await shell.do((c, turn) => look(stateIn(c), turn));
    return hex(record.deviceId);
  }

  return {
    text,
    digits: digits.promise,
    over: ended.promise,
    confirm,
    // Whoever is being told that the link has ended is told first.
    close: () => over === null && end(new ClientError("link.expired", "the link was closed")),
  };
}

function isListed(k: KinState, recordHash: Bytes): boolean {
  return isPublished(k) && k.c.own.list.recordHashes.some((one) => same(one, recordHash));
}

/** The list in use, and the records in its order. */
function welcomeOf(k: KinState): Bytes {
  const { list } = k.c.own;
  const records = [...ownRecords(k), ...presentOf(k).map((one) => one.record)].filter((one) => names(list, one));
  const sorted = [...records].sort((a, b) => compare(a.hash, b.hash));
  return encodeWelcome(
    list.signed,
    sorted.map((one) => one.bytes),
  );
}

/** Wait until something holds of what is known. */
function until(shell: Shell, holds: (c: Context) => boolean): Promise<void> {
  return new Promise((done) => {
    const looked = (): void => {
      if (!holds(shell.context)) return;
      unlisten();
      done();
    };
    const unlisten = shell.listen(looked);
    looked();
  });
}
