/** An engine of a new account. */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { u64 } from "@sealroom/core/bytes.ts";
import type { Rng } from "@sealroom/core/ports.ts";
import { draw } from "@sealroom/core/ports.ts";
import { encapsulation } from "@sealroom/core/primitives/kem.ts";
import type { Context } from "./context.ts";
import { newDirectory } from "./directory.ts";
import { Engine } from "./engine.ts";
import { Outbox } from "./outbox.ts";
import type { Company, Mailbox, Own } from "./records.ts";
import { SeenIds } from "./seen_ids.ts";
import { setCompany, setMailbox, setOwn } from "./state.ts";
import { newTeam } from "./team.ts";
import { Timers } from "./timers.ts";
import type { Turn } from "./turn.ts";
import { newAccount, newMailbox, rotate } from "./upkeep.ts";

const LINE_B = 4;

/** What an engine knows that has met nobody yet. */
export function contextOf(rng: Rng, own: Own, mailbox: Mailbox, company: Company): Context {
  return {
    ...{ rng, encapsulate: encapsulation(rng), line: draw(rng, LINE_B) },
    ...{ own, mailbox, company, ownLists: [own.list] },
    ...{ peers: new Map(), sessions: new Map(), prekeys: new Map(), flights: new Map() },
    ...{ outbox: new Outbox(), held: new Map(), receipts: new Map(), confirmed: new Map(), seen: new SeenIds() },
    ...{ timers: new Timers(), links: { online: false, all: new Map() }, directory: newDirectory() },
    ...{
      team: newTeam(),
      rooms: new Map(),
      kin: null,
      isReplaced: false,
      code: "none",
      staleTold: false,
      received: null,
    },
  };
}

export interface CompanyCard {
  readonly accountId: Bytes;
  readonly name: string;
  readonly relayUrl: string;
}

/** An account that was made by accepting a notice, with the company as its one contact (CNS-18, CNS-44). */
export function newEngine(rng: Rng, card: CompanyCard, nowMs: number): Engine {
  return engineFor(rng, newAccount(rng, nowMs), card);
}

/** The engine of a device that is made now. */
export function engineFor(rng: Rng, own: Own, card: CompanyCard): Engine {
  const company = { ...card, list: null, lookedUpMs: 0, alarm: "" };
  return new Engine(contextOf(rng, own, newMailbox(rng, card.relayUrl), company));
}

/** The rows of a new account, in the step that opens its room. */
export function putNew(c: Context, turn: Turn): void {
  setOwn(c, turn, c.own);
  turn.put("list", u64(c.own.list.seq), () => c.own.list.signed);
  setMailbox(c, turn, c.mailbox);
  setCompany(c, turn, c.company);
  c.kin?.put(turn);
  rotate(c, turn);
}
