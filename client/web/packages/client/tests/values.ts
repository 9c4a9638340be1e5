/**
 * What this core makes of rooms, teams and proofs from standard input: one JSON document, a list of [operation, input].
 * Writes the list of values, the code for what is refused.
 */
import { readFileSync } from "node:fs";
import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, unhex } from "@sealroom/core/bytes.ts";
import { verifyMandate } from "@sealroom/core/company/mandate.ts";
import type { Roster } from "@sealroom/core/company/roster.ts";
import { verifyRoster } from "@sealroom/core/company/roster.ts";
import { inForce, learnSlots } from "@sealroom/core/company/team.ts";
import { verifyProof } from "@sealroom/core/consent/proof.ts";
import { CoreError } from "@sealroom/core/errors.ts";
import type { DeviceList } from "@sealroom/core/identity/list.ts";
import { verifyList } from "@sealroom/core/identity/list.ts";
import { decodeRecord } from "@sealroom/core/identity/record.ts";
import { holding } from "@sealroom/core/rooms/acts.ts";
import { linksOf, NOTHING_SEEN, takeEntry } from "@sealroom/core/rooms/chain.ts";
import type { RanksOf, TakenState } from "@sealroom/core/rooms/head.ts";
import { headOf, verdicts } from "@sealroom/core/rooms/head.ts";
import { missing } from "@sealroom/core/rooms/missing.ts";
import { places } from "@sealroom/core/rooms/order.ts";
import { asState } from "@sealroom/core/rooms/state.ts";
import { sameRoster } from "@sealroom/core/rooms/transitions.ts";
import { decode } from "@sealroom/core/wire/cbor.ts";
import type { Context } from "../src/engine/context.ts";
import { ranksBy } from "../src/engine/team.ts";

// biome-ignore lint/suspicious/noExplicitAny: what the other core has written
type Json = any;

const MAX_B = 65_536;

/** What has been verified once, by its bytes. */
function remembered<T>(read: (account: Bytes, text: string) => T): (account: Bytes, text: string) => T {
  const known = new Map<string, T>();
  return (account, text) => {
    const found = known.get(text) ?? read(account, text);
    known.set(text, found);
    return found;
  };
}

const listOf = remembered((account, text) => verifyList(account, unhex(text)));
const rosterOf = remembered((account, text) => {
  const [mandate, roster] = text.split(" ") as [string, string];
  return verifyRoster(verifyMandate(account, unhex(mandate)), unhex(roster));
});

function inOrder(a: Json, b: Json): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}

function room(given: Json): Json {
  const states: TakenState[] = given.states.map((one: Json) => {
    return {
      hash: unhex(one.hash),
      author: unhex(one.author),
      n: one.n,
      state: asState(decode(unhex(one.state), MAX_B)),
    };
  });
  const ranks: RanksOf = (ref) => {
    const roster = given.rosters.find(({ ref: [mandateSeq, seq, hash] }: Json) => {
      return sameRoster({ mandateSeq, seq, hash: unhex(hash) }, ref);
    });
    return roster && ((id) => roster.ranks.find(([device]: Json) => device === hex(id))?.[1] ?? null);
  };
  const suspended = (id: Bytes): boolean => given.suspended.includes(hex(id));
  const found = verdicts(states, given.root === null ? null : unhex(given.root), (ref) => ranks(ref) ?? null);
  const valid = states.filter((one) => found.get(hex(one.hash)) === "valid");
  const head = headOf(valid, ranks, suspended);
  const acts = given.acts.map(({ hash, k, name }: Json) => ({ hash: unhex(hash), k, name }));
  const { phase, sensitive, keeps } = holding(valid, head, acts, ranks, suspended);
  const shown = states.map((one) => found.get(hex(one.hash)));
  return [shown, head && hex(head.hash), phase, sensitive, keeps];
}

function headerOf(given: Json): Json {
  return {
    roomId: unhex(given.room),
    kind: 3,
    n: given.n,
    prev: given.prev && unhex(given.prev),
    seen: given.seen.map(([tag, n, hash]: Json) => ({ tag: unhex(tag), n, hash: unhex(hash) })),
    state: null,
    sentMs: given.sent,
  };
}

function order(given: Json): Json {
  const entries = given.entries.map((one: Json) => ({ hash: unhex(one.hash), header: headerOf(one.header) }));
  return [...places(entries, unhex(given.root))].sort(inOrder);
}

function chains(given: Json): Json {
  let view = NOTHING_SEEN;
  const findings = new Map<string, Json>();
  for (const one of given.entries) {
    const signature = one.signed ? new Uint8Array(64) : null;
    const signPublic = one.signed ? new Uint8Array(32) : null;
    const author = { accountId: unhex(one.account), deviceId: unhex(one.device), signPublic };
    const entry: Json = { author, header: headerOf(one.header), body: null, signature, hash: unhex(one.hash) };
    const taken = takeEntry(view, entry);
    view = taken.view;
    for (const { name, tag, n } of taken.findings) {
      const finding = [name, hex(tag), n];
      findings.set(JSON.stringify(finding), finding);
    }
  }
  const lacking = missing(view).map((one) => [hex(one.tag), one.first, one.last]);
  const links = linksOf(view, null).map((one) => [hex(one.tag), one.n, hex(one.hash)]);
  return [[...findings.values()].sort(inOrder), lacking, links];
}

function ranks(given: Json): Json {
  const account = unhex(given.account);
  const byHash = (found: readonly (Roster | DeviceList)[]) => new Map(found.map((one) => [hex(one.hash), { one }]));
  const records = given.records.map((one: string) => decodeRecord(unhex(one)));
  const team = {
    rosters: byHash(given.papers.map((one: Json) => rosterOf(account, one.join(" ")))),
    lists: byHash(given.lists.map((one: string) => listOf(account, one))),
    records: new Map(records.map((one: Json) => [hex(one.hash), one])),
  };
  const [mandateSeq, seq, hash] = given.ref;
  const rankOf = ranksBy({ peers: new Map(), team } as unknown as Context, { mandateSeq, seq, hash: unhex(hash) });
  if (rankOf === null) return null;
  const everybody: Bytes[] = given.devices.map(unhex);
  const found = everybody.map((id) => [hex(id), rankOf(id)]);
  return found.filter(([, rank]) => rank !== null).sort(inOrder);
}

function force(given: Json): Json {
  const account = unhex(given.account);
  const view = learnSlots(account, given.slots.map(unhex), given.now_ms);
  const records = given.records.map((one: string) => decodeRecord(unhex(one)));
  const found = inForce(view, listOf(account, given.list), records, given.now_ms);
  return found.map(({ record, rank }) => [hex(record.deviceId), rank]).sort(inOrder);
}

function proof(given: Json): Json {
  const found = verifyProof(unhex(given.account), unhex(given.proof));
  return [found.withdrawn, found.answer, [...found.doubts].sort()];
}

const OPERATIONS: Readonly<Record<string, (given: Json) => Json>> = {
  room,
  order,
  chains,
  ranks,
  "in force": force,
  proof,
};

function value([operation, given]: [string, Json]): Json {
  try {
    return (OPERATIONS[operation] as (given: Json) => Json)(given);
  } catch (error) {
    return error instanceof CoreError ? error.code : `crash: ${error}`;
  }
}

console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf-8")).map(value)));
