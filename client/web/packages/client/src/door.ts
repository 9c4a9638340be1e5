/** A company's door on the customer's side: fetched, verified, and whose it is (CNS-04, CNS-26, CNS-27, CNS-44). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { same } from "@sealroom/core/bytes.ts";
import type { Door } from "@sealroom/core/consent/door.ts";
import { statedAccount, verifyDoor } from "@sealroom/core/consent/door.ts";
import { RemoteError } from "@sealroom/core/errors.ts";
import type { CompanyCard } from "./engine/new_engine.ts";
import type { FetchDoor } from "./engine/ports.ts";
import { DoorError } from "./errors.ts";

const LOCAL = /^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::[1-9][0-9]{0,4})?$/;
const ON_THIS_MACHINE = /^https?:\/\/(?:[a-z0-9-]+\.)*localhost(?::[1-9][0-9]{0,4})?$/;

/** What is known of the company before its door is read; `relayUrl` from an earlier consent. */
export interface KnownCompany {
  readonly accountId: Bytes;
  readonly relayUrl: string | null;
  /** Pages of it that its mandate names. */
  readonly origins: readonly string[];
}

export interface FoundDoor {
  readonly door: Door;
  readonly origin: string;
  /** Nothing was known of the company: its account is trusted because the origin serves it (CNS-27). */
  readonly isFirst: boolean;
}

export function cardOf({ door }: FoundDoor): CompanyCard {
  const { mandate, notice } = door;
  return { accountId: mandate.accountId, relayUrl: notice.relayUrl, name: notice.controller.name };
}

/**
 * Fetch and verify the door of an origin such as `https://praxis.example`.
 *
 * @throws DoorError
 */
export async function findDoor(
  origin: string,
  nowMs: () => number,
  known: KnownCompany | null,
  fetchDoor: FetchDoor,
): Promise<FoundDoor> {
  const encoded = await fetchDoor(origin);
  return { door: openDoor(encoded, origin, nowMs(), known), origin, isFirst: known === null };
}

function openDoor(encoded: Bytes, origin: string, nowMs: number, known: KnownCompany | null): Door {
  const stated = reading(() => statedAccount(encoded));
  if (known !== null && !same(stated, known.accountId)) throw ofAnother(origin, known);
  // A mandate names no origin without TLS, so none on this machine can be checked (CNS-26).
  const isLocal = LOCAL.test(origin) || (origin.startsWith("http:") && ON_THIS_MACHINE.test(origin));
  const context = { accountId: stated, origin: isLocal ? null : origin, relayUrl: known?.relayUrl ?? null, nowMs };
  try {
    return verifyDoor(encoded, context);
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error;
    if (error.code === "room.mandate") throw whyNotNow(encoded, context, error);
    if (error.code === "remote.identity" && known !== null) throw ofAnother(origin, known);
    throw new DoorError("door.invalid", `what came is no door of a company (${error.code})`);
  }
}

/** Of another account: on a page of the known company that is one that may pretend, elsewhere a second company. */
function ofAnother(origin: string, known: KnownCompany): DoorError {
  const isTheirs = known.origins.length === 0 || known.origins.includes(origin);
  if (isTheirs) return new DoorError("door.identity", "the door is of another account or relay than the known one");
  return new DoorError("door.second", "this store holds rooms with another company");
}

function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error;
    throw new DoorError("door.invalid", `what came is no door of a company (${error.code})`);
  }
}

/** Tell apart why mandate, time and page do not go together: without the page, does it hold? */
function whyNotNow(encoded: Bytes, context: Parameters<typeof verifyDoor>[1], error: RemoteError): DoorError {
  try {
    verifyDoor(encoded, { ...context, origin: null });
  } catch (other) {
    if (!(other instanceof RemoteError)) throw other;
    return new DoorError("door.expired", `a part of the door is not valid at this time: ${error.message}`);
  }
  return new DoorError("door.origin", "the company that signed the door has not named this origin");
}
