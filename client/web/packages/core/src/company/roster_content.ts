/** Contents of type 12: a company's mandate and roster with what they go by (ACC-12). */
import type { Bytes } from "../bytes.ts";
import { MAX_RECORD_B, MAX_SIGNED_LIST_B, MAX_TEAM } from "../constants.ts";
import { recoded } from "../errors.ts";
import type { Value } from "../wire/cbor.ts";
import { asBytes, Fields } from "../wire/fields.ts";
import { MAX_CARD_B } from "./agent_card.ts";
import { MAX_MANDATE_B } from "./mandate.ts";
import { MAX_ROSTER_B } from "./roster.ts";

const MAX_LISTS = 8;
const MAX_RECORDS = 16;
const MAX_NOTICES = 4;
const MAX_NOTICE_B = 8_192;

export interface RosterContent {
  readonly mandate: Bytes;
  readonly roster: Bytes;
  readonly lists: readonly Bytes[];
  readonly records: readonly Bytes[];
  readonly notices: readonly Bytes[];
  readonly cards: readonly Bytes[];
}

/**
 * The parts of a payload of type 12; whether they hold is looked at one by one when they are learned.
 *
 * @throws RemoteError `remote.content`
 */
export function asRosterContent(payload: Value): RosterContent {
  return recoded(["remote.decode"], "remote.content", () => {
    const fields = new Fields(payload, 6);
    const each = (key: number, most: number, mostB: number): readonly Bytes[] => {
      return fields.array(key, most).map((one) => asBytes(one, 1, mostB));
    };
    return {
      mandate: fields.bytesUpTo(1, MAX_MANDATE_B),
      roster: fields.bytesUpTo(2, MAX_ROSTER_B),
      lists: each(3, MAX_LISTS, MAX_SIGNED_LIST_B),
      records: each(4, MAX_RECORDS, MAX_RECORD_B),
      notices: each(5, MAX_NOTICES, MAX_NOTICE_B),
      cards: each(6, MAX_TEAM, MAX_CARD_B),
    };
  });
}
