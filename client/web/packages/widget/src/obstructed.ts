/** A backend of a room that cannot be: it says what is in the way, and does nothing. */

import type { Obstacle, RoomBackend, RoomState } from "@sealroom/ui/backend.ts";

/** A room of which nothing is known yet, or never will be. */
export function bareState(obstacle: Obstacle | null): RoomState {
  return {
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
    company: null,
    notice: null,
    staleUntilMs: null,
    acceptedMs: null,
    keeping: { mode: "session", untilMs: null },
    canRate: false,
    canReopen: false,
    erasure: "none",
    heldUntilMs: null,
    account: "none",
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
  return {
    state: () => state,
    subscribe: () => () => {},
    seen: () => {},
    inspect: () => [],
    loadEarlier: refuse,
    send: refuse,
    retry: refuse,
    edit: refuse,
    erase: refuse,
    answer: refuse,
    markSensitive: refuse,
    sendFile: refuse,
    cancelFile: refuse,
    fetchFile: refuse,
    saveFile: refuse,
    preview: refuse,
    showNotice: refuse,
    accept: refuse,
    refuse,
    reconsider: refuse,
    withdraw: refuse,
    forget: refuse,
    freeze: refuse,
    unfreeze: refuse,
    close: refuse,
    reopen: refuse,
    rate: refuse,
    exportTranscript: refuse,
    identify: refuse,
    recover: refuse,
    startAnew: refuse,
    recoveryCode: refuse,
    settleAlarm: refuse,
    tryAgain: refuse,
    further: refuse,
  };
}
