/** Notices: what a company says that it does with what it is told (CNS-01, CNS-02). */

import type { Bytes } from "../bytes.ts";
import { same } from "../bytes.ts";
import { asLocale, asPlainText } from "../company/card.ts";
import { inOrder } from "../company/mandate.ts";
import { MAX_COUNTER, MAX_U32 } from "../constants.ts";
import { notAccepted } from "../errors.ts";
import { isEmail, isPage, isPlainText, isRelayUrl } from "../grammar.ts";
import { asHash } from "../identity/list.ts";
import { ACCOUNT_ID_B } from "../identity/record.ts";
import { checkIdentity, checkVersion, openSigned } from "../identity/signed.ts";
import { hash, sha256 } from "../primitives/hash.ts";
import type { Value } from "../wire/cbor.ts";
import { asArray, asBoolean, ascending, asText, asUint, Fields } from "../wire/fields.ts";

export const MAX_NOTICE_B = 8_192;
export const MAX_TEXT_B = 16_384;
const MAX_EACH = 32;
const MAX_LOCALES = 16;
const MAX_CLASSES = 4;
const MAX_AGE = 150;
const MAX_NOTICE_RELAY_B = 56;
const MODES = 3;
const FIELDS = 21;

export interface Purpose {
  readonly number: number;
  readonly basis: string;
  readonly required: boolean;
}

export interface Controller {
  readonly name: string;
  readonly address: string;
  readonly email: string;
}

export interface Notice {
  readonly signed: Bytes;
  readonly hash: Bytes;
  readonly accountId: Bytes;
  readonly number: number;
  readonly issuedMs: number;
  /** 1 notice, 2 consent, 3 explicit consent. */
  readonly mode: number;
  readonly controller: Controller;
  readonly purposes: readonly Purpose[];
  readonly operator: string;
  readonly relayUrl: string;
  readonly imprintUrl: string;
  readonly privacyUrl: string;
  readonly botsAnswer: boolean;
  readonly minimumAge: number | null;
  readonly officer: string | null;
  readonly recipients: readonly string[];
  readonly thirdCountries: readonly string[];
  /** Retention class, 1 to 4, and for how long. */
  readonly kept: readonly { readonly class: number; readonly ttlS: number }[];
  readonly authority: string;
  readonly decidesAlone: boolean;
  readonly texts: readonly { readonly locale: string; readonly hash: Bytes }[];
  readonly defaultLocale: string;
}

/**
 * The notice that this account signed; one for all languages (CNS-01, CNS-02).
 *
 * @throws RemoteError `remote.decode`, `remote.signature`, `remote.version`, `remote.identity`
 */
export function verifyNotice(accountId: Uint8Array, data: Uint8Array): Notice {
  const { signed, value } = openSigned(data, MAX_NOTICE_B, accountId, "SR1-sig-notice");
  const fields = new Fields(value, FIELDS);
  checkVersion(fields.get(1));
  checkIdentity(same(fields.bytes(2, ACCOUNT_ID_B), accountId), "a notice of another account");
  const head = { number: fields.uint(3, MAX_COUNTER - 1, 1), issuedMs: fields.uint(4), mode: fields.uint(5, MODES, 1) };
  const controller = asController(fields.get(6));
  const officer = fields.orNull(7, asPlainText);
  const purposes = ascending(fields.array(8, MAX_EACH, 1).map(asPurpose), (a, b) => a.number - b.number);
  const { operator, relayUrl } = asRelay(fields.get(9));
  const recipients = fields.array(10, MAX_EACH).map(asPlainText);
  const thirdCountries = fields.array(11, MAX_EACH).map(asPlainText);
  const kept = ascending(fields.array(12, MAX_CLASSES, 1).map(asClass), (a, b) => a.class - b.class);
  const authority = asPlainText(fields.get(13));
  const imprintUrl = asPage(fields.get(14));
  const privacyUrl = asPage(fields.get(15));
  const botsAnswer = asBoolean(fields.get(16));
  const minimumAge = fields.orNull(17, (age) => asUint(age, MAX_AGE));
  const decidesAlone = asBoolean(fields.get(18));
  const texts = ascending(fields.array(19, MAX_LOCALES, 1).map(asTextHash), (a, b) => inOrder(a.locale, b.locale));
  const defaultLocale = asLocale(fields.get(20));
  if (!texts.some((text) => text.locale === defaultLocale)) throw notAccepted("no text of the default locale");
  asPlainText(fields.get(21));
  return {
    signed: new Uint8Array(data),
    hash: hash("SR1-notice", signed.map),
    accountId: new Uint8Array(accountId),
    ...head,
    controller,
    purposes,
    operator,
    relayUrl,
    imprintUrl,
    privacyUrl,
    botsAnswer,
    minimumAge,
    officer,
    recipients,
    thirdCountries,
    kept,
    authority,
    decidesAlone,
    texts,
    defaultLocale,
  };
}

function asController(value: Value): Controller {
  const [name, address, email] = asArray(value, 3, 3) as [Value, Value, Value];
  const controller = { name: asPlainText(name), address: asPlainText(address), email: asPlainText(email) };
  if (!isEmail(controller.email)) throw notAccepted("no address of e-mail");
  return controller;
}

function asPurpose(value: Value): Purpose {
  const [number, basis, required] = asArray(value, 3, 3) as [Value, Value, Value];
  return { number: asUint(number, MAX_EACH, 1), basis: asPlainText(basis), required: asBoolean(required) };
}

function asRelay(value: Value) {
  const [name, url] = asArray(value, 2, 2) as [Value, Value];
  const operator = asPlainText(name);
  const relayUrl = asText(url, MAX_NOTICE_RELAY_B);
  if (!isRelayUrl(relayUrl)) throw notAccepted("no relay URL");
  return { operator, relayUrl };
}

function asClass(value: Value) {
  const [kind, ttlS] = asArray(value, 2, 2) as [Value, Value];
  return { class: asUint(kind, MAX_CLASSES, 1), ttlS: asUint(ttlS, MAX_U32) };
}

function asPage(value: Value): string {
  const page = asPlainText(value);
  if (!isPage(page)) throw notAccepted("no page");
  return page;
}

function asTextHash(value: Value) {
  const [locale, text] = asArray(value, 2, 2) as [Value, Value];
  return { locale: asLocale(locale), hash: asHash(text) };
}

/**
 * A text of a notice: the one that it names by locale and SHA-256, and a plain text (CNS-01, CNS-05).
 *
 * @throws RemoteError `remote.decode`
 */
export function checkText(notice: Notice, locale: string, text: Uint8Array): string {
  const named = notice.texts.find((one) => one.locale === locale);
  if (named === undefined || !same(sha256(text), named.hash)) throw notAccepted("a text that the notice does not name");
  let shown: string;
  try {
    shown = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(text);
  } catch {
    throw notAccepted("a text that is not UTF-8");
  }
  if (!isPlainText(shown, MAX_TEXT_B)) throw notAccepted("no plain text");
  return shown;
}
