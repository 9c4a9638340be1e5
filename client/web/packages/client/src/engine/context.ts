/** What the parts of the engine share: all that is known, in memory; every change goes through a turn into rows too. */

import type { Bytes } from "@sealroom/core/bytes.ts";
import type { DeviceList } from "@sealroom/core/identity/list.ts";
import type { Encapsulate, Rng } from "@sealroom/core/ports.ts";
import type { Session } from "@sealroom/core/session.ts";
import type { Held } from "./contents.ts";
import type { Directory } from "./directory.ts";
import type { Kin } from "./kin.ts";
import type { Links } from "./links.ts";
import type { Outbox } from "./outbox.ts";
import type { Company, Mailbox, Own, OwnPrekey, Peer, TakenFlight } from "./records.ts";
import type { Room } from "./rooms/model.ts";
import type { SeenIds } from "./seen_ids.ts";
import type { Team } from "./team.ts";
import type { Timers } from "./timers.ts";

/** The code for what comes from others. */
export type Received = typeof import("./received.ts");

export interface Context {
  readonly rng: Rng;
  readonly encapsulate: Encapsulate;
  /** Four bytes, drawn at each opening of the store and never stored (SES-29). */
  readonly line: Bytes;
  own: Own;
  mailbox: Mailbox;
  company: Company;
  /** All lists that we have signed, the newest last (ID-40, ID-45). */
  readonly ownLists: DeviceList[];
  /** By device id. */
  readonly peers: Map<string, Peer>;
  /** By session id. */
  readonly sessions: Map<string, Session>;
  /** By the key of the row. */
  readonly prekeys: Map<string, OwnPrekey>;
  readonly flights: Map<string, TakenFlight>;
  readonly outbox: Outbox;
  /** Contents that came while the company's list was past its end, by the key of the row (ID-36). */
  readonly held: Map<string, Held>;
  /** Content ids of which devices are to be told that they have come, by device id. */
  readonly receipts: Map<string, readonly Bytes[]>;
  /** How often a content was confirmed on a session (SES-42). */
  readonly confirmed: Map<string, number>;
  readonly seen: SeenIds;
  readonly timers: Timers;
  readonly links: Links;
  readonly directory: Directory;
  readonly team: Team;
  /** By room id. */
  readonly rooms: Map<string, Room>;
  /** The other devices of our account; null where it has no directory entry. */
  kin: Kin | null;
  /** Another device has the account now, or its list has left this one out: nothing is written any more (ACC-67). */
  isReplaced: boolean;
  /** Whether this device has a recovery code, and the person has shown to have it on paper (ACC-60, ACC-68). */
  code: "none" | "shown" | "kept" | "used";
  /** Whether the company's list was found past its end, and said so (ID-36). */
  staleTold: boolean;
  /** Null until it is here: nothing has come before. */
  received: Received | null;
}
