/** The other devices of our account, for the engine (`engine/kin.ts`). */

import { same } from "@sealroom/core/bytes.ts";
import { names } from "@sealroom/core/identity/list.ts";
import { checkIdentity } from "@sealroom/core/identity/signed.ts";
import { tokenHash } from "@sealroom/core/relay/proofs.ts";
import * as requests from "@sealroom/core/relay/requests.ts";
import type { Context } from "../engine/context.ts";
import type { Kin } from "../engine/kin.ts";
import type { Link } from "../engine/links.ts";
import { ask } from "../engine/links.ts";
import { refuse } from "../engine/mailbox.ts";
import type { Row } from "../engine/ports.ts";
import { setReplaced } from "../engine/state_ends.ts";
import type { Turn } from "../engine/turn.ts";
import { idsOf } from "./devices.ts";
import { publish, refill } from "./entry.ts";
import { checkListed, endingOf, isByCode, isReplacedBy, isSignedBeside, noteListed } from "./own_list.ts";
import { begin, mayHave } from "./rooms.ts";
import type { KinState } from "./state.ts";
import { presentOf, setRow, setSibling, stateOf } from "./state.ts";

const COMPARES_APART_MS = 600_000;
const LOOK_MS = 2_000;
/** How long a device counts as one that comes now, by the list that names it: its own clock may be a day off (ACC-35). */
const NEW_MS = 1_200_000;
const TIMER = "own devices";

const states = new WeakMap<Kin, KinState>();

export function kinOf(c: Context, rows: readonly Row[]): Kin {
  const k = stateOf(c, rows);
  const kin: Kin = {
    ids: () => idsOf(k),
    mayHave: (room, kept, id) => mayHave(k, room, kept, id),
    signerOf: (id) => [...k.others.values()].find((one) => same(one.record.deviceId, id))?.record.signPublic ?? null,
    wayBack: () => ({ mailbox: c.mailbox.id, token: k.row.ownToken, relayUrl: c.mailbox.relayUrl }),
    put: (turn) => {
      setRow(k, turn);
      for (const one of k.others.values()) setSibling(k, turn, one);
    },
    greeted: (turn, link) => greeted(k, turn, link),
    maintain: (turn) => {
      // The mailbox is left to the device that goes on, which may be a copy of this one (ID-48).
      if (c.isReplaced) c.links.online = false;
      look(k, turn);
      refill(k, turn);
    },
    compare: (turn) => compareSoon(k, turn),
    told: (turn, seq) => {
      if (seq > c.own.list.seq) compareSoon(k, turn);
    },
    given: (turn, list, isShown) => {
      if (isReplacedBy(k, list) || isSignedBeside(k, list, isShown)) setReplaced(c, turn, isByCode(k, list));
      else if (list.seq > Math.max(k.givenSeq, c.own.list.seq)) {
        k.givenSeq = list.seq;
        compareNow(k, turn);
      } else kin.told(turn, list.seq);
      if (isShown) noteListed(k, turn, [list]);
    },
    checkFlight: (turn, { list, peer }) => {
      if (list.seq > c.own.list.seq) compareSoon(k, turn);
      checkIdentity(names(c.own.list, peer), "a device that our own list does not name");
    },
    ending: (nowMs) => endingOf(c.own, nowMs),
    checkListed: (nowMs) => checkListed(c.own, nowMs),
    opened: (turn, deviceId, content) => begin(c, turn, deviceId, content),
  };
  states.set(kin, k);
  return kin;
}

/** What an engine's account has beside it; null without a directory entry. */
export function kinState(c: Context): KinState | null {
  return c.kin && (states.get(c.kin) ?? null);
}

function greeted(k: KinState, turn: Turn, link: Link): void {
  const { mailbox } = k.c;
  const add = (token: Uint8Array, tokenClass: number) => {
    const request = requests.addTokens(mailbox.id, [tokenHash(new Uint8Array(token))], tokenClass);
    ask(turn, link, request, (later, answer) => {
      if (answer.name !== "done") refuse(k.c, later, link, answer);
      else if (tokenClass === requests.CLASS_FRONT_DOOR) setRow(k, later, { tokensKnown: true });
    });
  };
  if (!k.row.tokensKnown || link.hasCreated) {
    add(k.row.ownToken, requests.CLASS_CONTACT);
    add(k.row.doorToken, requests.CLASS_FRONT_DOOR);
  }
  k.isFresh = false;
  look(k, turn);
  publish(k, turn, link);
}

/** Compare our entry, at most once in ten minutes; what is asked for sooner is done then (ACC-39). */
function compareSoon(k: KinState, turn: Turn): void {
  const dueMs = Math.min(k.askedMs, turn.nowMs) + COMPARES_APART_MS;
  if (k.askedMs > 0 && turn.nowMs < dueMs) k.c.timers.set(TIMER, dueMs, (later) => compareNow(k, later));
  else compareNow(k, turn);
}

function compareNow(k: KinState, turn: Turn): void {
  k.askedMs = turn.nowMs;
  if (k.row.publishedSeq === 0) return;
  [k.comparedMs, k.isFresh] = [null, false];
  refill(k, turn);
}

/** As long as a new device cannot be reached that is owed our rooms, look for its address (ACC-52). */
export function look(k: KinState, turn: Turn): void {
  if (!presentOf(k).some((one) => one.owed && one.listed)) return;
  const isNew = Math.abs(turn.nowMs - k.c.own.list.issuedMs) < NEW_MS;
  k.c.timers.set("new device", turn.nowMs + (isNew ? LOOK_MS : COMPARES_APART_MS), (later) => look(k, later));
  [k.comparedMs, k.isFresh] = [null, false];
  refill(k, turn);
}
