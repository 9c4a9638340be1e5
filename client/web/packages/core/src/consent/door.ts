/** Doors: what a company serves on the origin of its page (CNS-04, CNS-05). */

import type { Bytes } from "../bytes.ts";
import type { Channels } from "../company/card.ts";
import { asLocale, MAX_CHANNELS_B, verifyChannels } from "../company/card.ts";
import type { Mandate } from "../company/mandate.ts";
import { checkUsed, inOrder, isLearned, MAX_MANDATE_B, verifyMandate } from "../company/mandate.ts";
import { notAccepted, RemoteError } from "../errors.ts";
import { ACCOUNT_ID_B } from "../identity/record.ts";
import { checkIdentity, decodeSigned } from "../identity/signed.ts";
import type { Value } from "../wire/cbor.ts";
import { decode } from "../wire/cbor.ts";
import { asArray, asBytes, ascending, Fields } from "../wire/fields.ts";
import type { Notice } from "./notice.ts";
import { checkText, MAX_NOTICE_B, MAX_TEXT_B, verifyNotice } from "./notice.ts";

const MAX_DOOR_B = 262_144;
const MAX_TEXTS = 4;

export interface Door {
  readonly mandate: Mandate;
  readonly notice: Notice;
  readonly texts: readonly { readonly locale: string; readonly text: string }[];
  readonly channels: Channels;
}

export interface DoorContext {
  readonly accountId: Uint8Array;
  /** The origin of the page, where there is one that is checked. */
  readonly origin: string | null;
  /** Of the contact card, where there is one. */
  readonly relayUrl: string | null;
  readonly nowMs: number;
}

/**
 * A door, checked in the order of CNS-04.
 *
 * @throws RemoteError with the code of the first failure
 */
export function verifyDoor(data: Uint8Array, context: DoorContext): Door {
  const { accountId, origin, relayUrl, nowMs } = context;
  const parts = formOf(data);
  const mandate = verifyMandate(accountId, parts.mandate);
  checkUsed(mandate, nowMs, "room.mandate");
  if (origin !== null && !mandate.origins.includes(origin)) throw notOfMandate("a door on another page");
  const notice = verifyNotice(accountId, parts.notice);
  if (!isLearned({ ...notice, expiresMs: 0 }, nowMs)) throw notOfMandate("a notice of a time to come");
  checkIdentity(relayUrl === null || notice.relayUrl === relayUrl, "a door with another relay");
  const texts = parts.texts.map(({ locale, text }) => ({ locale, text: checkText(notice, locale, text) }));
  if (!texts.some((one) => one.locale === notice.defaultLocale)) throw notAccepted("the default text is missing");
  return { mandate, notice, texts, channels: verifyChannels(mandate, parts.channels, nowMs) };
}

/**
 * The account that the mandate of a door states, before anything of it is verified (CNS-27).
 *
 * @throws RemoteError `remote.decode`
 */
export function statedAccount(data: Uint8Array): Bytes {
  const { map } = decodeSigned(formOf(data).mandate, MAX_MANDATE_B);
  return new Fields(decode(map, MAX_MANDATE_B), 11).bytes(2, ACCOUNT_ID_B);
}

function notOfMandate(what: string): RemoteError {
  return new RemoteError("room.mandate", what);
}

function formOf(data: Uint8Array) {
  const [mandate, notice, texts, channels] = asArray(decode(data, MAX_DOOR_B), 4, 4) as [Value, Value, Value, Value];
  return {
    mandate: asBytes(mandate, 1, MAX_MANDATE_B),
    notice: asBytes(notice, 1, MAX_NOTICE_B),
    texts: ascending(asArray(texts, MAX_TEXTS, 1).map(asText), (a, b) => inOrder(a.locale, b.locale)),
    channels: asBytes(channels, 1, MAX_CHANNELS_B),
  };
}

function asText(value: Value) {
  const [locale, text] = asArray(value, 2, 2) as [Value, Value];
  return { locale: asLocale(locale), text: asBytes(text, 1, MAX_TEXT_B) };
}
