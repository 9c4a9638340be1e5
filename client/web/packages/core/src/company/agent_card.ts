/** Cards of a company's devices (ACC-03, ACC-14). */

import type { Bytes } from "../bytes.ts";
import { notAccepted } from "../errors.ts";
import { isName } from "../grammar.ts";
import { ACCOUNT_ID_B, DEVICE_ID_B } from "../identity/record.ts";
import { checkVersion } from "../identity/signed.ts";
import { hash } from "../primitives/hash.ts";
import type { Value } from "../wire/cbor.ts";
import { decode } from "../wire/cbor.ts";
import { ascending, asText, Fields } from "../wire/fields.ts";
import { asLocale } from "./card.ts";
import { inOrder } from "./mandate.ts";

export const MAX_CARD_B = 1_024;
const BLIND_B = 16;
const MAX_NAME_B = 256;
const MAX_EACH = 8;

export interface AgentCard {
  readonly bytes: Bytes;
  readonly hash: Bytes;
  readonly accountId: Bytes;
  readonly deviceId: Bytes;
  readonly name: string;
  readonly locales: readonly string[];
  readonly teams: readonly string[];
}

/**
 * The card of a device, of at most 1024 bytes (ACC-03, ACC-14).
 *
 * @throws RemoteError `remote.decode`, `remote.version`
 */
export function decodeAgentCard(data: Uint8Array): AgentCard {
  const fields = new Fields(decode(data, MAX_CARD_B), 7);
  checkVersion(fields.get(1));
  const accountId = fields.bytes(2, ACCOUNT_ID_B);
  const deviceId = fields.bytes(3, DEVICE_ID_B);
  fields.bytes(4, BLIND_B);
  return {
    bytes: new Uint8Array(data),
    hash: hash("SR1-agent-card", data),
    accountId,
    deviceId,
    name: asName(fields.get(5)),
    locales: ascending(fields.array(6, MAX_EACH).map(asLocale), inOrder),
    teams: fields.array(7, MAX_EACH).map(asName),
  };
}

function asName(value: Value): string {
  const name = asText(value, MAX_NAME_B);
  if (!isName(name)) throw notAccepted("no name");
  return name;
}
