/** A new device comes into the account of a person, by the text that another one shows (ACC-51, ACC-33 to ACC-35). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same } from "@sealroom/core/bytes.ts";
import type { Card } from "@sealroom/core/card.ts";
import { parseCard } from "@sealroom/core/card.ts";
import type { InviteCode, InviteMessage } from "@sealroom/core/company/invite.ts";
import * as invites from "@sealroom/core/company/invite.ts";
import type { Welcome } from "@sealroom/core/company/invite_messages.ts";
import { decodeWelcome, encodeRequest } from "@sealroom/core/company/invite_messages.ts";
import { CoreError } from "@sealroom/core/errors.ts";
import { KIND_PERSON } from "@sealroom/core/identity/record.ts";
import { draw } from "@sealroom/core/ports.ts";
import type { FoundDoor, KnownCompany } from "../door.ts";
import { cardOf } from "../door.ts";
import type { Context } from "../engine/context.ts";
import type { Engine } from "../engine/engine.ts";
import { engineFor } from "../engine/new_engine.ts";
import type { Own } from "../engine/records.ts";
import { newDevice } from "../engine/upkeep.ts";
import { ClientError } from "../errors.ts";
import type { Box, BoxPorts } from "./box.ts";
import { openBox } from "./box.ts";
import { LIFE_MS, openedBy, sealedFor } from "./inviting.ts";
import { kinOf, kinState } from "./kin.ts";
import { siblingOf } from "./rows.ts";

/** What another device shows: the person's account, the code, and the company that it is about. */
export interface LinkText {
  readonly account: Card;
  readonly code: InviteCode;
  readonly company: KnownCompany;
}

const refused = (): ClientError => new ClientError("link.code", "not the code of a person's device");

/** @throws ClientError `link.code` for a text of other words, kinds or flags */
export function parseLink(text: string): LinkText {
  const words = text.split(/\s+/u).filter((word) => word !== "");
  const [first, second, third] = words;
  if (words.length !== 3 || first === undefined || second === undefined || third === undefined) throw refused();
  try {
    const [account, company] = [parseCard(first), parseCard(third)];
    const code = invites.decodeInvite(account.accountId, second);
    const isPerson = code.kind === KIND_PERSON && code.frontDesk === 0;
    if (!isPerson || account.relayUrl !== company.relayUrl) throw refused();
    return { account, code, company: { accountId: company.accountId, relayUrl: company.relayUrl, origins: [] } };
  } catch (error) {
    if (error instanceof CoreError) throw refused();
    throw error;
  }
}

/** A device that comes: six digits, then what it goes on with when the person has confirmed them on the other one. */
export interface Joining {
  readonly digits: Promise<string>;
  readonly engine: Promise<Engine>;
  close(): void;
}

/** Come as the device that was invited; the person has said that the other device is its own. */
export function join(ports: BoxPorts, { account, code }: LinkText, found: FoundDoor): Joining {
  const { clock, random } = ports;
  const { accountId } = account;
  const device = newDevice(random, accountId, invites.placeOf(code.secret, accountId).deviceId, clock.nowMs());
  const address = { mailbox: draw(random, 16), token: draw(random, 32) };
  const box = openBox(ports, account.relayUrl, address);
  const digits = Promise.withResolvers<string>();
  digits.promise.catch(() => {});
  const unwake = clock.wake(clock.nowMs() + LIFE_MS, () => box.close());

  async function run(): Promise<Engine> {
    const message = encodeRequest(device.record.bytes, address.mailbox, address.token);
    await box.send(invites.placeOf(code.secret, accountId), sealedFor(random, accountId, code, invites.IN, message));
    const opening = await next(box, accountId, code, invites.OPENING);
    if (!same(invites.commitmentOf(opening), code.commitment)) throw refused();
    digits.resolve(invites.digitsOf(code.secret, message, opening));
    const answer = await next(box, accountId, code, invites.OUT);
    return joined(device, decodeWelcome(device.record, answer, clock.nowMs()));
  }

  function joined(made: typeof device, { list, records }: Welcome): Engine {
    const own: Own = { accountSeed: null, ...made, list };
    const engine = engineFor(random, own, cardOf(found));
    const c: Context = engine.context;
    c.kin = kinOf(c, []);
    const k = kinState(c);
    const others = records.filter((one) => !same(one.deviceId, made.record.deviceId));
    for (const one of others) k?.others.set(hex(one.hash), siblingOf(one, { listed: true, sinceSeq: list.seq }));
    if (k !== null) k.row = { ...k.row, publishedSeq: list.seq };
    return engine;
  }

  const engine = run().catch((error: unknown) => {
    const shown = error instanceof CoreError ? refused() : error;
    digits.reject(shown);
    throw shown;
  });
  const end = (): void => {
    unwake();
    box.close();
  };
  engine.then(end, end);
  return { digits: digits.promise, engine, close: end };
}

/** The next message of a kind; an `out` of no bytes says that the holder has ended the invite (ACC-53). */
async function next(box: Box, accountId: Bytes, code: InviteCode, n: InviteMessage): Promise<Bytes> {
  for (;;) {
    const body = await box.receive();
    const out = openedBy(accountId, code, invites.OUT, body);
    if (out !== null && out.length === 0) throw new ClientError("link.code", "the holder has ended it");
    const found = n === invites.OUT ? out : openedBy(accountId, code, n, body);
    if (found !== null) return found;
  }
}
