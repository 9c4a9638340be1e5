/** A backend of a room that cannot be: it says what is in the way, and does nothing. */

import type { Obstacle, RoomBackend, RoomState } from "@sealroom/ui/backend.ts";
import type { Plain } from "./acts.ts";
import { PLAIN } from "./acts.ts";

/** A room of which nothing is known yet, or never will be. */
export function bareState(obstacle: Obstacle | null): RoomState {
  return {
    room: null,
    link: "connecting",
    phase: obstacle === null ? "loading" : "blocked",
    members: [],
    items: [],
    hasEarlier: false,
    unread: 0,
    canWrite: false,
    canSendFiles: false,
    maxFileB: 0,
    alarm: null,
    obstacle,
    fault: null,
    company: null,
    notice: null,
    staleUntilMs: null,
    acceptedMode: null,
    keeping: { mode: "session", untilMs: null },
    canRate: false,
    canReopen: false,
    erasure: "none",
    heldUntilMs: null,
    account: "none",
    code: "none",
  };
}

function refuse(): Promise<never> {
  return Promise.reject(
    Object.assign(new Error("there is no room"), { code: "local.unsupported", isRetryable: false }),
  );
}

/** Nothing is read, stored or asked for. */
export function obstructed(obstacle: Obstacle): RoomBackend {
  const state = bareState(obstacle);
  const plain = Object.fromEntries(PLAIN.map((name) => [name, refuse])) as unknown as Pick<RoomBackend, Plain>;
  return {
    ...plain,
    state: () => state,
    subscribe: () => () => {},
    seen: () => {},
    inspect: async () => [],
    sendFile: refuse,
    saveFile: refuse,
    preview: refuse,
    exportTranscript: refuse,
    identify: refuse,
  };
}
