/** Cards of a company's devices and its other channels (ACC-03, ACC-14, ACC-18, ACC-20). */

import type { Bytes } from "../bytes.ts";
import { CLOCK_TOLERANCE_MS } from "../constants.ts";
import { notAccepted, RemoteError } from "../errors.ts";
import { isEmail, isLocale, isPage, isPhone, isPlainText } from "../grammar.ts";
import { checkVersion, openSigned } from "../identity/signed.ts";
import type { Value } from "../wire/cbor.ts";
import { asArray, ascending, asText, asUint, Fields } from "../wire/fields.ts";
import type { Mandate } from "./mandate.ts";
import { inOrder } from "./mandate.ts";
import { checkMandateOf } from "./roster.ts";

export const MAX_CHANNELS_B = 8_192;
const MAX_LOCALE_B = 5;
const MAX_PLAIN = 240;
const MAX_PLAIN_B = 960;
export function asLocale(value: Value): string {
  const locale = asText(value, MAX_LOCALE_B);
  if (!isLocale(locale)) throw notAccepted("no locale");
  return locale;
}

/** A plain text of at most 240 scalar values (ACC-20). */
export function asPlainText(value: Value): string {
  const text = asText(value, MAX_PLAIN_B);
  if (!isPlainText(text, MAX_PLAIN)) throw notAccepted("no plain text");
  return text;
}

export interface Channel {
  /** 1 telephone, 2 e-mail, 3 post, 4 a page. */
  readonly kind: number;
  readonly value: string;
  readonly label: string;
}

export interface Channels {
  readonly signed: Bytes;
  readonly issuedMs: number;
  readonly channels: readonly Channel[];
  readonly hours: readonly { readonly locale: string; readonly text: string }[];
}

const MAX_CHANNELS = 16;
const MAX_HOURS = 4;
const GRAMMARS: readonly ((text: string) => boolean)[] = [isPhone, isEmail, () => true, isPage];

/**
 * The channels that the roster key of a mandate signed (ACC-03, ACC-18).
 *
 * @throws RemoteError `remote.decode`, `remote.signature`, `remote.version`, `remote.identity`, `room.mandate`
 */
export function verifyChannels(mandate: Mandate, data: Uint8Array, nowMs: number): Channels {
  const { value } = openSigned(data, MAX_CHANNELS_B, mandate.rosterPublic, "SR1-sig-channels");
  const fields = new Fields(value, 6);
  checkVersion(fields.get(1));
  checkMandateOf(fields, mandate);
  const issuedMs = fields.uint(4);
  const channels = fields.array(5, MAX_CHANNELS).map(asChannel);
  const hours = ascending(fields.array(6, MAX_HOURS).map(asHours), (a, b) => inOrder(a.locale, b.locale));
  if (issuedMs > nowMs + CLOCK_TOLERANCE_MS) throw new RemoteError("room.mandate", "channels of a time to come");
  return { signed: new Uint8Array(data), issuedMs, channels, hours };
}

function asChannel(value: Value): Channel {
  const [first, second, third] = asArray(value, 3, 3) as [Value, Value, Value];
  const kind = asUint(first, GRAMMARS.length, 1);
  const text = asPlainText(second);
  if (!GRAMMARS[kind - 1]?.(text)) throw notAccepted("a channel of another form than its kind");
  return { kind, value: text, label: asPlainText(third) };
}

function asHours(value: Value) {
  const [locale, text] = asArray(value, 2, 2) as [Value, Value];
  return { locale: asLocale(locale), text: asPlainText(text) };
}
