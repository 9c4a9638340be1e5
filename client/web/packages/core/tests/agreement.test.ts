import assert from "node:assert/strict";
import { test } from "node:test";
import type { Bytes } from "../src/bytes.ts";
import { hex } from "../src/bytes.ts";
import { actOf, holding } from "../src/rooms/acts.ts";
import { linksOf, NOTHING_SEEN, takeEntry } from "../src/rooms/chain.ts";
import { commitmentOf, contentIdOf, entryHashOf } from "../src/rooms/entry.ts";
import { decodeHeader, readEntry } from "../src/rooms/entry_reading.ts";
import type { RanksOf, TakenState } from "../src/rooms/head.ts";
import { headOf, verdicts } from "../src/rooms/head.ts";
import { missing } from "../src/rooms/missing.ts";
import { inOrder, places } from "../src/rooms/order.ts";
import { asState } from "../src/rooms/state.ts";
import { sameRoster } from "../src/rooms/transitions.ts";
import { decode } from "../src/wire/cbor.ts";
import type { Json } from "./vectors.ts";
import { bytes, equal, load, optional } from "./vectors.ts";

function any(text: string) {
  return decode(bytes(text), 65_536);
}

function taken(json: Json): TakenState[] {
  return json.map((one: Json) => ({
    hash: bytes(one.hash),
    author: bytes(one.author),
    n: one.n,
    state: asState(any(one.state)),
  }));
}

function ranksOf(rosters: Json[]): RanksOf {
  return (ref) => {
    const roster = rosters.find(({ ref: [mandateSeq, seq, hash] }) => {
      return sameRoster({ mandateSeq, seq, hash: bytes(hash) }, ref);
    });
    if (roster === undefined) return null;
    return (id) => roster.ranks.find(([device]: [string]) => device === hex(id))?.[1] ?? null;
  };
}

/** Rosters of vectors write a rank as [rank, device] or [device, rank]. */
function normal(roster: Json): Json {
  const ranks = roster.ranks.map(([a, b]: [Json, Json]) => (typeof a === "string" ? [a, b] : [b, a]));
  return { ...roster, ranks };
}

const heads = load("room_heads");
const known = ranksOf(heads.rosters.map(normal));

for (const one of heads.sets) {
  test(`head: ${one.name} (ROOM-04 to ROOM-11, ROOM-28)`, () => {
    const states = taken(one.states);
    const found = verdicts(states, bytes(heads.root), known);
    assert.deepEqual(
      states.map((state) => found.get(hex(state.hash))),
      one.states.map((state: Json) => state.verdict),
    );
    const valid = states.filter((state) => found.get(hex(state.hash)) === "valid");
    const head = headOf(valid, known, (id) => one.suspended.includes(hex(id)));
    equal(head?.hash ?? null, one.head);
  });
}

test("an epoch that is not the next one is refused under a parent that is held, too (ROOM-10)", () => {
  const one = heads.sets.find((set: Json) => set.name === "parent that is held");
  const [held, other] = taken(one.states) as [TakenState, TakenState];
  const [parent, child] = held.state.epoch < other.state.epoch ? [held, other] : [other, held];
  const wrong = { ...child, state: { ...child.state, epoch: child.state.epoch + 1 } };
  const found = verdicts([parent, wrong], bytes(heads.root), known);
  assert.deepEqual([found.get(hex(parent.hash)), found.get(hex(wrong.hash))], ["held", "refused"]);
});

const scenes = load("room_acts");

for (const one of scenes.scenes) {
  test(`acts: ${one.name} (ROOM-12 to ROOM-14, ROOM-27)`, () => {
    const ranks = ranksOf([normal(scenes.roster)]);
    const states = taken(one.states);
    const head = states.find((state) => hex(state.hash) === one.head) ?? null;
    const acts = one.acts.flatMap((act: Json) => {
      const name = actOf(act.kind, any(act.payload));
      return name === null ? [] : [{ hash: bytes(act.hash), k: act.k, name }];
    });
    const holds = holding(states, head, acts, ranks, () => false);
    assert.deepEqual(holds, { phase: one.phase, sensitive: one.sensitive, keeps: one.keeps });
  });
}

const chains = load("transcript").chains;

for (const one of chains) {
  test(`chain: ${one.name} (TRN-06, TRN-07, TRN-09, TRN-13)`, () => {
    const entries = one.entries.map((json: Json) => {
      const payload = any(json.content) as ReadonlyMap<number, Bytes>;
      const author = {
        accountId: bytes(json.account_id),
        deviceId: bytes(json.device_id),
        signPublic: optional(json.sign_public),
      };
      const [header, body] = [payload.get(1) as Bytes, payload.get(2) as Bytes];
      const hash = entryHashOf(author.accountId, author.deviceId, commitmentOf(body), header);
      return readEntry(author, any(json.content), contentIdOf(hash), decodeHeader(header).sentMs);
    });
    let view = NOTHING_SEEN;
    const findings: Json[] = [];
    for (const index of one.order) {
      const result = takeEntry(view, entries[index]);
      view = result.view;
      for (const finding of result.findings)
        findings.push([finding.name, hex(finding.tag), finding.n, hex(finding.by)]);
    }
    assert.deepEqual(findings, one.findings);
    assert.deepEqual(
      missing(view).map((range) => [hex(range.tag), range.first, range.last]),
      one.missing,
    );
    assert.deepEqual(
      linksOf(view, null).map((link) => [hex(link.tag), link.n, hex(link.hash)]),
      one.links,
    );
  });
}

test("the order of 205 entries under wrong clocks (TRN-16)", () => {
  const order = load("order");
  const entries = order.entries.map((one: Json) => ({
    hash: bytes(one.hash),
    header: decodeHeader(bytes(one.header)),
  }));
  const k = places(entries, bytes(order.root));
  for (const one of order.entries) assert.equal(k.get(one.hash), one.k);
  for (const given of [entries, [...entries].reverse()]) {
    assert.deepEqual(
      inOrder(given, bytes(order.root)).map((entry) => hex((entry as Json).hash)),
      order.order,
    );
  }
});
