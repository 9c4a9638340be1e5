/** Contact cards as URI and as JSON (ID-21, ID-22, ID-34, ID-35). */

import { fromBase64url, toBase64url } from "./base64url.ts";
import type { Bytes } from "./bytes.ts";
import { concat, cut, same } from "./bytes.ts";
import { LocalError, notAccepted } from "./errors.ts";
import { isName, isRelayUrl } from "./grammar.ts";
import { ACCOUNT_ID_B } from "./identity/record.ts";
import { hash } from "./primitives/hash.ts";
import { encode } from "./wire/cbor.ts";
import { utf8SizeB } from "./wire/fields.ts";

export interface Card {
  readonly accountId: Bytes;
  readonly relayUrl: string;
  readonly name: string | null;
}

const CHECK_B = 4;
const MAX_CARD_B = 2_048;
const WS = /^[\t\n\r ]+|[\t\n\r ]+$/g;
const ESCAPED = "((?:[A-Za-z0-9._~-]|%[0-9A-F]{2})+)";
const URI = new RegExp(`^sealroom:contact\\?v=1&a=([A-Za-z0-9_-]{48})&r=${ESCAPED}(?:&n=${ESCAPED})?$`);
const UNRESERVED = /[A-Za-z0-9._~-]/;

function checkBytes(card: Card): Bytes {
  return cut(hash("SR1-card", encode([card.accountId, card.relayUrl, card.name])), 0, CHECK_B);
}

/** The unpadded base64url of the account id and 4 check bytes (ID-34). */
function accountText(card: Card): string {
  return toBase64url(concat(card.accountId, checkBytes(card)));
}

/** The one URI of a card (ID-21). */
export function cardToUri(card: Card): string {
  checkCard(card);
  const name = card.name === null ? "" : `&n=${percentEncoded(card.name)}`;
  return `sealroom:contact?v=1&a=${accountText(card)}&r=${percentEncoded(card.relayUrl)}${name}`;
}

/** A card as JSON (ID-22). */
export function cardToJson(card: Card): string {
  checkCard(card);
  const members = [`"sealroom": 1`, `"account": "${accountText(card)}"`, `"relay": "${card.relayUrl}"`];
  if (card.name !== null) members.push(`"name": ${JSON.stringify(card.name)}`);
  return `{${members.join(", ")}}`;
}

function checkCard(card: Card): void {
  const sound = card.accountId.length === ACCOUNT_ID_B && isRelayUrl(card.relayUrl);
  if (!sound || (card.name !== null && !isName(card.name))) {
    throw new LocalError("local.argument", "no card has these values");
  }
}

function percentEncoded(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => {
    const character = String.fromCharCode(byte);
    return UNRESERVED.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }).join("");
}

/**
 * The card of a text, as URI or JSON with any `ws` around it (ID-35).
 *
 * @throws RemoteError `remote.decode` for every defect
 */
export function parseCard(text: string): Card {
  const card = text.replace(WS, "");
  if (!card.isWellFormed() || utf8SizeB(card) > MAX_CARD_B) throw notAccepted("no card");
  return card.startsWith("{") ? parseJson(card) : parseUri(card);
}

function parseUri(text: string): Card {
  const match = URI.exec(text);
  if (match === null) throw notAccepted("no card");
  const [, account, relay, name] = match as unknown as [string, string, string, string | undefined];
  return checked(account, percentDecoded(relay), name === undefined ? null : percentDecoded(name));
}

function percentDecoded(text: string): string {
  const parts = text.match(/%[0-9A-F]{2}|./gu) ?? [];
  const data = Uint8Array.from(parts, (part) => {
    return part.length === 1 ? part.charCodeAt(0) : Number.parseInt(part.slice(1), 16);
  });
  let plain: string;
  try {
    plain = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    throw notAccepted("an escape that is not UTF-8");
  }
  if (percentEncoded(plain) !== text) throw notAccepted("another spelling of a card");
  return plain;
}

const JSON_STRING = `"((?:[^\\u0000-\\u001f"\\\\]|\\\\(?:["\\\\/bfnrt]|u[0-9A-Fa-f]{4}))*)"`;
const JSON_WS = "[\\t\\n\\r ]*";
const MEMBER = new RegExp(
  `${JSON_WS}"(?:(sealroom)"${JSON_WS}:${JSON_WS}1|(account|relay|name)"${JSON_WS}:${JSON_WS}${JSON_STRING})${JSON_WS}([,}])`,
  "uy",
);

function parseJson(text: string): Card {
  const members = new Map<string, string>();
  MEMBER.lastIndex = 1;
  for (let more = true; more; ) {
    const match = MEMBER.exec(text);
    const name = match?.[1] ?? match?.[2];
    if (match === null || name === undefined || members.has(name)) throw notAccepted("no card");
    members.set(name, match[3] ?? "");
    more = match[4] === ",";
    if (!more && match.index + match[0].length !== text.length) throw notAccepted("no card");
  }
  const [account, relay, name] = ["account", "relay", "name"].map((key) => members.get(key));
  if (!members.has("sealroom") || account === undefined || relay === undefined) throw notAccepted("no card");
  return checked(unquote(account), unquote(relay), name === undefined ? null : unquote(name));
}

/** What a JSON string of accepted characters stands for (RFC 8259). */
function unquote(inner: string): string {
  return JSON.parse(`"${inner}"`) as string;
}

function checked(account: string, relayUrl: string, name: string | null): Card {
  const data = fromBase64url(account);
  if (data.length !== ACCOUNT_ID_B + CHECK_B) throw notAccepted("no account of a card");
  if (!isRelayUrl(relayUrl) || (name !== null && !isName(name))) throw notAccepted("no card has these values");
  const card = { accountId: cut(data, 0, ACCOUNT_ID_B), relayUrl, name };
  if (!same(checkBytes(card), data.subarray(ACCOUNT_ID_B))) throw notAccepted("a damaged card");
  return card;
}
