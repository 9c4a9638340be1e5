/** A company's door from its origin: no cookie, no referrer, no redirect, at most 262 144 bytes (CNS-26). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { concat } from "@sealroom/core/bytes.ts";
import type { FetchDoor } from "../engine/ports.ts";
import type { DoorCode } from "../errors.ts";
import { DoorError } from "../errors.ts";

const PATH = "/.well-known/sealroom-door";
const MAX_DOOR_B = 262_144;
const PATIENCE_MS = 15_000;
const TOO_MANY = 429;
const SERVER_ERROR = 500;

export const fetchDoor: FetchDoor = async (origin) => {
  const response = await reached(async () => {
    return await fetch(origin + PATH, {
      credentials: "omit",
      redirect: "manual",
      referrerPolicy: "no-referrer",
      cache: "no-cache",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  });
  const code = refusalOf(response);
  if (code !== null) {
    await response.body?.cancel();
    throw new DoorError(code, "the origin gives no door");
  }
  return await reached(() => bodyOf(response));
};

function refusalOf(response: Response): DoorCode | null {
  if (response.type === "opaqueredirect") return "door.elsewhere";
  if (response.ok) return null;
  return response.status === TOO_MANY || response.status >= SERVER_ERROR ? "door.refused" : "door.missing";
}

/** What the network refuses has no other name in a browser. */
async function reached<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof DOMException)) throw error;
    throw new DoorError("door.unreachable", "the origin cannot be reached, or does not answer in time");
  }
}

async function bodyOf(response: Response): Promise<Bytes> {
  const parts: Uint8Array[] = [];
  let sizeB = 0;
  const reader = response.body?.getReader();
  for (let read = await reader?.read(); read?.done === false; read = await reader?.read()) {
    sizeB += read.value.length;
    if (sizeB > MAX_DOOR_B) {
      await reader?.cancel();
      throw new DoorError("door.too_large", "a door has at most 262144 bytes");
    }
    parts.push(read.value);
  }
  return concat(...parts);
}
